"""The publication that the connector reads: made and widened here, so that no restart of Debezium has to do it."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import psycopg
from psycopg import sql

from connectors.source import OWN_TABLES, Source
from tabstream.errors import OperatorError
from tabstream.postgres.connection import Connection, connect

_APPLICATION = "tabstream connectors"
_PUBLISHED = "SELECT schemaname || '.' || tablename FROM pg_publication_tables WHERE pubname = %s"
_EXISTS = "SELECT 1 FROM pg_publication WHERE pubname = %s"
# Without a replica identity, a published table refuses every UPDATE and DELETE.
_HAS_KEY = """
SELECT relreplident = 'f' OR EXISTS (SELECT 1 FROM pg_index WHERE indrelid = c.oid AND (indisprimary OR indisreplident))
FROM pg_class c WHERE oid = to_regclass(%s)
"""
# Debezium's incremental snapshot can't keep its place in such a table: the task fails, and all other tables with it.
_HAS_ARRAY_IN_KEY = """
SELECT EXISTS (
    SELECT 1 FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
    JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type base ON base.oid = t.typbasetype
    WHERE i.indrelid = to_regclass(%s) AND i.indisprimary AND 'A' IN (t.typcategory, base.typcategory)
)
"""


def published_tables(database_url: str, name: str) -> set[str]:
    """The tables (`schema.table`) of the publication; empty if there is none."""
    with connect(database_url, _APPLICATION) as connection:
        return _published(connection, name)


def is_published(database_url: str, name: str) -> bool:
    """Whether there is a publication of this name."""
    with connect(database_url, _APPLICATION) as connection:
        return connection.execute(_EXISTS, (name,)).fetchone() is not None


def has_key(database_url: str, table: str) -> bool:
    """Whether a table has what a publication needs: a primary key, or another replica identity."""
    with connect(database_url, _APPLICATION) as connection:
        row = connection.execute(_HAS_KEY, (table,)).fetchone()
    return bool(row and row[0])


def has_array_in_key(database_url: str, table: str) -> bool:
    """Whether a column of a table's primary key is an array: such a table can't be streamed."""
    with connect(database_url, _APPLICATION) as connection:
        row = connection.execute(_HAS_ARRAY_IN_KEY, (table,)).fetchone()
    return bool(row and row[0])


def streamable(source: Source) -> tuple[Source, list[str]]:
    """The source without the tables that can't be streamed, and those; raises DatabaseUnavailable."""
    left_out = [table for table in source.tables if has_array_in_key(source.database_url, table)]
    return replace(source, tables=tuple(table for table in source.tables if table not in left_out)), left_out


def publish(
    database_url: str, name: str, tables: Iterable[str], announce: Callable[[Connection, list[str]], None] | None = None
) -> list[str]:
    """Makes the publication of tabstream's own and these tables, or brings it to that; the tables that are new in it.

    `announce` gets the new tables in the same transaction, so that none is published without it. Raises OperatorError if
    the role may not.
    """
    wanted = [*OWN_TABLES, *sorted(set(tables))]
    try:
        with connect(database_url, _APPLICATION) as connection, connection.transaction():
            before = _published(connection, name)
            added = sorted(set(tables) - before)
            if before != set(wanted):
                connection.execute(_statement(connection, name, wanted))
            if added and announce is not None:
                announce(connection, added)
    except psycopg.errors.InsufficientPrivilege as problem:
        raise OperatorError(
            f"the publication {name!r} can't be made: {problem.diag.message_primary}",
            "grant CREATE on the database and ownership of the bound tables, or run this as their owner",
        ) from problem
    return added


def _statement(connection: Connection, name: str, tables: list[str]) -> sql.Composed:
    listed = sql.SQL(", ").join(sql.Identifier(*table.split(".", 1)) for table in tables)
    if connection.execute(_EXISTS, (name,)).fetchone():
        return sql.SQL("ALTER PUBLICATION {} SET TABLE {}").format(sql.Identifier(name), listed)
    # A truncate has no key, which a compacted topic refuses: a trigger announces it in the outbox.
    return sql.SQL("CREATE PUBLICATION {} FOR TABLE {} WITH (publish = 'insert, update, delete')").format(
        sql.Identifier(name), listed
    )


def _published(connection: Connection, name: str) -> set[str]:
    return {str(row[0]) for row in connection.execute(_PUBLISHED, (name,)).fetchall()}
