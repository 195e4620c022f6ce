"""Conflicts on record, as the database sink has written them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from tabstream.core.cells import CellValue
from tabstream.errors import OperatorError
from tabstream.postgres.connection import Connection
from tabstream.postgres.statements import statement


@dataclass(frozen=True, slots=True)
class ConflictOnRecord:
    """One cell that both sides had changed. `winner` is sheet, database or held; times are ms since 1970.

    `first_seen_ms` is when the sheet's value was seen first, `database_changed_ms` when the row was last written.
    """

    binding: str
    row_key: str
    column: str
    sheet_value: CellValue
    database_value: CellValue
    winner: str
    rule: str
    number: int
    first_seen_ms: int
    database_changed_ms: int | None
    decided_ms: int


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The newest that were asked for, and how many there are in all."""

    shown: Sequence[ConflictOnRecord]
    count: int


def read_conflicts(connection: Connection, binding: str | None, since_ms: int | None, limit: int) -> Conflicts:
    """The newest first, of one binding or all, since a time or ever; raises OperatorError where tabstream's schema is not
    there or not to be read."""
    asked = {"binding": binding, "since_us": None if since_ms is None else since_ms * 1000, "limit": limit}
    try:
        rows = connection.execute(statement("list_conflicts"), asked).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as problem:
        remedy = "tabstream connectors apply makes it; or does TABSTREAM_DATABASE_URL name another database?"
        raise OperatorError("this database has no schema tabstream, where conflicts are on record", remedy) from problem
    except psycopg.errors.InsufficientPrivilege as problem:
        remedy = "GRANT USAGE ON SCHEMA tabstream and SELECT ON tabstream.conflict to the role of TABSTREAM_DATABASE_URL"
        raise OperatorError("this role may not read the conflicts on record", remedy) from problem
    return Conflicts([_conflict(*row[1:]) for row in rows], int(rows[0][0]) if rows else 0)


def names_with_conflicts(connection: Connection) -> list[str]:
    """The bindings that have conflicts on record."""
    return [str(row[0]) for row in connection.execute(statement("bindings_with_conflicts")).fetchall()]


def _conflict(
    binding: str,
    row_key: str,
    column: str,
    sheet_value: CellValue,
    database_value: CellValue,
    winner: str,
    rule: str,
    number: int,
    first_seen_at: datetime,
    database_changed_at: datetime | None,
    decided_at: datetime,
) -> ConflictOnRecord:
    changed = None if database_changed_at is None else _ms(database_changed_at)
    times = _ms(first_seen_at), changed, _ms(decided_at)
    return ConflictOnRecord(binding, row_key, column, sheet_value, database_value, winner, rule, number, *times)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
