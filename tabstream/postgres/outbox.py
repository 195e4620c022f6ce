"""What a transaction tells the sheets: the claim before its rows, the answers after them; and conflicts on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from tabstream.core.answers import to_entries
from tabstream.core.cells import CellValue, as_json_value
from tabstream.core.merge import Conflict
from tabstream.core.results import Truncated, lsn_of
from tabstream.core.rowmerge import Answers
from tabstream.postgres.connection import Connection
from tabstream.postgres.statements import statement


@dataclass(frozen=True, slots=True)
class Result:
    """The answers to one edit. `row` has the bound columns' texts as the database has them, None without a row.

    `exact` says that nobody else can be changing the row in this transaction's time: it is newer than every change
    that comes before the answer in the write-ahead log.
    """

    binding: str
    row_key: str
    answers: Answers
    row: Mapping[str, str | None] | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A conflict with what became of it: `winner` is sheet, database or held."""

    conflict: Conflict
    winner: str
    rule: str
    number: int


def write_claims(connection: Connection, keys: Mapping[str, Sequence[str]]) -> None:
    """Claims the row keys and tokens of each binding that this transaction will answer."""
    claims = {binding: Jsonb(list(claimed)) for binding, claimed in keys.items() if claimed}
    if claims:
        connection.execute(statement("write_claims"), (list(claims), list(claims.values())))


def write_answers(connection: Connection, results: Sequence[Result]) -> None:
    """Writes the results in their order."""
    if results:
        columns = (
            [r.binding for r in results],
            [r.row_key for r in results],
            [Jsonb(to_entries(r.answers)) for r in results],
            [None if r.row is None else Jsonb(dict(r.row)) for r in results],
            [r.exact for r in results],
        )
        connection.execute(statement("write_answers"), columns)


def write_conflicts(connection: Connection, records: Sequence[Record]) -> None:
    """Puts conflicts on record, and those that are held where a person decides on them."""
    if not records:
        return
    connection.execute(
        statement("write_conflicts"),
        (
            *_cells(records),
            [r.winner for r in records],
            [r.rule for r in records],
            [r.number for r in records],
            [r.conflict.first_seen_us for r in records],
            [r.conflict.database_changed_us for r in records],
        ),
    )
    held = [record for record in records if record.winner == "held"]
    if held:
        connection.execute(statement("write_held"), (*_cells(held), [r.number for r in held]))


def drop_held(connection: Connection, cells: Sequence[tuple[str, str, str]]) -> None:
    """Forgets held values of cells (binding, row key, column) that were decided anew."""
    if cells:
        connection.execute(statement("drop_held"), [[cell[n] for cell in cells] for n in range(3)])


def _cells(records: Sequence[Record]) -> tuple[list[object], ...]:
    conflicts = [record.conflict for record in records]
    return (
        [c.binding for c in conflicts],
        [c.row_key for c in conflicts],
        [c.column for c in conflicts],
        [_json(c.sheet_value) for c in conflicts],
        [_json(c.database_value) for c in conflicts],
    )


def _json(value: CellValue) -> Jsonb:
    return Jsonb(as_json_value(value))


def last_truncate(connection: Connection, table: str) -> Truncated | None:
    """When a table (`schema.table`) was emptied last; None if it never was, or nobody watched."""
    row = connection.execute(statement("read_last_truncate"), (table,)).fetchone()
    return None if row is None else _truncated(row)


def truncates(connection: Connection, table: str) -> list[Truncated]:
    """Each time that a table (`schema.table`) was emptied, as far as somebody watched, the oldest first."""
    return [_truncated(row) for row in connection.execute(statement("read_truncates"), (table,)).fetchall()]


def _truncated(row: tuple[Any, ...]) -> Truncated:
    return Truncated(lsn_of(row[0]), int(row[1].timestamp() * 1_000))
