"""Makes edits as the sheet's observers do, and hands them to a settler, without Kafka."""

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from consumers.database_sink.arrivals import Arrival, Backlog, Unit
from consumers.database_sink.settling import Settler
from consumers.database_sink.tables import Tables
from tabstream.clock import ManualClock
from tabstream.core.binding import Binding, Bindings
from tabstream.core.cells import CellValue, digest
from tabstream.core.edits import Edit, EditKind, How, SeenCell
from tabstream.postgres.connection import Connection

TOPIC_ID = "topic"
_numbers = itertools.count(1)


def leads(**options: Any) -> Binding:
    return Binding("leads", "leads", "book", "spreadsheet-id", "Leads", **options)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def cell(column: str, value: CellValue, base: CellValue = None, number: int = 0) -> SeenCell:
    """A cell that shows `value` while its mark says `base`; numbers as Google gives them."""
    value = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
    base = float(base) if isinstance(base, int) and not isinstance(base, bool) else base
    return SeenCell(column, value, "" if value is None else str(value), digest(base), number)


def edit(
    key: object,
    *cells: SeenCell,
    kind: EditKind = EditKind.CELLS,
    read_ms: int | None = None,
    how: How = How.TRIGGER,
    offset: int = 5,
    binding: str = "leads",
) -> Edit:
    row_key = key if isinstance(key, str) else json.dumps([key])
    begin = now_ms() if read_ms is None else read_ms
    place = (-1, -1) if kind is EditKind.INSERT else (0, offset)
    return Edit(binding, row_key, kind, begin, begin, how, "source", "UTC", *place, cells)


def new_row(token: str, read_ms: int | None = None, **values: CellValue) -> Edit:
    return edit(f"new:{token}", *(cell(c, v) for c, v in values.items()), kind=EditKind.INSERT, read_ms=read_ms)


@dataclass(frozen=True)
class Answered:
    """A result as the outbox holds it."""

    row_key: str
    cells: Mapping[str, Mapping[str, Any]]
    row: Mapping[str, Any] | None
    data: Mapping[str, str | None] | None
    lsn: str

    def outcome(self, column: str) -> str:
        outcome: str = self.cells[column]["outcome"]
        return outcome


class Desk:
    """One settler with its backlog; `database` is a session of the application."""

    def __init__(self, url: str, database: Connection, *bindings: Binding) -> None:
        self.database = database
        self.clock = ManualClock()
        self.backlog = Backlog()
        self.bindings = Bindings(bindings or (leads(),))
        self.settler = Settler(url, Tables(self.bindings, self.clock), self.backlog, self.clock)
        self.messages: dict[tuple[str, int, int], Edit] = {}
        self._offset = self.settler.begin([(TOPIC_ID, 0)])[TOPIC_ID, 0]
        self._seen_result = self._last_result()

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None) -> None:
        self.settler.close()

    def bind(self, binding: Binding) -> None:
        """Another bindings file."""
        self.bindings = Bindings((binding,))
        self.settler.tables = Tables(self.bindings, self.clock)

    def send(self, *edits: Edit) -> list[Answered]:
        """The edits arrive at once; returns what is answered."""
        arrivals = []
        for one in edits:
            position = (TOPIC_ID, 0, self._offset)
            self.messages[position] = one
            arrivals.append(Arrival(position, str(self._offset).encode(), one))
            self._offset += 1
        self.backlog.arrived(arrivals)
        while unit := self.backlog.take():
            self.settle(unit)
        return self.answers()

    def retry(self) -> list[Answered]:
        """Time passes until what is parked is due, and it is tried again, once for each edit."""
        for _ in range(len(self.messages)):
            self.clock.advance(2.1)
            due = self.backlog.due(self.clock.monotonic())
            if not due:
                break
            waiting = [position for position, *_ in self.settler.parked(due)]
            self.settle(Unit(tuple(Arrival(p, b"", self.messages[p], retried=True) for p in waiting)))
        return self.answers()

    def settle(self, unit: Unit) -> None:
        units = [unit]
        while units:
            _, instead = self.settler.settle(units.pop())
            units.extend(reversed(instead))

    def answers(self) -> list[Answered]:
        """Answers since they were last asked for, in their order."""
        rows = self.database.execute(
            """SELECT id, row_key, answers, row_data, row_lsn FROM tabstream.edit_result
               WHERE kind = 'answer' AND id > %s ORDER BY id""",
            (self._seen_result,),
        ).fetchall()
        self._seen_result = self._last_result()
        return [_answered(*row[1:]) for row in rows]

    def row(self, key: int, columns: str = "name, email, amount, active, notes") -> tuple[Any, ...] | None:
        return self.database.execute(f"SELECT {columns} FROM leads WHERE lead_id = {key}".encode()).fetchone()

    def count(self, table: str) -> int:
        found = self.database.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
        return int(found[0]) if found else 0

    def progress(self) -> int:
        found = self.database.execute("SELECT next_offset FROM tabstream.progress").fetchone()
        return int(found[0]) if found else 0

    def _last_result(self) -> int:
        found = self.database.execute("SELECT coalesce(max(id), 0) FROM tabstream.edit_result").fetchone()
        return int(found[0]) if found else 0


def _answered(key: str, entries: Sequence[Mapping[str, Any]], data: Mapping[str, str | None] | None, lsn: str) -> Answered:
    cells = {entry["column"]: entry for entry in entries if entry["column"] is not None}
    row = next((entry for entry in entries if entry["column"] is None), None)
    return Answered(key, cells, row, data, lsn)
