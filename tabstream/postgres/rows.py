"""The rows of one bound table: locked, read, changed, added, deleted, many with each statement.

Identifiers are composed, values are parameters, and each is cast to its column's type as the catalog spells it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import LiteralString, TypeAlias

import psycopg
from psycopg import sql

from tabstream.core.binding import BoundColumn
from tabstream.core.rowmerge import BoundTable, DatabaseRow
from tabstream.postgres.connection import Connection
from tabstream.postgres.statements import statement

KeyTexts: TypeAlias = tuple[str, ...]

_MODIFIERS = re.compile(r"\([^()]*\)")
_WITHOUT_LENGTH: Mapping[str, LiteralString] = {"character": "bpchar", "bit": '"bit"'}  # of these, none given means one
_STREAMED_AT_ONCE = 2_000
_LOCK_WAIT_MS = "1000"
_T = sql.Identifier("t")
_E = sql.Identifier("e")
_ORDINAL = sql.Identifier("ord")


class Locked(Enum):
    """Stands for a row that another session has locked."""

    ROW = auto()


class LockMode(Enum):
    """How rows are locked: for a delete, for a change of other columns than the key, or not at all."""

    UPDATE = "FOR UPDATE OF t SKIP LOCKED"
    NO_KEY_UPDATE = "FOR NO KEY UPDATE OF t SKIP LOCKED"
    NONE = ""


def has_rows(connection: Connection, schema: str, table: str) -> bool:
    """Whether a table has a row; False too where it can't be told now: it is gone, locked, or not this role's to read."""
    try:
        with connection.transaction():
            connection.execute(statement("limit_lock_waits"), (_LOCK_WAIT_MS,))
            row = connection.execute(statement("has_rows").format(table=sql.Identifier(schema, table))).fetchone()
            return row is not None and bool(row[0])
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege, psycopg.errors.LockNotAvailable):
        return False


@dataclass(frozen=True, slots=True)
class Rows:
    """The door to the table's rows. `commit_times` says that the server keeps transactions' commit times."""

    table: BoundTable
    commit_times: bool

    def lock(self, connection: Connection, keys: Sequence[KeyTexts], mode: LockMode) -> list[DatabaseRow | Locked | None]:
        """For each key its row, locked until the transaction ends; None if there is none. Never waits for a row."""
        found: dict[int, DatabaseRow] = self._select(connection, keys, mode)
        missing = [n for n in range(len(keys)) if n not in found]
        there = self._select(connection, [keys[n] for n in missing], LockMode.NONE) if missing and mode.value else {}
        locked = {missing[n] for n in there}
        return [found.get(n) or (Locked.ROW if n in locked else None) for n in range(len(keys))]

    def read(self, connection: Connection, keys: Sequence[KeyTexts]) -> list[DatabaseRow | None]:
        """For each key its row as it is now, None if there is none."""
        found = self._select(connection, keys, LockMode.NONE)
        return [found.get(n) for n in range(len(keys))]

    def sample(self, connection: Connection, limit: int) -> list[dict[str, str | None]]:
        """Some rows, as texts by column."""
        names = [column.name for column in self.table.shape.columns]
        query = statement("sample_rows").format(table=self._name, columns=_join(_text(_of(_T, name)) for name in names))
        return [dict(zip(names, row, strict=True)) for row in connection.execute(query, (limit,)).fetchall()]

    def stream(self, connection: Connection) -> Iterator[dict[str, str | None]]:
        """All rows as texts by column, a batch at a time. Call it in a transaction, and read to the end or close it."""
        names = [column.name for column in self.table.shape.columns]
        query = statement("all_rows").format(table=self._name, columns=_join(_text(_of(_T, name)) for name in names))
        with connection.cursor(name="tabstream_rows") as cursor:
            cursor.itersize = _STREAMED_AT_ONCE
            for row in cursor.execute(query):
                yield dict(zip(names, row, strict=True))

    def update(self, connection: Connection, changes: Sequence[tuple[KeyTexts, Mapping[str, str | None]]]) -> set[int]:
        """Writes columns of rows; returns the numbers of the changes that took place, which a trigger may prevent."""
        done: set[int] = set()
        for columns, numbers in _grouped([texts for _, texts in changes]).items():
            values = [[changes[n][1][name] for n in numbers] for name in columns]
            keys = _transposed([changes[n][0] for n in numbers], len(self._key))
            query = statement("update_rows").format(
                table=self._name,
                changes=_join(self._assignment(name, n) for n, name in enumerate(columns)),
                **self._parts(len(columns)),
            )
            rows = connection.execute(query, [*keys, *values]).fetchall()
            done.update(numbers[row[0] - 1] for row in rows)
        return done

    def delete(self, connection: Connection, keys: Sequence[KeyTexts]) -> set[int]:
        """Deletes rows; returns the numbers of the keys whose row went."""
        query = statement("delete_rows").format(table=self._name, **self._parts())
        rows = connection.execute(query, _transposed(keys, len(self._key))).fetchall()
        return {row[0] - 1 for row in rows}

    def insert(self, connection: Connection, rows: Sequence[Mapping[str, str | None]]) -> dict[int, KeyTexts]:
        """Adds rows; returns the key of each by its number. A row that a trigger left out has none."""
        keys: dict[int, KeyTexts] = {}
        returned = _join(_text(sql.Identifier(name)) for name in self.table.shape.key)
        for columns, numbers in _grouped(rows).items():
            query = statement("insert_row" if columns else "insert_defaults").format(
                table=self._name,
                columns=_join(map(sql.Identifier, columns)),
                values=_join(_cast(sql.Placeholder(), self._column(name)) for name in columns),
                returned=returned,
            )
            with connection.cursor() as cursor:
                cursor.executemany(query, [[rows[n][name] for name in columns] for n in numbers], returning=True)
                for number in numbers:
                    if key := cursor.fetchone():
                        keys[number] = tuple(key)
                    cursor.nextset()
        return keys

    def _select(self, connection: Connection, keys: Sequence[KeyTexts], mode: LockMode) -> dict[int, DatabaseRow]:
        query = statement("select_rows").format(
            table=self._name,
            changed=self._changed(),
            columns=_join(_text(_of(_T, column.name)) for column in self.table.shape.columns),
            lock=sql.SQL(mode.value),
            **self._parts(),
        )
        names = [column.name for column in self.table.shape.columns]
        rows = connection.execute(query, _transposed(keys, len(self._key))).fetchall()
        return {row[0] - 1: DatabaseRow(dict(zip(names, row[2:], strict=True)), row[1]) for row in rows}

    def _parts(self, values: int = 0) -> dict[str, sql.Composable]:
        names = [f"k{n}" for n in range(len(self._key))] + [f"v{n}" for n in range(values)]
        return {
            "arrays": _join(sql.SQL("%s::text[]") for _ in names),
            "names": _join([*map(sql.Identifier, names), _ORDINAL]),
            "matches": sql.SQL(" AND ").join(
                sql.SQL("{} = {}").format(_of(_T, column.name), _cast(_of(_E, f"k{n}"), column, comparable=True))
                for n, column in enumerate(self._key)
            ),
        }

    def _assignment(self, name: str, number: int) -> sql.Composable:
        return sql.SQL("{} = {}").format(sql.Identifier(name), _cast(_of(_E, f"v{number}"), self._column(name)))

    def _changed(self) -> sql.Composable:
        updated_at = self.table.binding.updated_at
        if updated_at is not None:
            return statement("changed_by_column").format(column=_of(_T, updated_at))
        return statement("changed_by_commit" if self.commit_times else "changed_unknown")

    def _column(self, name: str) -> BoundColumn:
        return self.table.shape.by_name[name]

    @property
    def _key(self) -> list[BoundColumn]:
        return [self._column(name) for name in self.table.shape.key]

    @property
    def _name(self) -> sql.Identifier:
        return sql.Identifier(self.table.binding.schema_name, self.table.binding.table_name)


def _grouped(rows: Sequence[Mapping[str, str | None]]) -> dict[tuple[str, ...], list[int]]:
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, texts in enumerate(rows):
        groups[tuple(texts)].append(number)
    return groups


def _transposed(keys: Sequence[KeyTexts], width: int) -> list[list[str]]:
    return [[key[n] for key in keys] for n in range(width)]


def _cast(value: sql.Composable, column: BoundColumn, *, comparable: bool = False) -> sql.Composable:
    # The type's spelling is the catalog's own (format_type), which is quoted where it has to be.
    spelled = _unmodified(column.pg_type) if comparable else column.pg_type
    return sql.SQL("{}::{}").format(value, sql.SQL(spelled))


def _unmodified(pg_type: str) -> LiteralString:
    """The type without length or precision: a cast to them would cut a key, and find another row."""
    plain = " ".join(_MODIFIERS.sub("", pg_type).split())
    return _WITHOUT_LENGTH.get(plain, plain)


def _text(value: sql.Composable) -> sql.Composable:
    return sql.SQL("{}::text").format(value)


def _of(table: sql.Identifier, column: str) -> sql.Composable:
    return sql.SQL("{}.{}").format(table, sql.Identifier(column))


def _join(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
