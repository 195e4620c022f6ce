"""What is written to a row, decided from what it should show, what stands there, and what was answered.

For each cell, in this order:

1. It holds an answered value: it gets what the database has, and a new mark.
2. It differs from its mark otherwise: a person's edit that nobody has answered. Left alone, mark too, and reported.
3. It is back at its mark, which is still the one that the answered value was seen against, and that value was taken: the
   mark alone becomes the answered value, so that the cell is an edit again.
4. Otherwise it gets what the database has.

An answer that the mark already shows (by its decision number) is no news, so a replay of results changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from tabstream.core.binding import BoundColumn, TableShape
from tabstream.core.cells import EMPTY_DIGEST, CellValue, Digest, ObservedCell, digest, same
from tabstream.core.changes import Desired, Missing
from tabstream.core.edits import Outcome, SeenCell
from tabstream.core.identity import Located, Repair
from tabstream.core.marks import AnyMark, Mark, MarkedCell, encode_mark
from tabstream.core.notes import has_message, outcome_message, with_message
from tabstream.core.results import Answer
from tabstream.core.tab import ObservedRow, stored_otherwise

_TAKEN = (Outcome.APPLIED, Outcome.SAME, Outcome.INSERTED)

FORMULA_MESSAGE = "a formula in a synced column is not saved"
COPY_MESSAGE = "this row is a copy of another one and is not saved; change its key to make it a row of its own"
KEY_MESSAGE = "the key of a saved row can't be changed here; it was put back"
PASTED_MESSAGE = "another row was pasted over this one; it was put back"
RESTORED_MESSAGE = "this row was deleted here while it changed in the database; it was put back"


class Keep(Enum):
    """Leave as it is."""

    KEEP = "keep"


KEEP = Keep.KEEP


@dataclass(frozen=True, slots=True)
class CellWrite:
    """One cell of a row: its new value and note, either of which may be kept."""

    column: str
    value: CellValue | Keep = KEEP
    note: str | Keep = KEEP


@dataclass(slots=True)
class RowPlan:
    """What one row gets. `at` is the row as it was read; `mark` is None where the mark stays; `seen` are the edits of people
    that stand in it."""

    at: ObservedRow
    cells: list[CellWrite] = field(default_factory=list)
    mark: AnyMark | None = None
    clear_mark: bool = False
    seen: list[SeenCell] = field(default_factory=list)
    _mark_text: str | None = None
    _digests: dict[str, Digest] | None = None

    @property
    def digests(self) -> Mapping[str, Digest]:
        """The digests of its cells as they were read."""
        if self._digests is None:
            self._digests = {name: digest(value) for name, value in self.at.values.items()}
        return self._digests

    def mark_text(self, write: int) -> str:
        """The text of the mark as the write of this number leaves it, "" where it stays."""
        if self._mark_text is None:
            self._mark_text = "" if self.mark is None else encode_mark(self.mark, write)
        return self._mark_text

    @property
    def row(self) -> int:
        """Where it stands, 0-based."""
        return self.at.row

    @property
    def writes(self) -> bool:
        """True where anything of the row is written."""
        return bool(self.cells) or self.mark is not None or self.clear_mark


@dataclass(slots=True)
class _Cell:
    value: CellValue | Keep
    mark: MarkedCell
    message: str | Keep | None = KEEP
    edit: bool = False


def seen_cells(row: ObservedRow, mark: Mark, shape: TableShape) -> list[SeenCell]:
    """The cells of a row that differ from its mark: what people changed since it was written."""
    seen = []
    for column in shape.columns:
        marked = mark.cells.get(column.name)
        cell = row.cells[column.name]
        if marked is not None and not _is_formula(cell, column) and digest(row.values[column.name]) != marked.digest:
            seen.append(seen_cell(cell, column.name, marked))
    return seen


def seen_cell(cell: ObservedCell, column: str, marked: MarkedCell) -> SeenCell:
    """An observation of one cell against its mark."""
    return SeenCell(column, cell.value, cell.shown, marked.digest, marked.number)


def plan_row(desired: Desired, located: Located, answers: Sequence[Answer], shape: TableShape) -> RowPlan:
    """Plans a row that stands in the tab for a key that the table has.

    `desired.values` must not be None. `answers` are the results for the key in the order of the topic.
    """
    plan = RowPlan(located.row)
    mark = located.mark or assumed_mark(desired, located.row)
    marked: dict[str, MarkedCell] = {}
    values = desired.values or {}
    answered = _by_column(answers)
    digests, torn = plan.digests, located.repair in (Repair.WHOLE, Repair.KEY)
    for column in shape.columns:
        name = column.name
        cell, value = located.row.cells[name], located.row.values[name]
        wanted, old = values.get(name, Missing.UNAVAILABLE), mark.cells.get(name)
        told = answered.get(name, ())
        if old is not None and not (told or torn or cell.formula) and _is_right(value, digests[name], cell, old, wanted):
            marked[name] = old
            continue
        if _is_formula(cell, column):
            decided = _Cell(KEEP, old or MarkedCell(EMPTY_DIGEST), FORMULA_MESSAGE)
        elif located.repair is Repair.WHOLE or (located.repair is Repair.KEY and column.name in shape.key):
            message = PASTED_MESSAGE if located.repair is Repair.WHOLE else KEY_MESSAGE
            decided = _put_back(wanted, old, message if column.name == shape.key[0] else None)
        elif old is None:
            decided = _first(wanted, value, told)
        else:
            news = [a for a in told if a.number > old.number]
            decided = _decide(value, old, wanted, news) if news else _unanswered(value, old, wanted)
        marked[column.name] = decided.mark
        _take(plan, column, located.row, decided)
        if decided.edit and old is not None:
            plan.seen.append(seen_cell(cell, column.name, old))
    new_mark = Mark(desired.key, desired.partition, desired.offset, marked)
    if new_mark != located.row.mark:
        plan.mark = new_mark
    return plan


def plan_new_row(desired: Desired, row: ObservedRow, answers: Sequence[Answer], shape: TableShape) -> RowPlan:
    """Plans a person's own row that the database has inserted: it gets its key and mark.

    Cells that hold what was submitted get what the database has; others are edits of the new row.
    """
    plan = RowPlan(row)
    marked: dict[str, MarkedCell] = {}
    submitted = {a.column: a for a in answers}
    values = desired.values or {}
    for column in shape.columns:
        wanted = values.get(column.name, Missing.UNAVAILABLE)
        answer = submitted.get(column.name)
        number = answer.number if answer else 0
        value = row.values[column.name]
        untouched = same(value, answer.value if answer else None) or column.name in shape.key
        shown = None if isinstance(wanted, Missing) else wanted
        if _is_formula(row.cells[column.name], column):
            decided = _Cell(KEEP, MarkedCell(digest(shown), number), FORMULA_MESSAGE)
        elif untouched:
            decided = _Cell(shown, MarkedCell(digest(shown), number), None)
        else:
            decided = _Cell(KEEP, MarkedCell(digest(shown), number), None, edit=True)
        marked[column.name] = decided.mark
        _take(plan, column, row, decided)
        if decided.edit:
            plan.seen.append(seen_cell(row.cells[column.name], column.name, decided.mark))
    plan.mark = Mark(desired.key, desired.partition, desired.offset, marked)
    return plan


def plan_restored_row(desired: Desired, row: ObservedRow, shape: TableShape, number: int) -> RowPlan:
    """Plans a row whose cells a person has cleared, and which stays: it is written whole, with a note."""
    plan = RowPlan(row, mark=fresh_mark(desired, shape, number))
    for column in shape.columns:
        message = RESTORED_MESSAGE if column.name == shape.key[0] else None
        _take(plan, column, row, _Cell(shown_value(desired.values or {}, column.name), MarkedCell(EMPTY_DIGEST), message))
    return plan


def fresh_mark(desired: Desired, shape: TableShape, number: int = 0) -> Mark:
    """The mark of a row that is written whole, `number` being the last decision shown; a value that the event lacks is
    written as empty."""
    values = desired.values or {}
    cells = {c.name: MarkedCell(digest(shown_value(values, c.name)), number) for c in shape.columns}
    return Mark(desired.key, desired.partition, desired.offset, cells)


def assumed_mark(desired: Desired, row: ObservedRow) -> Mark:
    """The mark of a row whose own is lost: as if this change had been shown, so that what differs is an edit."""
    values = desired.values or {}
    cells = {}
    for name, value in row.values.items():
        wanted = values.get(name, Missing.UNAVAILABLE)
        cells[name] = MarkedCell(digest(value if isinstance(wanted, Missing) else wanted))
    return Mark(desired.key, desired.partition, desired.offset, cells)


def mark_before_mistake(before: Mark, row: ObservedRow, left: Mapping[str, Digest]) -> Mark:
    """The mark of a row that a write meant for another one has hit: as it was `before`, without the cells that hold what such
    writes left there, which are nobody's edits."""
    cells = {name: marked for name, marked in before.cells.items() if not left_by_mistake(row, name, left)}
    return Mark(before.key, before.partition, before.offset, cells)


def before_mistake(row: ObservedRow, before: ObservedRow, left: Mapping[str, Digest]) -> ObservedRow:
    """The row that a write meant for another one has hit: what it was `before`, with what people have typed since."""
    hit = {name for name in row.cells if name in before.cells and left_by_mistake(row, name, left)}
    cells = {name: before.cells[name] if name in hit else cell for name, cell in row.cells.items()}
    values = {name: before.values[name] if name in hit else value for name, value in row.values.items()}
    torn = isinstance(row.mark, Mark) and row.key != row.mark.key
    key = row.key if torn else before.key
    return row._replace(cells=cells, values=values, mark=before.mark, key=key, mark_name=before.mark_name)


def left_by_mistake(row: ObservedRow, column: str, left: Mapping[str, Digest]) -> bool:
    """True where a cell holds what the mark in its row, another key's, says was written, or what is `left` there."""
    written = row.mark.cells.get(column) if isinstance(row.mark, Mark) else None
    now = digest(row.values[column])
    return (written is not None and written.digest == now) or left.get(column) == now


def shown_value(values: Mapping[str, CellValue | Missing], column: str) -> CellValue:
    """A column's value, empty where the event does not carry it."""
    value = values.get(column, Missing.UNAVAILABLE)
    return None if isinstance(value, Missing) else value


def message_write(row: ObservedRow, column: str, message: str | None) -> CellWrite | None:
    """A write of our note on a cell, None where it says so already."""
    note = row.cells[column].note
    wanted = with_message(note, message)
    return None if wanted == note else CellWrite(column, KEEP, wanted)


def _by_column(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        found.setdefault(answer.column, []).append(answer)
    return found


def _decide(value: CellValue, old: MarkedCell, wanted: CellValue | Missing, news: Sequence[Answer]) -> _Cell:
    changed = digest(value) != old.digest
    holds_answered = next((a for a in reversed(news) if same(a.value, value)), None)
    taken = next((a for a in reversed(news) if a.outcome in _TAKEN), None)
    number = news[-1].number
    if changed and holds_answered is not None:
        if isinstance(wanted, Missing):
            return _Cell(KEEP, MarkedCell(digest(value), number), None)
        told = outcome_message(holds_answered.outcome, holds_answered.value, holds_answered.reason)
        return _Cell(wanted, MarkedCell(digest(wanted), number), told)
    if changed:
        return _Cell(KEEP, old, edit=True)
    if taken is not None and holds_answered is None and (old.digest, old.number) == (taken.base, taken.shown):
        return _Cell(KEEP, MarkedCell(digest(taken.value), taken.number), edit=False)
    if isinstance(wanted, Missing):
        return _Cell(KEEP, MarkedCell(old.digest, number))
    return _Cell(wanted, MarkedCell(digest(wanted), number), None)


def _is_right(value: CellValue, now: Digest, cell: ObservedCell, old: MarkedCell, wanted: CellValue | Missing) -> bool:
    """Whether a cell shows what it should, as it was written; `now` is the digest of its value."""
    if now != old.digest or isinstance(wanted, Missing) or stored_otherwise(cell, wanted):
        return False
    return same(value, wanted) or now == digest(wanted)


def _unanswered(value: CellValue, old: MarkedCell, wanted: CellValue | Missing) -> _Cell:
    if digest(value) != old.digest:
        return _Cell(KEEP, old, edit=True)
    if isinstance(wanted, Missing):
        return _Cell(KEEP, old)
    now = digest(wanted)
    return _Cell(wanted, old) if now == old.digest else _Cell(wanted, MarkedCell(now, old.number), None)


def _first(wanted: CellValue | Missing, value: CellValue, answers: Sequence[Answer]) -> _Cell:
    last = answers[-1] if answers else None
    message = KEEP if last is None else outcome_message(last.outcome, last.value, last.reason)
    shown = value if isinstance(wanted, Missing) else wanted
    mark = MarkedCell(digest(shown), 0 if last is None else last.number)
    return _Cell(KEEP if isinstance(wanted, Missing) else wanted, mark, message)


def _put_back(wanted: CellValue | Missing, old: MarkedCell | None, message: str | None) -> _Cell:
    if isinstance(wanted, Missing):
        return _Cell(KEEP, old or MarkedCell(EMPTY_DIGEST), message)
    return _Cell(wanted, MarkedCell(digest(wanted), old.number if old else 0), message)


def _take(plan: RowPlan, column: BoundColumn, row: ObservedRow, decided: _Cell) -> None:
    cell = row.cells[column.name]
    value: CellValue | Keep = decided.value
    if not isinstance(value, Keep) and same(value, row.values[column.name]) and not stored_otherwise(cell, value):
        value = KEEP
    note: str | Keep = KEEP
    if not isinstance(decided.message, Keep) and (decided.message is not None or has_message(cell.note)):
        wanted_note = with_message(cell.note, decided.message)
        note = KEEP if wanted_note == cell.note else wanted_note
    if value is not KEEP or note is not KEEP:
        plan.cells.append(CellWrite(column.name, value, note))


def _is_formula(cell: ObservedCell, column: BoundColumn) -> bool:
    return cell.formula and not column.formulas
