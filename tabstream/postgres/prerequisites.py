"""What a production set-up asks of the server, of the role that asks, and of the bound tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from tabstream.postgres.connection import Connection
from tabstream.postgres.statements import statement


@dataclass(frozen=True, slots=True)
class Server:
    """The server and the role of this connection. `slot_keep_bytes` is None without a limit; `now_us` since 1970."""

    database: str
    role: str
    wal_level: str
    commit_times: bool
    slots: int
    free_slots: int
    slot_keep_bytes: int | None
    replicates: bool
    creates: bool
    now_us: int


@dataclass(frozen=True, slots=True)
class Publication:
    """`operations` are those of insert, update and delete that are published; `owned`: this role may change it."""

    operations: tuple[str, ...]
    owner: str
    owned: bool
    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as far as streaming and writing it goes.

    `kind` and `identity` are pg_class's relkind and relreplident. `lacking` are the privileges that this role has not got.
    `unique_index` would do for a primary key. `owned`: this role may do what only an owner may; `by_superuser`: a superuser is
    the owner.
    """

    kind: str
    identity: str
    owner: str
    by_superuser: bool
    owned: bool
    schema_used: bool
    lacking: tuple[str, ...]
    has_key: bool
    unique_index: str | None
    truncate_watched: bool


@dataclass(frozen=True, slots=True)
class OwnSchema:
    """The schema tabstream: its columns by table, and what this role may not do with it.

    `foreign` are (kind, name) of what another role owns; `lacking` are (table, privilege).
    """

    used: bool
    columns: frozenset[tuple[str, str]]
    foreign: tuple[tuple[str, str], ...]
    lacking: tuple[tuple[str, str], ...]

    @property
    def versioned(self) -> bool:
        """Whether this role can read which format it has."""
        there = ("format_version", "version") in self.columns
        return self.used and there and ("format_version", "SELECT") not in self.lacking


def read_server(connection: Connection) -> Server:
    """The server and the role. Raises psycopg.Error."""
    row = connection.execute(statement("read_server")).fetchone()
    return Server(*(row or ()))


def read_publication(connection: Connection, name: str) -> Publication | None:
    """The publication of this name, None if there is none. Raises psycopg.Error."""
    row = connection.execute(statement("read_publication"), (name,)).fetchone()
    return None if row is None else Publication(tuple(row[0]), row[1], row[2], frozenset(row[3]))


def read_table_facts(connection: Connection, schema: str, table: str) -> Table | None:
    """The table, None if there is none. Raises psycopg.Error."""
    row = connection.execute(statement("read_table_facts"), (schema, table)).fetchone()
    if row is None:
        return None
    kind, identity, owner, by_superuser, owned, used, lacking, has_key, index, watched = row
    return Table(kind, identity, owner, by_superuser, owned, used, tuple(lacking), has_key, index, watched)


def read_own_schema(connection: Connection) -> OwnSchema | None:
    """The schema tabstream, None if there is none. Raises psycopg.Error."""
    row = connection.execute(statement("read_own_schema")).fetchone()
    if row is None:
        return None
    columns, foreign, lacking = row[1:]
    return OwnSchema(bool(row[0]), frozenset(_pairs(columns)), _pairs(foreign), _pairs(lacking))


def _pairs(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(first), str(second)) for first, second in rows)
