"""Tabstream's own schema in the database, and the announcement of truncates."""

import psycopg
from psycopg import sql

from tabstream.errors import OperatorError
from tabstream.postgres.connection import Connection, connect
from tabstream.postgres.statements import statement, text

FORMAT_VERSION = 2
# Any number will do, as long as every instance takes the same one.
_INSTALL_LOCK = 7_461_627_365
_TRUNCATE_TRIGGER = "tabstream_truncate"


def install(url: str) -> None:
    """Makes the schema `tabstream` with all that is in it, or what is missing of it; safe at any time, from anywhere.

    Raises OperatorError if the role may not, or if a newer version of tabstream has made the schema.
    """
    with connect(url, "tabstream install") as connection:
        install_with(connection)


def install_with(connection: Connection) -> None:
    """The same on an open connection, in one transaction."""
    try:
        with connection.transaction():
            connection.execute(statement("lock_installation"), (_INSTALL_LOCK,))
            version = installed_version(connection)
            if version is not None and version > FORMAT_VERSION:
                raise OperatorError(
                    f"the schema tabstream in this database has format {version}, and this version knows {FORMAT_VERSION}",
                    "use the version of tabstream that made it, or a newer one",
                )
            connection.execute(sql.SQL(text("schema.sql")))
    except psycopg.errors.InsufficientPrivilege as problem:
        raise OperatorError(
            f"the schema tabstream can't be made: {problem.diag.message_primary}",
            "grant CREATE on the database to this role, or run the command as the database's owner",
        ) from problem


def installed_version(connection: Connection) -> int | None:
    """The format of the schema in this database, None if there is none."""
    there = connection.execute(statement("has_format_version")).fetchone()
    if not there or not there[0]:
        return None
    row = connection.execute(statement("read_format_version")).fetchone()
    return None if row is None else int(row[0])


def watch_truncate(url: str, table: str) -> None:
    """Adds the trigger to a table (`schema.table`, or `table` in public) that announces a truncate in the outbox.

    Does nothing where it is. Raises OperatorError if the table is not there or the role may not.
    """
    name = sql.Identifier(*(table.split(".", 1) if "." in table else ("public", table)))
    parts = {"table": name, "trigger": sql.Identifier(_TRUNCATE_TRIGGER)}
    with connect(url, "tabstream install") as connection:
        try:
            with connection.transaction():
                connection.execute(statement("lock_installation"), (_INSTALL_LOCK,))
                watched = connection.execute(statement("is_truncate_watched"), (name.as_string(), _TRUNCATE_TRIGGER))
                if watched.fetchone() is None:
                    connection.execute(statement("watch_truncate").format(**parts))
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName) as problem:
            raise OperatorError(f"there is no table {table!r} in the database", "create it first") from problem
        except psycopg.errors.InsufficientPrivilege as problem:
            raise OperatorError(
                f"truncates of {table!r} can't be watched: {problem.diag.message_primary}",
                f"grant TRIGGER on {table} to this role, or run the command as the table's owner",
            ) from problem
