"""What a bound table looks like: its bound columns with their types, and its primary key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg.rows import TupleRow

from tabstream.core.binding import Binding, BoundColumn, ColumnChoice, ConflictRule, Direction, TableShape
from tabstream.core.merge import Rule
from tabstream.core.rowmerge import BoundTable
from tabstream.core.types.factory import column_type
from tabstream.errors import BindingProblem
from tabstream.postgres.connection import Connection
from tabstream.postgres.statements import statement

TABLE_KINDS = {"r", "p"}  # ordinary and partitioned tables


class TableMissing(BindingProblem):
    """The database has no such table, or it is no table, or this role may not read it."""


class NoPrimaryKey(BindingProblem):
    """The table has no primary key, or a column of it is not bound: rows could not be told apart."""


class UnfitKey(BindingProblem):
    """The primary key is of a type that Debezium can't stream."""


class ColumnMissing(BindingProblem):
    """The binding names a column that the table does not have."""


class NotStreamed(BindingProblem):
    """The binding names a generated column: PostgreSQL leaves it out of what it streams."""


class NoCommitTime(BindingProblem):
    """`last_write_wins` has nothing to tell when a row was last written in the database."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalog has it. `pg_type` is `format_type`'s spelling, of the base type for a domain."""

    name: str
    pg_type: str
    needed: bool
    has_default: bool
    generated: bool
    always_identity: bool
    labels: tuple[str, ...] = ()


class NotWritable(BindingProblem):
    """This role may not change the table."""


def read_shape(connection: Connection, binding: Binding, zone: str) -> TableShape:
    """The table's shape now; `zone` is the spreadsheet's IANA time zone.

    Raises TableMissing, NoPrimaryKey, UnfitKey, ColumnMissing, NotStreamed or NoCommitTime, each with what an operator can do.
    Leaves the connection's transaction as it was: call it inside one, or with autocommit.
    """
    return _read(connection, binding, zone)[0]


def read_table(connection: Connection, binding: Binding, zone: str, rules: Mapping[str, Rule]) -> BoundTable:
    """The same with what a writer has to know; raises NotWritable too. `rules` are the team's conflict rules by name."""
    shape, columns, writable = _read(connection, binding, zone)
    if binding.direction is not Direction.DATABASE_TO_SHEET and not writable:
        raise NotWritable(
            f"this role may not change table {binding.table!r}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {binding.table} TO the role of TABSTREAM_DATABASE_URL",
        )
    return BoundTable(binding, shape, frozenset(c.name for c in columns.values() if c.generated), rules)


def keeps_commit_times(connection: Connection) -> bool:
    """Whether the server keeps the commit time of transactions."""
    row = connection.execute(statement("commit_timestamps")).fetchone()
    return row is not None and bool(row[0])


def _read(connection: Connection, binding: Binding, zone: str) -> tuple[TableShape, Mapping[str, Column], bool]:
    table_id, writable = _find_table(connection, binding)
    rows = connection.execute(statement("table_columns"), (table_id,)).fetchall()
    columns = {column.name: column for column in map(_column, rows)}
    key = tuple(str(row[0]) for row in connection.execute(statement("key_columns"), (table_id,)).fetchall())
    shape = bound_shape(binding, columns, key, zone)
    if needs_commit_time(binding, shape) and not keeps_commit_times(connection):
        raise NoCommitTime(
            f"the rule last_write_wins of binding {binding.name!r} can't tell when a row was written in the database",
            "set track_commit_timestamp = on and restart PostgreSQL, or name an updated_at column in the binding",
        )
    return shape, columns, writable


def bound_shape(binding: Binding, columns: Mapping[str, Column], key: Sequence[str], zone: str) -> TableShape:
    """The shape of a table of these columns and this key, as the binding wants it; raises as `read_shape` does.

    All columns are all but the generated ones.
    """
    if not key:
        raise NoPrimaryKey(
            f"table {binding.table!r} has no primary key",
            f"add one: ALTER TABLE {binding.table} ADD PRIMARY KEY (...)",
        )
    streamed = tuple(ColumnChoice(column.name) for column in columns.values() if not column.generated)
    choices = binding.columns if binding.columns is not None else streamed
    missing = [c.name for c in choices if c.name not in columns]
    if binding.updated_at is not None and binding.updated_at not in columns:
        missing.append(binding.updated_at)
    if missing:
        names = ", ".join(repr(name) for name in missing)
        raise ColumnMissing(
            f"table {binding.table!r} has no column {names}",
            f"take it out of binding {binding.name!r}, or choose from: {', '.join(columns)}",
        )
    if any(columns[name].generated for name in key):
        raise UnfitKey(
            f"the primary key of table {binding.table!r} holds a generated column, which PostgreSQL does not stream",
            "give the table another primary key, then: tabstream connectors apply",
        )
    generated = [c.name for c in choices if columns[c.name].generated]
    if generated:
        names = ", ".join(repr(name) for name in generated)
        raise NotStreamed(
            f"PostgreSQL does not stream generated columns, such as {names} of table {binding.table!r}",
            f"take it out of binding {binding.name!r}, or show it by a formula in the sheet",
        )
    if binding.updated_at is not None and not columns[binding.updated_at].pg_type.startswith("timestamp"):
        raise NoCommitTime(
            f"column {binding.updated_at!r} of table {binding.table!r} is no timestamp",
            "name a column of type timestamptz as updated_at, or leave it out and set track_commit_timestamp = on",
        )
    unbound = [name for name in key if name not in {c.name for c in choices}]
    if unbound:
        raise NoPrimaryKey(
            f"binding {binding.name!r} leaves out the key column {', '.join(repr(name) for name in unbound)}",
            "add it to the binding's columns: without it the rows of the tab can't be told apart",
        )
    if any(columns[name].pg_type.endswith("[]") for name in key):
        raise UnfitKey(
            f"the primary key of table {binding.table!r} holds an array, which can't be streamed",
            "give the table another primary key, then: tabstream connectors apply",
        )
    return TableShape(tuple(_bound(binding, choice, columns[choice.name], zone) for choice in choices), tuple(key))


def needs_commit_time(binding: Binding, shape: TableShape) -> bool:
    """Whether a conflict can only be decided by the commit time of rows."""
    return (
        binding.direction is Direction.BOTH
        and binding.updated_at is None
        and any(column.conflict == ConflictRule.LAST_WRITE_WINS for column in shape.columns)
    )


def _find_table(connection: Connection, binding: Binding) -> tuple[int, bool]:
    found = connection.execute(statement("find_table"), (binding.schema_name, binding.table_name)).fetchone()
    if found is None:
        raise TableMissing(
            f"there is no table {binding.table!r} in the database",
            f"create it, or correct the table of binding {binding.name!r} in the bindings file",
        )
    table_id, kind, readable, writable = found
    if kind not in TABLE_KINDS:
        raise TableMissing(
            f"{binding.table!r} is not a table", "bind the table itself: views and foreign tables have no changes to follow"
        )
    if not readable:
        raise TableMissing(
            f"this role may not read table {binding.table!r}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {binding.table} TO the role of TABSTREAM_DATABASE_URL",
        )
    return int(table_id), bool(writable)


def _column(row: TupleRow) -> Column:
    name, pg_type, needed, has_default, identity, generated, labels = row
    return Column(
        name=name,
        pg_type=pg_type,
        needed=needed,
        has_default=has_default or bool(identity),
        generated=bool(generated),
        always_identity=identity == "a",
        labels=tuple(labels),
    )


def _bound(binding: Binding, choice: ColumnChoice, column: Column, zone: str) -> BoundColumn:
    locked = choice.read_only or column.always_identity
    bound_type = column_type(
        choice.type or column.pg_type, nullable=not column.needed, zone=zone, labels=column.labels, read_only=locked
    )
    return BoundColumn(
        name=column.name,
        header=choice.header or column.name,
        pg_type=column.pg_type,
        type=bound_type,
        nullable=not column.needed,
        has_default=column.has_default,
        read_only=locked or bound_type.read_only,
        formulas=choice.formulas,
        conflict=choice.conflict or binding.conflict,
    )
