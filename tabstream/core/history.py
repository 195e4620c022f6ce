"""Who changed a row: the table's topic, the edits and their results of one key, as one list in the order of time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tabstream.core.binding import BoundColumn, TableShape
from tabstream.core.cells import RowKey, digest
from tabstream.core.changes import field_name
from tabstream.core.edits import Edit, EditKind, SeenCell
from tabstream.core.merge import sighting_of
from tabstream.core.readable import shown_key, texts_text
from tabstream.core.results import EditResult
from tabstream.core.types.avro import avro_text, is_unavailable

_WORDS = {
    EditKind.CELLS: "edit",
    EditKind.INSERT: "new row",
    EditKind.DELETE: "row deleted",
    EditKind.RETURN: "row came back",
}

_FIRST_SEEN = {"c": "inserted", "u": "changed, from what is not known", "r": "read by a snapshot"}


class Source(StrEnum):
    """What tells of a change: the table, the sheet, or what the database sink made of an edit."""

    DATABASE = "database"
    SHEET = "sheet"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a history. `column` is None for the row as a whole, whose values are in `new` then.

    `old` and `new` are texts, None where they are empty or not known; `number` is the decision's.
    """

    at_ms: int
    source: Source
    what: str
    column: str | None = None
    old: str | None = None
    new: str | None = None
    number: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """How long a topic keeps messages: `retention_ms` None for ever; `lag_ms` is for how long compaction spares versions."""

    compacted: bool
    retention_ms: int | None
    lag_ms: int = 0


@dataclass(frozen=True, slots=True)
class TableEvent:
    """A message of the table's topic. `other_key` is the row's key after (delete) or before (create) a change of its key."""

    at_ms: int
    envelope: Mapping[str, Any]
    other_key: RowKey | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A result, when it was decided, and in which transaction (modulo 2^32)."""

    at_ms: int
    transaction: int
    result: EditResult


@dataclass(frozen=True, slots=True)
class Told:
    """All that is known of one row: `events` in the order of their topic; `shapes` by the zones of the edits."""

    events: Sequence[TableEvent]
    edits: Sequence[Edit]
    answers: Sequence[Answered]
    shape: TableShape
    shapes: Mapping[str, TableShape]


def history(told: Told, column: str | None = None) -> list[Entry]:
    """The entries in the order of time, of one column (and of the row as a whole) or of all."""
    state = _Row(told.shape, column)
    numbers = _numbers(told.answers)
    committed: dict[int, int] = {}
    steps: list[tuple[int, int, TableEvent | Edit | Answered]] = []
    latest = 0
    for event in told.events:
        latest = max(latest, _at(event))  # a clock that was set back must not change the order of the topic
        steps.append((latest, 1, event))
        committed[_transaction(event)] = latest
    steps += [(edit.read_begin_ms, 0, edit) for edit in told.edits]
    # An answer is written before its transaction commits, and stands after it here.
    steps += [(max(a.at_ms, committed.get(a.transaction, 0)), 2, a) for a in told.answers]
    entries: list[Entry] = []
    for at_ms, _, step in sorted(steps, key=lambda step: step[:2]):
        if isinstance(step, TableEvent):
            entries += state.event(at_ms, step, numbers.get(_transaction(step), {}))
        elif isinstance(step, Edit):
            entries += state.edit(at_ms, step, told.shapes.get(step.zone, told.shape))
        else:
            entries += _outcomes(at_ms, step, column)
    return entries


class _Row:
    """The row's texts as the events so far leave them; None before the first, and where there is no row."""

    def __init__(self, shape: TableShape, column: str | None) -> None:
        self._columns = shape.columns
        self._wanted = column
        self._texts: dict[str, str | None] | None = None

    def event(self, at_ms: int, event: TableEvent, numbers: Mapping[str | None, int]) -> Iterator[Entry]:
        """What a message of the table's topic changed; `numbers` are those of the edits it was written for, see `_numbers`."""
        op, before = event.envelope["op"], self._texts
        number = numbers.get(None)
        by = _for(number)
        after = event.envelope["after"]
        if after is None:
            self._texts = None
            became = "" if event.other_key is None else f", its key became {shown_key(event.other_key)}"
            yield Entry(at_ms, Source.DATABASE, f"deleted{by}{became}", number=number)
            return
        self._texts = self._read(after, before or {})
        if before is None and (old := event.envelope.get("before")) is not None and op == "u":
            before = self._read(old, {})
        if op == "c" or before is None:
            yield from self._whole(at_ms, event, f"{_FIRST_SEEN.get(op, op)}{by}", number)
            return
        what = "found changed by a snapshot" if op == "r" else "changed"
        changed = [c.name for c in self._columns if self._texts[c.name] != before.get(c.name)]
        for name in changed:
            if self._wanted in (None, name):
                its = numbers.get(name, number)  # what a trigger changed has no edit of its own
                yield Entry(at_ms, Source.DATABASE, what + _for(its), name, before.get(name), self._texts[name], its)
        if not changed and op == "u" and self._wanted is None:
            yield Entry(at_ms, Source.DATABASE, f"{what}{by}, in no bound column", number=number)

    def edit(self, at_ms: int, edit: Edit, shape: TableShape) -> Iterator[Entry]:
        """What was seen in the sheet."""
        seen = f"{_WORDS[edit.kind]}, seen by {edit.how.value.lower().replace('_', '-')}"
        if edit.kind is not EditKind.CELLS:
            values = {cell.column: cell.shown for cell in edit.cells if self._wanted in (None, cell.column)}
            new = texts_text(values) if edit.kind is not EditKind.DELETE else None
            yield Entry(at_ms, Source.SHEET, seen, new=new)
            return
        for cell in edit.cells:
            if self._wanted in (None, cell.column):
                column = shape.by_name.get(cell.column)
                touched = "touched, as its mark says" if self._is_touch(cell, column) else seen
                yield Entry(at_ms, Source.SHEET, touched, cell.column, self._base(cell, column), cell.shown or None)

    def _whole(self, at_ms: int, event: TableEvent, what: str, number: int | None) -> Iterator[Entry]:
        texts = self._texts or {}
        was = "" if event.other_key is None else f", its key was {shown_key(event.other_key)}"
        if self._wanted is None:
            yield Entry(at_ms, Source.DATABASE, what + was, new=texts_text(texts), number=number)
        else:
            yield Entry(at_ms, Source.DATABASE, what + was, self._wanted, None, texts.get(self._wanted), number)

    def _read(self, row: Mapping[str, Any], before: Mapping[str, str | None]) -> dict[str, str | None]:
        texts: dict[str, str | None] = {}
        for column in self._columns:
            value = row.get(field_name(column.name))
            lacking = is_unavailable(value) or field_name(column.name) not in row
            texts[column.name] = before.get(column.name) if lacking else _text(value, column)
        return texts

    def _is_touch(self, cell: SeenCell, column: BoundColumn | None) -> bool:
        return sighting_of(column, cell, (0, 0)).is_touch

    def _base(self, cell: SeenCell, column: BoundColumn | None) -> str | None:
        """What the person was looking at, where it is what the database had then: the mark has but its digest."""
        if column is None or self._texts is None:
            return None
        text = self._texts.get(cell.column)
        return text if digest(column.type.from_text(text)) == cell.base else None


def _outcomes(at_ms: int, answered: Answered, column: str | None) -> Iterable[Entry]:
    result = answered.result
    if result.row_answer is not None:
        row = result.row_answer
        new = None if row.key is None else f"key {shown_key(row.key)}"
        yield Entry(at_ms, Source.OUTCOME, f"row {row.outcome.value}", None, None, new, row.number, row.reason)
    for cell in result.cells:
        if column in (None, cell.column):
            now = (result.row or {}).get(cell.column)
            yield Entry(at_ms, Source.OUTCOME, cell.outcome.value, cell.column, None, now, cell.number, cell.reason)


def _numbers(answers: Iterable[Answered]) -> dict[int, dict[str | None, int]]:
    """The latest decision of each column, and at None of the row, by transaction."""
    found: dict[int, dict[str | None, int]] = {}
    for answered in answers:
        numbers, row = found.setdefault(answered.transaction, {}), answered.result.row_answer
        cells = [(cell.column, cell.number) for cell in answered.result.cells]
        for column, number in cells if row is None else [*cells, (None, row.number)]:
            numbers[column] = max(number, numbers.get(column, 0))
            numbers[None] = max(number, numbers.get(None, 0))
    return found


def _for(number: int | None) -> str:
    return "" if number is None else f" for edit {number}"


def _at(event: TableEvent) -> int:
    # https://debezium.io/documentation/reference/stable/connectors/postgresql.html: the time of the commit
    return event.envelope["source"].get("ts_ms") or event.at_ms


def _transaction(event: TableEvent) -> int:
    tx_id = event.envelope["source"].get("txId")
    return -1 if tx_id is None else tx_id % 2**32


def _text(value: Any, column: BoundColumn) -> str | None:
    text = avro_text(value)
    # Debezium writes a date with a zone: 2026-11-23Z.
    return text.removesuffix("Z") if text is not None and column.pg_type == "date" else text
