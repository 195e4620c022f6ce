"""What tabstream has made in the database, and taking it away."""

from dataclasses import dataclass

from psycopg import sql

from tabstream.postgres.connection import Connection
from tabstream.postgres.slots import read_slot
from tabstream.postgres.statements import statement

_LOCK_MS = "10000"


@dataclass(frozen=True, slots=True)
class Installed:
    """What there is: slot and publication of one name, and the schema `tabstream`."""

    slot: bool
    publication: bool
    schema: bool


def installed(connection: Connection, name: str) -> Installed:
    """Looks; raises psycopg.Error."""
    row = connection.execute(statement("is_there"), (name,)).fetchone()
    publication, schema = (bool(row[0]), bool(row[1])) if row is not None else (False, False)
    return Installed(read_slot(connection, name) is not None, publication, schema)


def drop_publication(connection: Connection, name: str) -> None:
    """Drops the publication. Raises psycopg.Error."""
    connection.execute(statement("drop_publication").format(publication=sql.Identifier(name)))


def drop_schema(connection: Connection) -> None:
    """Drops the schema, and the triggers on bound tables with it. Raises psycopg.Error, also where a table stays locked."""
    with connection.transaction():
        connection.execute(statement("limit_lock_waits"), (_LOCK_MS,))
        connection.execute(statement("drop_schema"))
