"""Connections to the database, set up so that values come as the text that column types read."""

from typing import Any, TypeAlias

import psycopg
from psycopg.rows import TupleRow

from tabstream.errors import Outage
from tabstream.postgres.statements import statement

Connection: TypeAlias = psycopg.Connection[TupleRow]

_CONNECT_SECONDS = 10
# A peer that vanished is noticed within about 20 seconds, not after the kernel's two hours.
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3}


class DatabaseUnavailable(Outage):
    """The database can't be reached, or is shutting down."""


def connect(url: str, application_name: str = "tabstream", *, autocommit: bool = False) -> Connection:
    """A connection whose texts are in ISO form; raises DatabaseUnavailable. The URL is never part of the message."""
    parameters: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS, **_KEEPALIVE}
    try:
        connection = psycopg.connect(url, autocommit=True, application_name=application_name, **parameters)
        # The time zone and search path stay the database's own: triggers of the application depend on them.
        connection.execute("SET datestyle = 'ISO'")
        connection.execute("SET intervalstyle = 'postgres'")
        connection.execute("SET bytea_output = 'hex'")
        connection.execute("SET extra_float_digits = 1")
    except psycopg.Error as problem:
        reason = str(problem).strip().partition("\n")[0]
        raise DatabaseUnavailable(f"the database can't be reached: {reason}") from problem
    # A prepared statement would fail once after each change of a table's columns.
    connection.prepare_threshold = None
    connection.autocommit = autocommit
    return connection


def database_identity(connection: Connection) -> str:
    """Names the database system and its timeline, which a restore or a failover changes; "" where this role may not ask.

    https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CONTROLDATA
    """
    may = connection.execute(statement("may_read_identity")).fetchone()
    if may is None or not may[0]:
        return ""
    row = connection.execute(statement("read_identity")).fetchone()
    return "" if row is None else str(row[0])
