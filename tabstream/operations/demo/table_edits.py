"""Changes that somebody makes in the table on the demo's page: plain SQL, as any other program would."""

from typing import Any

import psycopg
from psycopg import sql

from tabstream.operations.demo.binding import COLUMNS
from tabstream.operations.demo.table import TABLE


class Refused(Exception):
    """The database refused a change; the text is what it said."""


async def set_cell(database_url: str, key: str, column: str, text: str) -> None:
    """Writes one value, blank for NULL. Raises Refused with the database's reason."""
    if column not in COLUMNS:
        raise Refused(f"there is no column {column!r}")
    query = sql.SQL("UPDATE {} SET {} = %(value)s WHERE lead_id = %(key)s").format(_table(), sql.Identifier(column))
    if await _execute(database_url, query, {"value": text or None, "key": key}) == 0:
        raise Refused(f"there is no row {key!r}")


async def insert_row(database_url: str) -> None:
    """Adds a row that has only what it must have."""
    await _execute(database_url, sql.SQL("INSERT INTO {} (name) VALUES (%(name)s)").format(_table()), {"name": "somebody new"})


async def delete_row(database_url: str, key: str) -> None:
    """Deletes a row."""
    await _execute(database_url, sql.SQL("DELETE FROM {} WHERE lead_id = %(key)s").format(_table()), {"key": key})


async def _execute(database_url: str, query: sql.Composed, values: dict[str, Any]) -> int:
    try:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            return (await connection.execute(query, values)).rowcount
    except psycopg.Error as problem:
        raise Refused(problem.diag.message_primary or str(problem)) from problem


def _table() -> sql.Identifier:
    return sql.Identifier(*TABLE.split("."))
