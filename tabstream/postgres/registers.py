"""Cell registers, and what happens once to a row, as the database keeps them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from psycopg.types.json import Jsonb

from tabstream.core.answers import from_entries, to_entries
from tabstream.core.edits import Edit, EditKind, Outcome
from tabstream.core.registers import CellRegister, LastDecision
from tabstream.core.rowmerge import Answers
from tabstream.postgres.connection import Connection
from tabstream.postgres.progress import Position
from tabstream.postgres.statements import statement

RowName: TypeAlias = tuple[str, str]
"""A binding's name and a row key."""

OnceName: TypeAlias = tuple[str, str, str, int, int]
"""What names an insert, delete or return, or a refused new row: binding, row key, kind, partition, offset."""


def read_registers(connection: Connection, rows: Iterable[RowName]) -> Mapping[RowName, Mapping[str, CellRegister]]:
    """The registers of all cells of these rows, by row and column; rows without any are empty."""
    found: dict[RowName, dict[str, CellRegister]] = defaultdict(dict)
    for binding, row_key, column, *rest in connection.execute(statement("read_registers"), _columns(rows, 2)).fetchall():
        base, value, read_end_ms, number, outcome, reason, *applied = rest
        last = LastDecision(base, value, read_end_ms, number, Outcome(outcome), reason)
        found[binding, row_key][column] = CellRegister(last, *applied)
    return found


def write_registers(connection: Connection, registers: Mapping[tuple[str, str, str], CellRegister]) -> None:
    """Keeps registers by binding, row key and column; one without a decision is nothing to keep."""
    kept = [
        (*name, *_last(r.last), r.applied_value, r.applied_number, r.applied_base, r.applied_shown, Jsonb(dict(r.first_seen)))
        for name, r in registers.items()
        if r.last is not None
    ]
    if kept:
        connection.execute(statement("write_registers"), _columns(kept, 14))


def _last(last: LastDecision) -> tuple[object, ...]:
    return last.base, last.value, last.read_end_ms, last.number, last.outcome.value, last.reason


def once_name(edit: Edit) -> OnceName:
    """The name under which an insert, delete or return is remembered."""
    return edit.binding, edit.row_key, edit.kind.value, edit.partition, edit.offset


def refusal_name(edit: Edit, position: Position) -> OnceName:
    """The name under which a new row that was refused is remembered: it is this message's refusal, not the row's.

    No other name is the same, because an insert that was done has no position: see Edit.
    """
    _, partition, offset = position
    return edit.binding, edit.row_key, EditKind.INSERT.value, partition, offset


def read_once(connection: Connection, edits: Mapping[Position, Edit]) -> Mapping[Position, Answers]:
    """What these edits were answered before, by their positions in the topic of edits.

    A row that was put back may be deleted again by a later reading.
    """
    positions = {refusal_name(edit, position): position for position, edit in edits.items()}
    positions |= {once_name(edit): position for position, edit in edits.items()}
    found: dict[Position, Answers] = {}
    for *name, read_end_ms, entries in connection.execute(statement("read_once"), _columns(positions, 5)).fetchall():
        position = positions[name[0], name[1], name[2], name[3], name[4]]
        edit, answers = edits[position], from_entries(entries)
        outcome = None if answers.row is None else answers.row.outcome
        if edit.kind is EditKind.DELETE and outcome is Outcome.RESTORED and edit.read_begin_ms > read_end_ms:
            continue
        if outcome is not Outcome.REJECTED or position not in found:
            found[position] = answers
    return found


def write_once(connection: Connection, answered: Mapping[OnceName, tuple[Edit, Answers]]) -> None:
    """Keeps what inserts, deletes and returns were answered."""
    kept = [(*name, edit.read_end_ms, Jsonb(to_entries(answers))) for name, (edit, answers) in answered.items()]
    if kept:
        connection.execute(statement("write_once"), _columns(kept, 7))


def take_numbers(connection: Connection, count: int, highest_shown: int) -> list[int]:
    """So many decision numbers, rising, all above `highest_shown`, the highest that a mark in these edits holds."""
    numbers = [int(row[0]) for row in connection.execute(statement("take_numbers"), (count,)).fetchall()]
    if numbers and numbers[0] <= highest_shown:
        connection.execute(statement("raise_numbers"), (highest_shown,))
        return take_numbers(connection, count, 0)
    return numbers


def _columns(rows: Iterable[Sequence[object]], width: int) -> list[list[object]]:
    kept = list(rows)
    return [[row[n] for row in kept] for n in range(width)]
