"""Connections to the database, set up so that values come as the text that column types read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from tabstream.errors import ConfigurationError, Outage
from tabstream.postgres.statements import statement

Connection: TypeAlias = psycopg.Connection[TupleRow]

_CONNECT_SECONDS = 10
# A peer that vanished is noticed within about 20 seconds, not after the kernel's two hours.
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 3}
_NO_URL = (
    "TABSTREAM_DATABASE_URL can't be read: it must look like postgresql://user:password@host:5432/database, "
    "with %40 for @, %2F for / and %25 for % in user and password"
)


class DatabaseUnavailable(Outage):
    """The database can't be reached, or is shutting down."""

    remedy = "start the database, or correct TABSTREAM_DATABASE_URL"


def check_url(url: str) -> None:
    """Raises ConfigurationError for what is no address of a database. The URL is never part of the message."""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ConfigurationError(_NO_URL) from None  # libpq's own words hold the URL, or the password in it


def connect(url: str, application_name: str = "tabstream", *, autocommit: bool = False) -> Connection:
    """A connection whose texts are in ISO form; raises DatabaseUnavailable, and ConfigurationError for
    what is no URL. The URL is never part of the message."""
    check_url(url)
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


@contextmanager
def opened(url: str, application_name: str, refusal: Callable[[str], Exception] | None = None) -> Iterator[Connection]:
    """A connection in autocommit, which is closed at the end. Raises DatabaseUnavailable where it breaks, and what `refusal`
    makes of what the database refuses: without it, psycopg's own error."""
    try:
        with connect(url, application_name, autocommit=True) as connection:
            yield connection
    except psycopg.OperationalError as problem:
        raise DatabaseUnavailable(f"the database can't be used: {str(problem).strip()}") from problem
    except psycopg.Error as problem:
        if refusal is None:
            raise
        raise refusal(f"the database refuses: {str(problem).strip()}") from problem


def table_identity(connection: Connection, schema: str, table: str) -> str:
    """Names the database system, its timeline and the table's own id: a restore, a failover and a new table change it.

    A role that may not ask for the first two gets the table's id alone.
    https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CONTROLDATA
    """
    may = connection.execute(statement("may_read_identity")).fetchone()
    row = connection.execute(statement("read_identity")).fetchone() if may is not None and may[0] else None
    found = connection.execute(statement("find_table"), (schema, table)).fetchone()
    return f"{row[0] if row else ''}/{found[0] if found else ''}"
