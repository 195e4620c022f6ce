"""What `tabstream status` tells: how each binding stands, and which part of the system can't be asked."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TypeVar

import psycopg

from tabstream.bindings_file import load_bindings
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.errors import BindingProblem, ConfigurationError, Outage
from tabstream.kafka.messages import State, Status
from tabstream.kafka.status_topic import decode, read_newest, status_decoder
from tabstream.postgres.connection import connect
from tabstream.postgres.shape import read_table

SILENT_AFTER_MS = 30_000  # owners report at least every ten seconds
SECONDS = 0.7  # with the start of the command, an answer within a second
_A_MOMENT_SECONDS = 0.1
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class BindingReport:
    """One binding. `state` is an owner's, or `SILENT` where it has stopped reporting, `UNOWNED` where nobody has begun,
    `UNKNOWN` where its status can't be read, or nobody can be asked for it.

    `rows` is None where nobody knows it: a paused tab is not read. `oldest_change_seconds` is the age of the oldest change
    that the tab does not show yet.
    """

    binding: str
    spreadsheet_id: str
    tab: str | None
    table: str | None
    state: str
    owner: str | None = None
    rows: int | None = None
    lag_messages: int = 0
    oldest_change_seconds: float | None = None
    last_write_ms: int | None = None
    edits_waiting: int = 0
    incomplete: int = 0
    held: int = 0
    parked: int = 0
    problem: str | None = None
    remedy: str | None = None
    reported_ms: int | None = None

    @property
    def well(self) -> bool:
        """True where nothing waits for an operator."""
        return self.state == State.RUNNING and self.problem is None and not self.held and not self.parked

    @property
    def quiet(self) -> bool:
        """True where tab and table are equal and nothing is under way."""
        return self.well and not (self.lag_messages or self.edits_waiting or self.incomplete)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A part of the system that gave no answer in time."""

    part: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A sheet sink that owns spreadsheets, by the name under which it reports."""

    owner: str
    spreadsheets: int
    bindings: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that could be learnt. `warnings` are what processes go on in spite of; `file_problem` is what is wrong with
    the bindings file that this command was given, `has_file` whether it was given one."""

    bindings: tuple[BindingReport, ...]
    unreachable: tuple[Unreachable, ...] = ()
    warnings: tuple[str, ...] = ()
    file_problem: str | None = None
    has_file: bool = False

    @property
    def well(self) -> bool:
        """True where every binding is well, every part answers, and nothing has to be put right."""
        told = self.unreachable or self.warnings or self.file_problem
        return not told and all(report.well for report in self.bindings)

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The sheet sinks that report."""
        reporting = [report for report in self.bindings if report.owner and report.state != "SILENT"]
        owned = {owner: [r for r in reporting if r.owner == owner] for owner in sorted({str(r.owner) for r in reporting})}
        return tuple(Instance(owner, len({r.spreadsheet_id for r in found}), len(found)) for owner, found in owned.items())


def reports(
    statuses: Iterable[Status], bindings: Iterable[Binding], now_ms: int, unreadable: Mapping[str, str] | None = None
) -> tuple[BindingReport, ...]:
    """One report for each binding of the file and, if there is no file, for each that has a status.

    `unreadable` gives the reason for each binding whose status can't be read.
    """
    named = {binding.name: binding for binding in bindings}
    told = {status.binding: status for status in statuses if named or not is_unbound(status)}
    broken = unreadable or {}
    return tuple(
        _unreadable(name, broken[name], named.get(name))
        if name in broken
        else _report(name, told.get(name), named.get(name), now_ms)
        for name in named or sorted({*told, *broken})
    )


def is_unbound(status: Status) -> bool:
    """True where this is the last that was said of a binding: its entry is gone from the sheet sink's bindings file."""
    return bool(json.loads(status.details).get("unbound"))


def warnings_of(statuses: Iterable[Status], now_ms: int) -> tuple[str, ...]:
    """What the owners that report go on in spite of, each told once."""
    details = [json.loads(status.details) for status in statuses if now_ms - status.at_ms <= SILENT_AFTER_MS]
    return tuple(dict.fromkeys(str(warning) for found in details for warning in found.get("warnings", ())))


def read_overview(settings: Settings, clock: Clock, seconds: float = SECONDS) -> Overview:
    """Asks every part for at most `seconds` altogether. A wrong bindings file is told in the overview, which then shows
    whatever is reported."""
    try:
        bindings = load_bindings(settings.bindings_file).bindings if settings.bindings_file else ()
        file_problem = None
    except ConfigurationError as problem:
        bindings, file_problem = (), str(problem)
    found = _ask(settings, clock, seconds, bindings)
    return replace(found, file_problem=file_problem, has_file=settings.bindings_file is not None)


def _ask(settings: Settings, clock: Clock, seconds: float, bindings: Sequence[Binding]) -> Overview:
    deadline = clock.monotonic() + seconds
    decoder = begun(lambda: status_decoder(settings))
    lacking = begun(lambda: table_problems(settings.database_url, bindings) if settings.database_url else {})
    try:
        raw = answer(begun(lambda: read_newest(settings, seconds)), seconds)
    except Outage as error:
        remedy = "start Kafka, or set TABSTREAM_BOOTSTRAP_SERVERS to where it is"
        return _blind(bindings, Unreachable("kafka", str(error), remedy), *_away(lacking, deadline - clock.monotonic()))
    try:
        decoded = begun(lambda: decode(raw, decoder.result()) if raw else ([], {}))
        statuses, unreadable = answer(decoded, deadline - clock.monotonic())
    except Outage as error:
        remedy = "start the schema registry, or set TABSTREAM_SCHEMA_REGISTRY_URL to where it is"
        return _blind(bindings, Unreachable("registry", str(error), remedy), *_away(lacking, deadline - clock.monotonic()))
    now_ms = clock.now_ms()
    found, warnings = reports(statuses, bindings, now_ms, unreadable), warnings_of(statuses, now_ms)
    if away := _away(lacking, deadline - clock.monotonic()):
        return Overview(found, away, warnings)
    problems = lacking.result()
    return Overview(tuple(_with_problem(r, problems.get(r.binding)) for r in found), warnings=warnings)


def _away(lacking: Future[dict[str, BindingProblem]], seconds: float) -> tuple[Unreachable, ...]:
    """The database, where it has not answered."""
    try:
        answer(lacking, seconds)
    except Outage as error:
        return (Unreachable("database", str(error), "start it, or correct TABSTREAM_DATABASE_URL"),)
    return ()


def table_problems(database_url: str, bindings: Iterable[Binding]) -> dict[str, BindingProblem]:
    """What the table of each binding lacks for edits to be saved; raises Outage."""
    found = {}
    try:
        with connect(database_url, "tabstream status", autocommit=True) as connection:
            for binding in bindings:
                try:
                    read_table(connection, binding, "Etc/GMT", {})
                except BindingProblem as problem:
                    found[binding.name] = problem
    except psycopg.Error as problem:
        raise Outage(f"the database can't be asked: {str(problem).strip()}") from problem
    return found


def _with_problem(report: BindingReport, found: BindingProblem | None) -> BindingReport:
    if found is None or report.problem is not None:
        return report
    return replace(report, problem=found.problem, remedy=found.remedy)


def begun(ask: Callable[[], _T]) -> Future[_T]:
    """The question, asked in a thread of its own, which is left behind where a client hangs."""
    asked: Future[_T] = Future()

    def work() -> None:
        try:
            asked.set_result(ask())
        except Exception as error:  # raised where the answer is waited for
            asked.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return asked


def answer(asked: Future[_T], seconds: float) -> _T:
    """The answer; raises what the question raised, or Outage after `seconds`, but for a moment to let it say so itself."""
    try:
        return asked.result(max(0.0, seconds) + _A_MOMENT_SECONDS)
    except TimeoutError:
        raise Outage("no answer in time") from None


def _blind(bindings: Iterable[Binding], *parts: Unreachable) -> Overview:
    """Nothing is known of any binding; the reason is told once, of the part."""
    return Overview(tuple(_without_status(b.name, b, "UNKNOWN") for b in bindings), parts)


def _unreadable(name: str, reason: str, binding: Binding | None) -> BindingReport:
    problem, remedy = f"its status can't be read: {reason}", "use the version of tabstream that its sheet sink runs"
    return _without_status(name, binding, "UNKNOWN", problem, remedy)


def _without_status(
    name: str, binding: Binding | None, state: str, problem: str | None = None, remedy: str | None = None
) -> BindingReport:
    spreadsheet_id, tab, table = (binding.spreadsheet_id, binding.tab, binding.table) if binding else ("", None, None)
    return BindingReport(name, spreadsheet_id, tab, table, state, problem=problem, remedy=remedy)


def _report(name: str, status: Status | None, binding: Binding | None, now_ms: int) -> BindingReport:
    if status is None:
        problem, remedy = "no sheet sink has reported this binding", "start one: tabstream run sheet-sink"
        return _without_status(name, binding, "UNOWNED", problem, remedy)
    tab, table = (binding.tab, binding.table) if binding else (None, None)
    silent_ms = now_ms - status.at_ms
    silent = silent_ms > SILENT_AFTER_MS
    return BindingReport(
        binding=name,
        spreadsheet_id=status.spreadsheet_id,
        tab=tab,
        table=table,
        state="SILENT" if silent else status.state.value,
        owner=status.owner,
        rows=None if status.state is State.PAUSED else status.rows,
        lag_messages=status.lag_messages,
        oldest_change_seconds=None if status.oldest_unshown_ms is None else (now_ms - status.oldest_unshown_ms) / 1000,
        last_write_ms=status.last_write_ms,
        edits_waiting=status.edits_waiting,
        incomplete=status.incomplete,
        held=status.held,
        parked=status.parked,
        problem=f"its owner has not reported for {silent_ms // 1000} seconds" if silent else status.problem,
        remedy="is the sheet sink running? start it, or look at its log" if silent else status.remedy,
        reported_ms=status.at_ms,
    )
