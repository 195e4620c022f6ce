"""The three-way merge of one cell: what was seen, what the database has, and the rules between them.

Values in, values out: the caller locks the row, writes what was decided and keeps the register.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from tabstream.core.binding import BoundColumn, ConflictRule, Direction
from tabstream.core.cells import CellValue, digest
from tabstream.core.edits import Outcome, SeenCell
from tabstream.core.registers import CellRegister, Sighting, Standing
from tabstream.core.results import Answer
from tabstream.errors import NotAccepted

ROW_GONE = "this row is no longer in the database"
ONE_WAY = "this tab only shows the database, so changes are made there"
KEY_FIXED = "the key of a row can't be changed here: add a new row instead"
READ_ONLY = "this column can't be changed in the sheet"
UNBOUND = "this column is no longer part of the table"
NOT_EMPTY = "this column can't be empty"

_TEXT_TYPES = ("text", "character", "bpchar", "citext")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides changed a cell: what a conflict rule decides on.

    Times are microseconds since 1970: when this value was first seen in the sheet, and when the row was last written in
    the database (None: so long ago that it is not known).
    """

    binding: str
    row_key: str
    column: str
    sheet_value: CellValue
    database_value: CellValue
    first_seen_us: int
    database_changed_us: int | None


Rule: TypeAlias = Callable[[Conflict], str]
"""A team's own rule: returns `sheet`, `database` or `hold`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell is, and what holds there. `own_rule` is the team's function where the column's rule names one."""

    binding: str
    row_key: str
    direction: Direction
    column: BoundColumn | None
    is_key: bool = False
    own_rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Theirs:
    """The database's value of the cell; `there` is False where the row is gone. Time as in Conflict."""

    value: CellValue
    changed_us: int | None = None
    there: bool = True


NO_ROW = Theirs(None, there=False)


@dataclass(frozen=True, slots=True)
class CellDecision:
    """What became of one sighting. `text` is what to write where `writes`; `lost` is a conflict to put on record."""

    seen: Sighting
    standing: Standing
    before: CellRegister
    register: CellRegister
    answer: Answer | None = None
    writes: bool = False
    text: str | None = None
    lost: Conflict | None = None

    def refused(self, reason: str) -> "CellDecision":
        """The same decision where the database has refused the write."""
        return _decided(self.seen, self.before, self.answer.number if self.answer else 0, Outcome.REJECTED, reason)


def merge(seen: Sighting, theirs: Theirs, register: CellRegister, place: Place, number: int) -> CellDecision:
    """Decides one sighting; `number` is the decision's, used where there is something to decide."""
    before, register = register, register.sighted(seen)
    now = digest(theirs.value) if theirs.there else None
    standing = before.standing(seen, now)
    if standing is Standing.REPEAT and register.last is not None:
        last = register.last
        answer = Answer(seen.column, seen.base, seen.value, last.number, last.outcome, last.reason, seen.number)
        return CellDecision(seen, standing, before, register, answer)
    if standing is Standing.STALE:
        return CellDecision(seen, standing, before, register)
    if standing is Standing.READING:
        return CellDecision(seen, standing, before, register.read(seen))
    return _new(seen, theirs, register, place, number)


def _new(seen: Sighting, theirs: Theirs, register: CellRegister, place: Place, number: int) -> CellDecision:
    if not theirs.there:
        return _decided(seen, register, number, Outcome.REJECTED, ROW_GONE)
    if digest(theirs.value) == seen.digest or register.has_applied(seen, digest(theirs.value)):
        return _decided(seen, register, number, Outcome.SAME)
    try:
        text = _accepted(seen.value, place)
    except NotAccepted as refusal:
        return _decided(seen, register, number, Outcome.REJECTED, refusal.reason)
    column = place.column
    if column is not None and digest(column.type.from_text(text)) == digest(theirs.value):
        return _decided(seen, register, number, Outcome.SAME)
    now = digest(theirs.value)
    if now == seen.base or register.is_own_unshown(seen.number, now):
        return replace(_decided(seen, register, number, Outcome.APPLIED), writes=True, text=text)
    return _resolve(seen, theirs, register, place, number, text)


def _accepted(value: CellValue, place: Place) -> str | None:
    if place.column is None:
        raise NotAccepted(UNBOUND)
    if place.direction is Direction.DATABASE_TO_SHEET:
        raise NotAccepted(ONE_WAY)
    if place.is_key:
        raise NotAccepted(KEY_FIXED)
    return database_text(value, place.column)


def database_text(value: CellValue, column: BoundColumn) -> str | None:
    """The text to store for a cell; raises NotAccepted. An empty cell is NULL, or empty text where NULL is not allowed."""
    if column.read_only:
        column.type.to_database(value)  # the type may know a better reason
        raise NotAccepted(READ_ONLY)
    if value is not None:
        return column.type.to_database(value)
    if column.nullable:
        return None
    if is_text(column):
        return ""
    raise NotAccepted(NOT_EMPTY)


def is_text(column: BoundColumn) -> bool:
    """True where empty text is a value of the column's type."""
    name = column.pg_type.rpartition(".")[2]
    return name.startswith(_TEXT_TYPES) and not name.endswith("]")


def _resolve(
    seen: Sighting, theirs: Theirs, register: CellRegister, place: Place, number: int, text: str | None
) -> CellDecision:
    first_seen_us = register.first_seen[seen.identity] * 1000
    conflict = Conflict(place.binding, place.row_key, seen.column, seen.value, theirs.value, first_seen_us, theirs.changed_us)
    try:
        winner = _winner(conflict, place)
    except NotAccepted as refusal:
        return _decided(seen, register, number, Outcome.REJECTED, refusal.reason)
    if winner == "sheet":
        decision = replace(_decided(seen, register, number, Outcome.APPLIED), writes=True, text=text)
    else:
        decision = _decided(seen, register, number, Outcome.HELD if winner == "hold" else Outcome.LOST)
    return replace(decision, lost=conflict)


def _winner(conflict: Conflict, place: Place) -> str:
    if place.direction is Direction.SHEET_TO_DATABASE:
        return "sheet"
    rule = place.column.conflict if place.column else ConflictRule.DATABASE_WINS
    if place.own_rule is not None:
        return _own_winner(conflict, place.own_rule, rule)
    if rule == ConflictRule.LAST_WRITE_WINS:
        changed_us = conflict.database_changed_us
        return "sheet" if changed_us is None or conflict.first_seen_us > changed_us else "database"
    return {ConflictRule.SHEET_WINS.value: "sheet", ConflictRule.HOLD.value: "hold"}.get(rule, "database")


def _own_winner(conflict: Conflict, own_rule: Rule, name: str) -> str:
    try:
        winner = own_rule(conflict)
    except Exception as problem:  # a team's function may fail in any way, and must not stop the others
        raise NotAccepted(f"the conflict rule {name} failed: {type(problem).__name__}") from problem
    if winner not in {"sheet", "database", "hold"}:
        raise NotAccepted(f"the conflict rule {name} answered {winner!r}, not sheet, database or hold")
    return winner


def _decided(seen: Sighting, register: CellRegister, number: int, outcome: Outcome, reason: str | None = None) -> CellDecision:
    answer = Answer(seen.column, seen.base, seen.value, number, outcome, reason, seen.number)
    after = register.sighted(seen).decided(seen, number, outcome, reason)
    return CellDecision(seen, Standing.NEW, register, after, answer)


def sighting_of(column: BoundColumn | None, cell: SeenCell, read_ms: tuple[int, int], overwritten: bool = False) -> Sighting:
    """What was seen, canonical by the column's type; a column that is not bound is taken as it is."""
    value = cell.value if column is None else column.type.from_cell(cell.observed)
    value = value or None if isinstance(value, str) else value
    return Sighting(cell.column, cell.base, value, cell.number, *read_ms, overwritten)
