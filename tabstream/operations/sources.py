"""What a tab should show, read afresh: the table as the database has it, or as its topic tells it."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import psycopg

from tabstream.config import Settings
from tabstream.core.binding import Binding, TableShape
from tabstream.core.cells import CellValue, RowKey, row_key
from tabstream.core.changes import RowValues
from tabstream.core.results import lsn_of
from tabstream.core.rowmerge import BoundTable, DatabaseRow, canonical, key_texts
from tabstream.errors import BindingProblem, NotAccepted
from tabstream.postgres.connection import Connection, opened
from tabstream.postgres.rows import Rows
from tabstream.postgres.shape import read_shape
from tabstream.postgres.slots import read_slot, slot_of
from tabstream.postgres.statements import statement

_KEYS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a source: where it stood, the database's time of it (ms since 1970), the table's shape, and the rows, which
    can be read once, while the look lasts."""

    position: str
    at_ms: int
    shape: TableShape
    rows: Iterable[tuple[RowKey, RowValues]]


class Source(Protocol):
    """What a binding's tab should show."""

    @property
    def name(self) -> str:
        """What it is, in a word."""

    def look(self, binding: Binding, zone: str, keys: Collection[RowKey | None] | None) -> AbstractContextManager[Sight]:
        """All rows as they are now, or those of these keys, for a spreadsheet of this zone. Raises BindingProblem, Outage."""

    def left_out(self, binding: Binding, shape: TableShape, keys: Collection[RowKey]) -> set[RowKey]:
        """Which of these keys it tells of though the table has none of them. Raises BindingProblem, Outage."""

    def has_streamed(self, position: str) -> bool:
        """Whether all that a look of this position saw has come to the topic. Raises BindingProblem, Outage."""


class DatabaseSource:
    """The table itself, in one REPEATABLE READ transaction; a position is an LSN."""

    name = "the table"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @contextmanager
    def look(self, binding: Binding, zone: str, keys: Collection[RowKey | None] | None) -> Iterator[Sight]:
        """See Source."""
        with snapshot(self._settings) as connection:
            position, at_ms = now_at(connection)
            shape = read_shape(connection, binding, zone)
            rows = Rows(BoundTable(binding, shape), commit_times=False)
            yield Sight(position, at_ms, shape, _all(rows, connection) if keys is None else some(rows, connection, keys))

    def left_out(self, binding: Binding, shape: TableShape, keys: Collection[RowKey]) -> set[RowKey]:
        """See Source: none."""
        return set()

    def has_streamed(self, position: str) -> bool:
        """See Source. A table that another connector streams has no slot of this name."""
        with database(self._settings) as connection:
            slot = read_slot(connection, slot_of(self._settings))
        return slot is None or slot.confirmed >= lsn_of(position)


def database(settings: Settings) -> AbstractContextManager[Connection]:
    """A connection for reading; raises Outage, BindingProblem."""
    return opened(settings.database_url, "tabstream audit", lambda refused: BindingProblem(refused, "run it again"))


@contextmanager
def snapshot(settings: Settings) -> Iterator[Connection]:
    """A connection that sees the database as it is at its first statement; raises Outage, BindingProblem."""
    with database(settings) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            yield connection


def now_at(connection: Connection) -> tuple[str, int]:
    """The end of the write-ahead log, and the database's time in ms since 1970."""
    row = connection.execute(statement("read_position")).fetchone()
    return (str(row[0]), int(row[1])) if row is not None else ("0/0", 0)


def some(
    rows: Rows, connection: Connection, keys: Collection[RowKey | None]
) -> Iterator[tuple[RowKey, Mapping[str, CellValue]]]:
    """The table's rows of these keys, each once."""
    shape = rows.table.shape
    texts = [found for key in keys if key is not None and (found := _texts(key, shape)) is not None]
    told: set[RowKey] = set()
    for start in range(0, len(texts), _KEYS_AT_ONCE):
        for row in _read(rows, connection, texts[start : start + _KEYS_AT_ONCE]):
            key, values = _keyed(row, shape)
            if key in keys and key not in told:  # the database may take two spellings for the same key
                told.add(key)
                yield key, values


def _all(rows: Rows, connection: Connection) -> Iterator[tuple[RowKey, Mapping[str, CellValue]]]:
    for texts in rows.stream(connection):
        yield _keyed(DatabaseRow(texts), rows.table.shape)


def _read(rows: Rows, connection: Connection, keys: list[tuple[str, ...]]) -> list[DatabaseRow]:
    """The rows of these keys that are there; a key that the database can't read, out of a damaged mark, has none."""
    try:
        with connection.transaction():
            return [row for row in rows.read(connection, keys) if row is not None]
    except psycopg.DataError:
        half = len(keys) // 2
        return _read(rows, connection, keys[:half]) + _read(rows, connection, keys[half:]) if half else []


def _keyed(row: DatabaseRow, shape: TableShape) -> tuple[RowKey, Mapping[str, CellValue]]:
    values = canonical(row, shape)
    return row_key([values[name] for name in shape.key]), values


def _texts(key: RowKey, shape: TableShape) -> tuple[str, ...] | None:
    """The key as the database reads it, None for what no row of the table can have."""
    try:
        return key_texts(key, shape)
    except (NotAccepted, ValueError):
        return None
