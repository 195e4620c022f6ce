"""What becomes of one edit: of some cells, of a new row, of a deleted row, of a row that came back.

Values in, values out. The caller reads the row and the registers under a lock, writes what is decided here, tells here
what the database refused, and keeps registers and answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tabstream.core.binding import Binding, BoundColumn, Direction, TableShape
from tabstream.core.cells import EMPTY_DIGEST, CellValue, RowKey, digest, key_values
from tabstream.core.edits import Edit, EditKind, How, Outcome
from tabstream.core.merge import (
    NO_ROW,
    ONE_WAY,
    CellDecision,
    Conflict,
    Place,
    Rule,
    Theirs,
    database_text,
    merge,
    sighting_of,
)
from tabstream.core.registers import EMPTY_REGISTER, CellRegister, LastDecision, Sighting, Standing
from tabstream.core.results import REPLAYED, SEEN_AGAINST_NO_MARK, Answer, RowAnswer
from tabstream.errors import NotAccepted

CHANGED_SINCE = "the row was changed in the database after it was shown here, so it was not deleted"


@dataclass(frozen=True, slots=True)
class BoundTable:
    """A binding with what is known of its table. `generated` columns can't be written by anybody.

    `rules` are the team's own conflict rules, by their name in the bindings file.
    """

    binding: Binding
    shape: TableShape
    generated: frozenset[str] = frozenset()
    rules: Mapping[str, Rule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatabaseRow:
    """A row as the database has it: texts of the bound columns, and when it was last written (see Conflict)."""

    texts: Mapping[str, str | None]
    changed_us: int | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to one edit: for the row (insert, delete, return) and for its cells."""

    row: RowAnswer | None = None
    cells: tuple[Answer, ...] = ()


class WriteKind(StrEnum):
    """What is done to the table."""

    NONE = "none"
    UPDATE = "update"
    INSERT = "insert"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done and answered for one edit. `texts` are the columns to write.

    `answers` is None where nothing was decided. `once` says that the answers are kept, to be given again.
    `look_again` asks the owner to read the row again: something older than a decision still differed.
    """

    edit: Edit
    number: int
    cells: tuple[CellDecision, ...] = ()
    kind: WriteKind = WriteKind.NONE
    texts: Mapping[str, str | None] = field(default_factory=dict)
    row: RowAnswer | None = None
    repeated: Answers | None = None
    once: bool = False
    look_again: bool = False

    @property
    def answers(self) -> Answers | None:
        """What is answered, None for nothing."""
        if self.repeated is not None:
            return self.repeated
        cells = tuple(decision.answer for decision in self.cells if decision.answer is not None)
        return Answers(self.row, cells) if cells or self.row is not None else None

    @property
    def changes(self) -> bool:
        """True where it leaves anything behind, but for its answers."""
        return self.kind is not WriteKind.NONE or bool(self.registers) or (self.once and self.repeated is None)

    @property
    def registers(self) -> Mapping[str, CellRegister]:
        """The registers that have changed, by column."""
        return {d.seen.column: d.register for d in self.cells if d.register != d.before}

    @property
    def lost(self) -> Sequence[tuple[CellDecision, Conflict]]:
        """Conflicts to put on record, each with its decision."""
        return [(decision, decision.lost) for decision in self.cells if decision.lost is not None]


def judge(
    edit: Edit,
    row: DatabaseRow | None,
    registers: Mapping[str, CellRegister],
    answered: Answers | None,
    table: BoundTable,
    number: int,
) -> Verdict:
    """Decides an edit. `row` is the row that `edit.row_key` names, None if there is none (always for a token).

    `registers` are the row's cell registers by column; `answered` is what this very insert, delete or return was answered
    before; `number` is the number of the decision.
    """
    if answered is not None:
        return Verdict(edit, number, repeated=answered)
    if edit.kind is EditKind.DELETE:
        return _delete(edit, row, registers, table, number)
    if edit.kind is EditKind.INSERT or (edit.kind is EditKind.RETURN and row is None):
        return _insert(edit, registers, table, number)
    verdict = _cells(edit, row, registers, table, number)
    if edit.kind is EditKind.RETURN:
        return replace(verdict, row=RowAnswer(Outcome.SAME, number, edit.row_key), once=True)
    return verdict


def refused(verdict: Verdict, reasons: Mapping[str, str], everything: str | None = None) -> Verdict:
    """The verdict where the database has refused the write: of some columns, or `everything` for this reason."""
    if verdict.kind in {WriteKind.INSERT, WriteKind.DELETE} and everything is not None:
        outcome = Outcome.REJECTED if verdict.kind is WriteKind.INSERT else Outcome.RESTORED
        key = None if verdict.kind is WriteKind.INSERT else verdict.edit.row_key
        row = RowAnswer(outcome, verdict.number, key, everything)
        return Verdict(verdict.edit, verdict.number, row=row, once=verdict.kind is WriteKind.DELETE)
    cells = []
    for decision in verdict.cells:
        reason = reasons.get(decision.seen.column, everything)
        cells.append(decision.refused(reason) if decision.writes and reason is not None else decision)
    texts = {d.seen.column: d.text for d in cells if d.writes}
    return replace(verdict, cells=tuple(cells), texts=texts, kind=WriteKind.UPDATE if texts else WriteKind.NONE)


def stored(verdict: Verdict, values: Mapping[str, CellValue]) -> Verdict:
    """The verdict where its write has succeeded: what the registers call applied is what the database has now."""
    cells = [
        replace(d, register=d.register.stored_as(values[d.seen.column])) if d.writes and d.seen.column in values else d
        for d in verdict.cells
    ]
    return replace(verdict, cells=tuple(cells))


def replayed(verdict: Verdict) -> Verdict:
    """The verdict of an edit that was dealt with before the database was set back: its answers say so.

    The tab may have lost the row or the mark that the edit was seen against, which is no act of a person then.
    """
    cells = [
        d if d.answer is None else replace(d, answer=replace(d.answer, shown=SEEN_AGAINST_NO_MARK)) for d in verdict.cells
    ]
    repeated = None if verdict.repeated is None else _replayed(verdict.repeated)
    row = None if verdict.row is None else _replayed_row(verdict.row)
    return replace(verdict, cells=tuple(cells), repeated=repeated, row=row)


def _replayed(answers: Answers) -> Answers:
    cells = tuple(replace(answer, shown=SEEN_AGAINST_NO_MARK) for answer in answers.cells)
    return Answers(None if answers.row is None else _replayed_row(answers.row), cells)


def _replayed_row(answer: RowAnswer) -> RowAnswer:
    return replace(answer, reason=REPLAYED) if answer.outcome in (Outcome.INSERTED, Outcome.DELETED) else answer


def inserted(verdict: Verdict, key: RowKey) -> Verdict:
    """The verdict of an insert that has succeeded: the row's key is known now."""
    return replace(verdict, row=RowAnswer(Outcome.INSERTED, verdict.number, key), once=True)


def sightings(edit: Edit, shape: TableShape) -> Sequence[Sighting]:
    """The edit's cells, canonical by their columns' types."""
    columns = shape.by_name
    read_ms = edit.read_begin_ms, edit.read_end_ms
    return [sighting_of(columns.get(c.column), c, read_ms, edit.how is How.PRE_IMAGE) for c in edit.cells]


def canonical(row: DatabaseRow, shape: TableShape) -> Mapping[str, CellValue]:
    """The row's cell values."""
    return {column.name: column.type.from_text(row.texts.get(column.name)) for column in shape.columns}


def key_texts(key: RowKey, shape: TableShape) -> tuple[str, ...]:
    """The key's values as the database reads them; raises NotAccepted or ValueError for what can't be a key."""
    values = key_values(key)
    if len(values) != len(shape.key):
        raise ValueError(f"{key!r} is no key of {len(shape.key)} columns")
    return tuple(_key_text(value, shape.by_name[name]) for name, value in zip(shape.key, values, strict=True))


def _key_text(value: CellValue, column: BoundColumn) -> str:
    try:
        return column.type.to_database(value) or ""
    except NotAccepted:
        if column.type.read_only and isinstance(value, str):
            return value
        raise


def _cells(
    edit: Edit, row: DatabaseRow | None, registers: Mapping[str, CellRegister], table: BoundTable, number: int
) -> Verdict:
    columns = table.shape.by_name
    values = {} if row is None else canonical(row, table.shape)
    decisions = []
    for seen in sightings(edit, table.shape):
        theirs = NO_ROW if row is None else Theirs(values.get(seen.column), row.changed_us)
        place = _place(edit, columns.get(seen.column), seen.column, table)
        decisions.append(merge(seen, theirs, registers.get(seen.column, EMPTY_REGISTER), place, number))
    texts = {d.seen.column: d.text for d in decisions if d.writes}
    stale = any(d.standing is Standing.STALE and not d.seen.is_touch for d in decisions)
    return Verdict(
        edit,
        number,
        tuple(decisions),
        WriteKind.UPDATE if texts else WriteKind.NONE,
        texts,
        look_again=stale and edit.how is not How.PRE_IMAGE,
    )


def _place(edit: Edit, column: BoundColumn | None, name: str, table: BoundTable) -> Place:
    rule = table.rules.get(column.conflict) if column else None
    return Place(table.binding.name, edit.row_key, table.binding.direction, column, name in table.shape.key, rule)


def _insert(edit: Edit, registers: Mapping[str, CellRegister], table: BoundTable, number: int) -> Verdict:
    if table.binding.direction is Direction.DATABASE_TO_SHEET:
        return _row_only(edit, number, RowAnswer(Outcome.REJECTED, number, None, ONE_WAY))
    seen = {s.column: s for s in sightings(edit, table.shape)}
    texts: dict[str, str | None] = {}
    decisions, problems, needed = [], [], []
    for column in table.shape.columns:
        sighting = seen.get(column.name) or _nothing_seen(edit, column)
        try:
            taken = _insert_text(sighting.value, column, edit.kind, table)
        except NotAccepted as refusal:
            if column.read_only:
                decisions.append(_submitted(sighting, registers, number, refusal.reason))
            else:
                problems.append(f"{column.header}: {refusal.reason}")
            continue
        if taken is not _OMITTED:
            texts[column.name] = taken
        elif not column.nullable and not column.has_default and not column.read_only:
            needed.append(column.header)
        if column.name in seen:
            decisions.append(_submitted(sighting, registers, number))
    if needed:
        problems.insert(0, f"needed before this row is saved: {', '.join(needed)}")
    if problems:
        return _row_only(edit, number, RowAnswer(Outcome.REJECTED, number, None, "; ".join(problems)))
    row = RowAnswer(Outcome.INSERTED, number, None)
    return Verdict(edit, number, tuple(decisions), WriteKind.INSERT, texts, row, once=True)


_OMITTED = "\0omitted"  # no text of a database can hold this character


def _insert_text(value: CellValue, column: BoundColumn, kind: EditKind, table: BoundTable) -> str | None:
    returns = kind is EditKind.RETURN
    if value is None:
        return None if returns and column.nullable and column.name not in table.generated else _OMITTED
    if not returns:
        return database_text(value, column)
    # A row that comes back brings the values of its read-only columns too, its key above all.
    return _OMITTED if column.name in table.generated else column.type.to_database(value)


def _submitted(seen: Sighting, registers: Mapping[str, CellRegister], number: int, reason: str | None = None) -> CellDecision:
    outcome = Outcome.APPLIED if reason is None else Outcome.REJECTED
    before = registers.get(seen.column, EMPTY_REGISTER)
    last = LastDecision(seen.base, seen.digest, seen.read_end_ms, number, outcome, reason)
    register = CellRegister(last, seen.digest if reason is None else None, number, seen.base, seen.number)
    answer = Answer(seen.column, seen.base, seen.value, number, outcome, reason, seen.number)
    return CellDecision(seen, Standing.NEW, before, register, answer, writes=reason is None)


def _nothing_seen(edit: Edit, column: BoundColumn) -> Sighting:
    return Sighting(column.name, EMPTY_DIGEST, None, 0, edit.read_begin_ms, edit.read_end_ms)


def _delete(
    edit: Edit, row: DatabaseRow | None, registers: Mapping[str, CellRegister], table: BoundTable, number: int
) -> Verdict:
    if row is None:
        return _row_only(edit, number, RowAnswer(Outcome.DELETED, number, None), once=True)
    if table.binding.direction is Direction.DATABASE_TO_SHEET:
        return _row_only(edit, number, RowAnswer(Outcome.RESTORED, number, edit.row_key, ONE_WAY), once=True)
    values = {name: digest(value) for name, value in canonical(row, table.shape).items()}
    for cell in edit.cells:
        register = registers.get(cell.column, EMPTY_REGISTER)
        now = values.get(cell.column)
        if now is not None and now != cell.base and not register.is_own_unshown(cell.number, now):
            answer = RowAnswer(Outcome.RESTORED, number, edit.row_key, CHANGED_SINCE)
            return _row_only(edit, number, answer, once=True)
    return Verdict(edit, number, kind=WriteKind.DELETE, row=RowAnswer(Outcome.DELETED, number, None), once=True)


def _row_only(edit: Edit, number: int, answer: RowAnswer, *, once: bool = False) -> Verdict:
    return Verdict(edit, number, row=answer, once=once)
