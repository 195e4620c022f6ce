"""People's values that wait for a decision (conflict rule `hold`), and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tabstream.core.cells import CellValue, Digest, RowKey, number
from tabstream.core.edits import Outcome
from tabstream.postgres.connection import Connection
from tabstream.postgres.statements import statement


@dataclass(frozen=True, slots=True)
class HeldValue:
    """What a person typed, what the database had then, and the decision's number; time in ms since 1970."""

    binding: str
    row_key: RowKey
    column: str
    sheet_value: CellValue
    database_value: CellValue
    number: int
    held_ms: int


def list_held(connection: Connection, binding: str | None) -> list[HeldValue]:
    """What waits, the oldest first, of one binding or all."""
    return [_held(row) for row in connection.execute(statement("list_held"), {"binding": binding}).fetchall()]


def take_held(connection: Connection, binding: str, row_key: RowKey, column: str) -> HeldValue | None:
    """Takes what waits for a cell out of the list; None where nothing does."""
    row = connection.execute(statement("take_held"), (binding, row_key, column)).fetchone()
    return None if row is None else _held(row)


def settle(connection: Connection, held: HeldValue, outcome: Outcome, winner: str, number: int) -> Digest:
    """Keeps what became of it, so that an edit that is reported once more is answered so; returns the edit's base. `number` is
    that of this decision."""
    cell = held.binding, held.row_key, held.column, held.number
    found = connection.execute(statement("settle_register"), (outcome.value, number, *cell)).fetchone()
    connection.execute(statement("settle_conflict"), (winner, *cell))
    return "" if found is None else str(found[0])


def _held(row: Sequence[object]) -> HeldValue:
    binding, row_key, column, sheet_value, database_value, decision, held_at = row
    if not isinstance(held_at, datetime) or not isinstance(decision, int):
        raise TypeError(f"{row!r} is no row of tabstream.held")
    values = _value(sheet_value), _value(database_value)
    return HeldValue(str(binding), str(row_key), str(column), *values, decision, round(held_at.timestamp() * 1000))


def _value(value: object) -> CellValue:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return number(value)
    raise TypeError(f"{value!r} is not a cell value")
