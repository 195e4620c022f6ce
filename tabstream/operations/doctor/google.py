"""What is judged of the credentials, the spreadsheets and the quota. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tabstream.core.binding import Binding
from tabstream.errors import BindingProblem, TabstreamError
from tabstream.operations.doctor.findings import Finding, Group, Step, hand, ok, shell, skipped, warning, wrong
from tabstream.sheets.errors import QuotaRefused

CREDENTIALS = "credentials"
REACHABLE = "reachable"
CHECKS = ("spreadsheet", "shared as editor", "tab")
QUOTA = "quota"
_GOOGLE = Group.GOOGLE


@dataclass(frozen=True, slots=True)
class Credentials:
    """The key file: `problem` where it can't be used, else the account; `open_to_others` where any user can read it.

    `path` is None where a stand-in for Google is asked without any, and where the setting is missing, which is the problem.
    """

    path: str | None
    account: str = ""
    problem: str | None = None
    open_to_others: bool = False


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """One spreadsheet and its bindings. `problem` is why it can't be read; `edits` None where Drive does not say.

    `account` is whom it was asked for as, "" for nobody; `passed_over` are those that were to serve it before and may not edit
    it. `missing` are the bindings whose tab is not there, `unmarked` what is wrong with tabs that have lost their marks.
    """

    spreadsheet_id: str
    name: str
    account: str = ""
    title: str = ""
    problem: TabstreamError | None = None
    edits: bool | None = None
    drive_problem: TabstreamError | None = None
    bindings: Sequence[Binding] = ()
    missing: Sequence[Binding] = ()
    unmarked: Sequence[tuple[Binding, BindingProblem]] = ()
    passed_over: Sequence[str] = ()

    @property
    def is_denied(self) -> bool:
        """Whether another account may have what this one lacks."""
        return self.edits is False or (isinstance(self.problem, BindingProblem) and _is_access(self.problem))


def judge_credentials(found: Credentials) -> Iterator[Finding]:
    """The key file as a file; whether Google takes it is seen with each spreadsheet."""
    if found.path is None and found.problem is not None:
        yield from skipped(_GOOGLE, (CREDENTIALS,), found.problem)
    elif found.path is None:
        yield ok(_GOOGLE, CREDENTIALS, "none needed: TABSTREAM_SHEETS_URL is set")
    elif found.problem is not None:
        # the error says what to do after its last colon
        said, _, remedy = found.problem.rpartition(": ")
        yield wrong(_GOOGLE, CREDENTIALS, said, hand(remedy))
    elif found.open_to_others:
        said = f"{found.path!r} can be read by every user of this machine"
        yield warning(_GOOGLE, CREDENTIALS, said, shell("chmod", "go-rwx", found.path))
    else:
        yield ok(_GOOGLE, CREDENTIALS, f"the key of {found.account}")


def judge_spreadsheets(spreadsheets: Sequence[Spreadsheet]) -> Iterator[Finding]:
    """Each spreadsheet; what keeps all of them from being read is told once."""
    common = _common_problem(spreadsheets)
    if common is None:
        for spreadsheet in spreadsheets:
            yield from judge_spreadsheet(spreadsheet)
        return
    if isinstance(common, BindingProblem):
        yield wrong(_GOOGLE, REACHABLE, common.problem, hand(common.remedy))
    else:
        yield wrong(_GOOGLE, REACHABLE, str(common), hand("see to it that this machine reaches Google's APIs"))
    yield from skipped(_GOOGLE, CHECKS, "Google can't be asked")


def _common_problem(spreadsheets: Sequence[Spreadsheet]) -> TabstreamError | None:
    """A problem that is none of one spreadsheet's own."""
    first = next((spreadsheet for spreadsheet in spreadsheets), None)
    if first is None or first.problem is None or isinstance(first.problem, QuotaRefused):
        return None
    same = all(str(spreadsheet.problem) == str(first.problem) for spreadsheet in spreadsheets)
    return first.problem if same and first.spreadsheet_id not in str(first.problem) else None


def judge_spreadsheet(found: Spreadsheet) -> Iterator[Finding]:
    """Whether it is there, may be written to, and has the bound tabs."""
    name = found.name
    match found.problem:
        case None:
            yield ok(_GOOGLE, "spreadsheet", f"{found.title!r}", subject=name)
            yield from _editing(found)
            yield from _tabs(found)
            return
        case QuotaRefused():
            yield from skipped(_GOOGLE, ["spreadsheet"], "Google's quota is used up just now", name)
        case BindingProblem() as problem:
            step = _share(found, [found.account]) if _is_access(problem) else hand(problem.remedy)
            yield wrong(_GOOGLE, "spreadsheet", problem.problem, step, subject=name)
        case problem:
            yield wrong(_GOOGLE, "spreadsheet", str(problem), hand("see to it that this machine reaches Google"), subject=name)
    yield from skipped(_GOOGLE, CHECKS[1:], "the spreadsheet can't be read", name)


def refused(found: Spreadsheet) -> bool:
    """Whether Google has refused a call about it for the quota."""
    return isinstance(found.problem, QuotaRefused) or isinstance(found.drive_problem, QuotaRefused)


def judge_quota(refused: bool, per_minute: int, share: float) -> Finding:
    """Whether Google refuses calls although all instances together keep to their `share` of so many calls `per_minute`."""
    if refused:
        said = f"Google refuses calls: more than its limit is used, and TABSTREAM_QUOTA_PER_MINUTE is {per_minute} here"
        steps = [
            hand("ask for more quota in the Google Cloud console, or give busy spreadsheets a service account of their own")
        ]
        return warning(_GOOGLE, QUOTA, said, *steps)
    return ok(_GOOGLE, QUOTA, f"{per_minute} calls a minute for each account, of which all instances take {share:.0%}")


def _editing(found: Spreadsheet) -> Iterator[Finding]:
    check = CHECKS[1]
    if found.passed_over:
        who = " and ".join(found.passed_over)
        said = f"{who} may not edit it, though meant to serve it: {found.account} does instead, out of its own quota"
        yield warning(_GOOGLE, check, said, _share(found, found.passed_over), subject=found.name)
    elif found.edits:
        yield ok(_GOOGLE, check, "yes", subject=found.name)
    elif found.edits is False:
        yield wrong(_GOOGLE, check, "it may be read only", _share(found, [found.account]), subject=found.name)
    else:
        problem = found.drive_problem
        said = f"Google Drive does not say: {problem.problem if isinstance(problem, BindingProblem) else problem}"
        steps = [hand("enable the Google Drive API in the project of the credentials, or set TABSTREAM_DRIVE_CHECK=false")]
        yield warning(_GOOGLE, check, said, *steps, subject=found.name)


def _tabs(found: Spreadsheet) -> Iterator[Finding]:
    for binding in found.missing:
        said = f"there is no tab {binding.tab!r} for binding {binding.name!r}"
        step = hand(f"in {_address(found.spreadsheet_id)}, add an empty tab named {binding.tab}")
        yield wrong(_GOOGLE, CHECKS[2], said, step, subject=found.name)
    for _, problem in found.unmarked:
        yield wrong(_GOOGLE, CHECKS[2], problem.problem, hand(problem.remedy), subject=found.name)
    ill = [*found.missing, *(binding for binding, _ in found.unmarked)]
    there = [binding.tab for binding in found.bindings if binding not in ill]
    if there:
        yield ok(_GOOGLE, CHECKS[2], ", ".join(there), subject=found.name)


def _is_access(problem: BindingProblem) -> bool:
    return problem.remedy.startswith(("share", "check its id"))


def _share(found: Spreadsheet, accounts: Sequence[str]) -> Step:
    who = " and ".join(filter(None, accounts)) or "the account of the credentials"
    return hand(f"share {_address(found.spreadsheet_id)} with {who} as editor; or correct its id in the bindings file")


def _address(spreadsheet_id: str) -> str:
    return f"https://docs.google.com/spreadsheets/d/{spreadsheet_id}/edit"
