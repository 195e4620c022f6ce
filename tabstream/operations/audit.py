"""What `tabstream audit` does: reads table and tab afresh, and looks again at what differs until it agrees or stays.

The table is read in one REPEATABLE READ transaction, which begins before the tab is read; its position is the end of the
write-ahead log as it was then. A difference is drift once two looks in a row have found the same, and in between the connector
had passed the position of the first, and the owner had read the whole tab and had nothing left to do.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psycopg

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.audit import Comparison, Trial, compare
from tabstream.core.binding import Binding, Bindings, TableShape
from tabstream.core.cells import CellValue, RowKey, row_key
from tabstream.core.results import lsn_of
from tabstream.core.rowmerge import BoundTable, DatabaseRow, canonical, key_texts
from tabstream.core.tab import Layout, ObservedRow, read_layout, read_row
from tabstream.core.watermark import METADATA_KEY, decode_watermark
from tabstream.errors import BindingProblem, NotAccepted, OperatorError, Outage
from tabstream.kafka.messages import Status
from tabstream.operations.audit_report import Report, Unsettled, judge, unsettled, what_is_open
from tabstream.operations.owners import Owners
from tabstream.postgres.connection import Connection, connect
from tabstream.postgres.rows import Rows
from tabstream.postgres.shape import read_shape
from tabstream.postgres.slots import read_slot, slot_name
from tabstream.postgres.statements import statement
from tabstream.sheets.answers import SheetView, TabView
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.pages import CELLS_A_PAGE, read_pages, read_structure

QUOTA_SHARE = 0.25
"""What an audit takes of the credential's quota: the sheet sink lives on the rest."""

_KEYS_AT_ONCE = 5_000
_LOOKS = 3  # below, nothing can be decided: a large tab may take longer than the patience
_TRY_AGAIN = "run it again"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: how long differences are given to settle, how far two looks are apart at least, how long the second of them
    waits for the connector and the owner, and how often these are asked."""

    wait: float = 60.0
    pause: float = 3.0
    settle: float = 25.0
    poll: float = 0.5


@dataclass(frozen=True, slots=True)
class _Look:
    """The table's position (LSN), the database's time of it (ms since 1970), and what was found."""

    position: str
    at_ms: int
    found: Comparison


@dataclass(slots=True)
class _Place:
    """Where the binding's tab is, and what the table looked like at the first look."""

    binding: Binding
    tab: TabView
    zone: str
    shape: TableShape | None = None


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits one binding after the other. `say` is told what is under way."""

    settings: Settings
    client: SheetsClient
    owners: Owners
    clock: Clock
    patience: Patience = Patience()
    say: Callable[[str], None] = lambda _: None
    cells_a_page: int = CELLS_A_PAGE
    _rest: threading.Event = field(default_factory=threading.Event)

    def audit(self, binding: Binding) -> Report:
        """Audits a binding. Never raises for what keeps it from being audited: the report tells."""
        began = self.clock.monotonic()
        try:
            return replace(self._audit(binding), seconds=self.clock.monotonic() - began)
        except (BindingProblem, OperatorError) as found:
            problem, remedy = found.problem, found.remedy
        except Outage as outage:
            problem, remedy = str(outage), "run it again once it answers"
        return Report(binding, self.clock.monotonic() - began, problem=problem, remedy=remedy)

    def _audit(self, binding: Binding) -> Report:
        self.say(f"{binding.name}: reading table and tab")
        view = read_structure(self.client, binding.spreadsheet_id)
        place = _Place(binding, find_tab(view, binding), view.zone)
        first = self._look(place, None)
        found, trial = first.found, Trial(first.found.differences)
        status, why, looks = self._try(place, first, trial)
        judged = judge(found.findings, trial, status)
        rows = found.tab_rows, found.table_rows, found.cells
        report = Report(binding, 0.0, judged, *rows, first.position, found.checksums(), looks)
        problem, remedy = what_is_open(report, why)
        return replace(report, problem=problem, remedy=remedy)

    def _try(self, place: _Place, first: _Look, trial: Trial) -> tuple[Status | None, Unsettled | None, int]:
        """Looks again at what differs until that is decided, or patience is over: the owner's last word, what was still under
        way, and how many looks there were."""
        status: Status | None = None
        why: Unsettled | None = None
        last, looks, deadline = first, 1, self.clock.monotonic() + self.patience.wait
        while trial.open and (why is None or not why.for_long) and (looks < _LOOKS or self.clock.monotonic() < deadline):
            keys = trial.keys
            self.say(f"{place.binding.name}: looking again at {len(keys)} rows that differ")
            rested = self.clock.monotonic() + self.patience.pause
            if looks > 1:  # most of what was on its way at the first look has come at the second, which nobody is asked for
                told, why = self._until_settled(place.binding, last)
                status = told or status
            self._rest.wait(max(0.0, rested - self.clock.monotonic()))
            last = self._look(place, keys)
            first.found.looked_again(last.found, keys)
            trial.looked_again(last.found.differences, settled=looks > 1 and why is None)
            looks += 1
        return status, why, looks

    def _look(self, place: _Place, keys: Collection[RowKey | None] | None) -> _Look:
        """Reads the table, or its rows of these keys, as it is now, and then the tab."""
        binding = place.binding
        with self._snapshot() as connection:
            row = connection.execute(statement("read_position")).fetchone()
            position, at_ms = (str(row[0]), int(row[1])) if row is not None else ("0/0", 0)
            shape = read_shape(connection, binding, place.zone)
            if place.shape is not None and shape != place.shape:
                raise BindingProblem(f"the columns of table {binding.table!r} have changed meanwhile", _TRY_AGAIN)
            place.shape = shape
            rows = Rows(BoundTable(binding, shape), commit_times=False)
            table = _all(rows, connection) if keys is None else _some(rows, connection, keys)
            return _Look(position, at_ms, compare(self._tab_rows(place, shape), table, shape, keys))

    def _tab_rows(self, place: _Place, shape: TableShape) -> Iterator[ObservedRow]:
        layout: Layout | None = None
        for view, tab in read_pages(self.client, place.binding.spreadsheet_id, place.tab, self.cells_a_page):
            if view.zone != place.zone:
                raise BindingProblem("the spreadsheet's time zone has changed meanwhile", _TRY_AGAIN)
            rows = tab.rows
            if layout is None:
                header = rows.get(0, ())
                if not any(cell.shown for cell in header):
                    raise BindingProblem(
                        f"tab {tab.title!r} has no header yet", "start a sheet sink: tabstream run sheet-sink"
                    )
                layout = read_layout(header, shape, tab.title)
            for index, cells in rows.items():
                if index > 0:
                    yield read_row(index, cells, layout, shape)

    def _until_settled(self, binding: Binding, look: _Look) -> tuple[Status | None, Unsettled | None]:
        """Waits until nothing of what a look has found can be under way any more; the owner's last word, and what there still
        is."""
        deadline = self.clock.monotonic() + self.patience.settle
        while not self._has_streamed(look.position):
            if self.clock.monotonic() > deadline:
                return None, Unsettled(f"the connector has not passed {look.position} yet")
            self._rest.wait(self.patience.poll)
        question = self.owners.ask(binding)
        while True:
            status = self.owners.status(binding)
            why = unsettled(status, question, look.at_ms, self.clock.now_ms())
            if why is None or why.for_long or self.clock.monotonic() > deadline:
                return status, why
            self._rest.wait(self.patience.poll)

    def _has_streamed(self, position: str) -> bool:
        """Whether the connector has passed a position. A table that another connector streams has no slot of this name."""
        with self._database() as connection:
            slot = read_slot(connection, slot_name(self.settings.topic_prefix))
        return slot is None or slot.confirmed >= lsn_of(position)

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        with self._database() as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                yield connection

    @contextmanager
    def _database(self) -> Iterator[Connection]:
        try:
            with connect(self.settings.database_url, "tabstream audit", autocommit=True) as connection:
                yield connection
        except psycopg.OperationalError as problem:
            raise Outage(f"the database can't be used: {str(problem).strip()}") from problem
        except psycopg.Error as problem:
            raise BindingProblem(f"the database refuses: {str(problem).strip()}", _TRY_AGAIN) from problem


def chosen(bindings: Bindings, names: Sequence[str], everything: bool) -> tuple[Binding, ...]:
    """The bindings that are named, or all. Raises OperatorError for one that is not there, and where it is not clear which."""
    known = ", ".join(binding.name for binding in bindings.bindings) or "none"
    if everything == bool(names):
        raise OperatorError("name the bindings to audit, or say --all", f"there are: {known}")
    unknown = [name for name in names if bindings.named(name) is None]
    if unknown:
        raise OperatorError(f"there is no binding {unknown[0]!r} in the bindings file", f"choose of: {known}")
    return tuple(binding for binding in bindings.bindings if everything or binding.name in names)


def find_tab(view: SheetView, binding: Binding) -> TabView:
    """The tab that says it is the binding's, whatever it is called now, else the one of its name. Raises BindingProblem."""
    for tab in view.tabs:
        marks = [decode_watermark(entry.value) for entry in tab.metadata if entry.key == METADATA_KEY]
        if any(mark is not None and (mark.binding, mark.sheet_id) == (binding.name, tab.sheet_id) for mark in marks):
            return tab
    named = view.tab(binding.tab)
    if named is None:
        raise BindingProblem(
            f"spreadsheet {view.title!r} has no tab {binding.tab!r}",
            "undo its deletion, create an empty tab of this name, or correct `tab` in the bindings file",
        )
    return named


def _all(rows: Rows, connection: Connection) -> Iterator[tuple[RowKey, Mapping[str, CellValue]]]:
    for texts in rows.stream(connection):
        yield _keyed(DatabaseRow(texts), rows.table.shape)


def _some(
    rows: Rows, connection: Connection, keys: Collection[RowKey | None]
) -> Iterator[tuple[RowKey, Mapping[str, CellValue]]]:
    shape = rows.table.shape
    texts = [found for key in keys if key is not None and (found := _texts(key, shape)) is not None]
    told: set[RowKey] = set()
    for start in range(0, len(texts), _KEYS_AT_ONCE):
        for row in _read(rows, connection, texts[start : start + _KEYS_AT_ONCE]):
            key, values = _keyed(row, shape)
            if key in keys and key not in told:  # the database may take two spellings for the same key
                told.add(key)
                yield key, values


def _read(rows: Rows, connection: Connection, keys: Sequence[tuple[str, ...]]) -> list[DatabaseRow]:
    """The rows of these keys that are there; a key that the database can't read, out of a damaged mark, has none."""
    try:
        with connection.transaction():
            return [row for row in rows.read(connection, keys) if row is not None]
    except psycopg.DataError:
        half = len(keys) // 2
        return _read(rows, connection, keys[:half]) + _read(rows, connection, keys[half:]) if half else []


def _keyed(row: DatabaseRow, shape: TableShape) -> tuple[RowKey, Mapping[str, CellValue]]:
    values = canonical(row, shape)
    return row_key([values[name] for name in shape.key]), values


def _texts(key: RowKey, shape: TableShape) -> tuple[str, ...] | None:
    """The key as the database reads it, None for what no row of the table can have."""
    try:
        return key_texts(key, shape)
    except (NotAccepted, ValueError):
        return None
