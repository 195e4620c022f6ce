"""What `tabstream unbind` does: the owner lets go, the tab is cleaned, the entry leaves the file, the status goes.

In this order, so that a command that was stopped halfway is simply run again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from tabstream.bindings_file import load_bindings
from tabstream.bindings_writing import change_file, without_entry
from tabstream.config import Settings
from tabstream.core.binding import Binding, Bindings, Direction
from tabstream.errors import BindingProblem, OperatorError, Outage
from tabstream.kafka.messages import SignalKind, Status
from tabstream.kafka.status_topic import decode, read_newest, status_decoder
from tabstream.operations.binding.cleaning import clean, read_marked
from tabstream.operations.binding.doors import Doors
from tabstream.operations.pausing import change, paused_by_operator
from tabstream.operations.signalling import send
from tabstream.operations.status import SILENT_AFTER_MS, is_unbound
from tabstream.postgres.schema import installed_version
from tabstream.postgres.statements import statement

_REASON = "tabstream unbind"
_LET_GO_MS = 12_000  # an owner reports at least every ten seconds
_LOOK_SECONDS = 1.0
_ACKNOWLEDGE_SECONDS = 10.0
_ANSWER_SECONDS = 10.0
Say = Callable[[str], None]


class LeftPaused(Outage):
    """The tab may have been cleaned or not: its owner must not go on with it."""

    def __init__(self, name: str, problem: Outage) -> None:
        super().__init__(f"{name} stays paused, its tab could not be cleaned: {problem}")
        self.remedy = f"run tabstream unbind {name} again, which goes on here; or tabstream resume {name}"


@dataclass(frozen=True, slots=True)
class Unbound:
    """What was done. `tab_gone`: there was no tab any more; `still_held`: its owner still reports the binding."""

    binding: str
    from_file: bool
    tab_gone: bool
    still_held: bool


@dataclass(frozen=True, slots=True)
class Unbinder:
    """Unbinds; `say` is told what is under way, `wait_seconds` is how long the owner is given to let go."""

    doors: Doors
    say: Say
    wait_seconds: float

    def unbind(self, name: str, keep_marks: bool, force: bool) -> Unbound:
        """Raises Outage, or OperatorError for no such binding and for edits that nobody has answered, unless `force`."""
        path = self.doors.settings.required_path("bindings_file")
        bindings = load_bindings(path)
        binding, status = bindings.named(name), newest_status(self.doors.settings, name)
        if binding is None and status is None:
            known = ", ".join(b.name for b in bindings.bindings) or "none"
            raise OperatorError(f"there is no binding {name!r} in the bindings file", f"choose one of: {known}")
        is_owned = status is not None and is_reported(status, self.doors.clock.now_ms(), SILENT_AFTER_MS)
        with self.doors.database() as connection:  # before anything is paused that would stay so
            has_decided = not keep_marks and installed_version(connection) is not None
        tab_gone = False
        if binding is not None:
            tab_gone = self._let_go_of(binding, bindings, status if is_owned else None, keep_marks, force)
            change_file(path, lambda text: without_entry(text, name))
        if has_decided:
            with self.doors.database() as connection:
                connection.execute(statement("forget_binding"), {"binding": name})
        still_held = is_owned and not self._is_let_go(name)
        if not still_held:
            clear_status(self.doors, name)
        return Unbound(name, binding is not None, tab_gone, still_held)

    def _let_go_of(self, binding: Binding, bindings: Bindings, status: Status | None, keep_marks: bool, force: bool) -> bool:
        """Pauses the binding where somebody owns it, and cleans its tab; True where there is none any more."""
        if status is not None and not force and binding.direction is not Direction.DATABASE_TO_SHEET:
            refuse_open_work(binding.name, status)
        was_paused = status is not None and paused_by_operator(status)
        if status is not None and not was_paused:
            change(self.doors.settings, self.doors.clock, binding.name, SignalKind.PAUSE, _REASON, self.wait_seconds, self.say)
        try:
            self.say(f"{binding.name}: reading its tab")
            marked = read_marked(self.doors, binding)
            if marked is not None and marked.unanswered and not force:
                raise OperatorError(
                    f"{marked.unanswered} edits and new rows in tab {marked.tab.title!r} are not saved yet",
                    "wait until tabstream status shows none, or --force: they stay in the sheet alone",
                )
            is_last = len(bindings.of_spreadsheet(binding.spreadsheet_id)) == 1
            try:
                return not clean(self.doors, binding, is_last, keep_marks)
            except Outage as problem:
                if status is None:
                    raise
                raise LeftPaused(binding.name, problem) from problem
        except BindingProblem as problem:
            if force:
                return True
            self._go_on(binding, status, was_paused)
            raise OperatorError(problem.problem, f"{problem.remedy}; or --force, which leaves the tab as it is") from problem
        except LeftPaused:
            raise
        except (OperatorError, Outage):
            self._go_on(binding, status, was_paused)
            raise

    def _go_on(self, binding: Binding, status: Status | None, was_paused: bool) -> None:
        """Lets the binding run again that was paused for nothing."""
        if status is not None and not was_paused:
            send(self.doors.settings, self.doors.clock, binding.spreadsheet_id, binding.name, SignalKind.RESUME)

    def _is_let_go(self, name: str) -> bool:
        """Waits until the owner reports the binding no more."""
        self.say(f"{name}: waiting until its owner lets go")

        def look() -> bool:
            status = newest_status(self.doors.settings, name)
            return status is None or not is_reported(status, self.doors.clock.now_ms(), _LET_GO_MS)

        waiting = Retrying(
            retry=retry_if_result(lambda is_so: not is_so),
            wait=wait_fixed(_LOOK_SECONDS),
            stop=stop_after_delay(self.wait_seconds),
        )
        try:
            return bool(waiting(look))
        except RetryError:
            return False


def refuse_open_work(name: str, status: Status) -> None:
    """Raises OperatorError where the owner says that something of people is under way."""
    details = json.loads(status.details)
    kinds = {
        "edits wait for their answers": status.edits_waiting,
        "rows wait for a confirmation": status.held,
        "new rows are not complete": status.incomplete,
        "rows were deleted in the sheet": int(details.get("deletes_under_way") or 0),
    }
    if found := [f"{count} {what}" for what, count in kinds.items() if count]:
        raise OperatorError(
            f"{name}: {', '.join(found)}", "wait, confirm or complete them, or --force: they are not saved then"
        )


def newest_status(settings: Settings, name: str) -> Status | None:
    """What was last reported of a binding, also of one that was let go. Raises Outage, or OperatorError."""
    raw = read_newest(settings, _ANSWER_SECONDS)
    if name not in raw:
        return None
    statuses, unreadable = decode({name: raw[name]}, status_decoder(settings))
    if unreadable:
        raise OperatorError(f"the status of {name!r} can't be read: {unreadable[name]}", "use the sheet sink's version")
    return statuses[0]


def is_reported(status: Status, now_ms: int, silent_after_ms: int) -> bool:
    """True where an owner has the binding: it has not let it go, and was not silent for so long."""
    return not is_unbound(status) and now_ms - status.at_ms <= silent_after_ms


def clear_status(doors: Doors, name: str) -> None:
    """Takes the binding out of the topic of statuses. Raises Outage."""
    try:
        doors.services.publisher.no_status(name).result(_ACKNOWLEDGE_SECONDS)
    except TimeoutError as problem:
        raise Outage(f"kafka at {doors.settings.bootstrap_servers} has not taken the message in time") from problem
