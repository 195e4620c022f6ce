"""People's values that wait for a decision: applied to the table, or dropped, each in one transaction.

The row is locked first, as the database sink does, so that neither can decide on a cell while the other is at it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from tabstream.config import Settings
from tabstream.core.binding import BoundColumn
from tabstream.core.cells import same
from tabstream.core.edits import Outcome
from tabstream.core.merge import database_text
from tabstream.core.readable import shown_key, value_text
from tabstream.core.results import Answer
from tabstream.core.rowmerge import Answers, DatabaseRow, canonical, key_texts
from tabstream.errors import BindingProblem, NotAccepted, OperatorError, Outage
from tabstream.operations.history import wanted_key
from tabstream.operations.reported import binding_of, file_names
from tabstream.postgres import held as held_values
from tabstream.postgres.connection import Connection, connect
from tabstream.postgres.failures import Failure, failure_of, reason_of
from tabstream.postgres.held import HeldValue
from tabstream.postgres.outbox import Result, write_answers
from tabstream.postgres.registers import take_numbers
from tabstream.postgres.rows import KeyTexts, Locked, LockMode, Rows
from tabstream.postgres.shape import read_table
from tabstream.postgres.statements import statement

_ZONE = "Etc/GMT"
_DROPPED = "it was decided to keep the database's value"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as an operator names it: `key` is the row's key as the tab shows it."""

    binding: str
    key: str
    column: str


@dataclass(frozen=True, slots=True)
class _Taken:
    """A held value out of the list, in a transaction that has its row locked (None: the row is gone)."""

    connection: Connection
    rows: Rows
    key: KeyTexts
    row: DatabaseRow | None
    value: HeldValue

    @property
    def column(self) -> BoundColumn | None:
        """The column, None where the table or the binding has lost it."""
        return self.rows.table.shape.by_name.get(self.value.column)


def list_held(settings: Settings, binding: str | None) -> list[HeldValue]:
    """What waits, the oldest first; raises Outage, or OperatorError for no such binding."""
    settings.require("database_url")
    with _connected(settings) as connection:
        found = held_values.list_held(connection, binding)
    known = file_names(settings)
    if binding is not None and not found and known and binding not in known:
        raise OperatorError(f"there is no binding {binding!r}", f"choose one of: {', '.join(known)}")
    return found


def apply(settings: Settings, cell: Cell, *, anyway: bool = False) -> HeldValue:
    """Writes the person's value to the table. Where the database has changed since, only with `anyway`.

    Raises Outage, or OperatorError where nothing waits, the row is gone, or the value does not fit; then nothing has happened.
    """
    with _taken(settings, cell) as taken:
        column, value = taken.column, taken.value
        if taken.row is None or column is None:
            gone = "row" if taken.row is None else "column"
            raise OperatorError(f"the {gone} is gone from the table", "tabstream held drop takes the value away")
        text = _text(value, column)
        now = canonical(taken.row, taken.rows.table.shape)[column.name]
        if not same(now, value.database_value) and not anyway:
            has = f"it had {value_text(value.database_value)} when the value was held, and has {value_text(now)}"
            raise OperatorError(f"the database has changed since: {has}", "look at it, and apply with --anyway")
        if not taken.rows.update(taken.connection, [(taken.key, {column.name: text})]):
            raise OperatorError("the database left the row as it was", "one of its triggers or policies does so")
        taken.connection.execute(statement("all_constraints_now"))
        held_values.settle(taken.connection, value, Outcome.SAME, "sheet", value.number)
        return value


def drop(settings: Settings, cell: Cell) -> HeldValue:
    """Keeps the database's value; the note in the sheet goes away. Raises Outage, or OperatorError where nothing waits."""
    with _taken(settings, cell) as taken:
        value = taken.value
        # The mark shows the number under which the value was held: only a newer one is news to the owner.
        [number] = take_numbers(taken.connection, 1, value.number)
        base = held_values.settle(taken.connection, value, Outcome.LOST, "database", number)
        answer = Answer(value.column, base, value.sheet_value, number, Outcome.LOST, _DROPPED)
        texts = None if taken.row is None else taken.row.texts
        write_answers(taken.connection, [Result(value.binding, value.row_key, Answers(None, (answer,)), texts, exact=False)])
        return value


@contextmanager
def _taken(settings: Settings, cell: Cell) -> Iterator[_Taken]:
    binding = binding_of(settings, cell.binding)
    with _connected(settings, binding.table_name) as connection, connection.transaction():
        table = read_table(connection, binding, _ZONE, {})
        row_key = wanted_key(cell.key, table.shape)
        rows, key = Rows(table, commit_times=False), key_texts(row_key, table.shape)
        [row] = rows.lock(connection, [key], LockMode.NO_KEY_UPDATE)
        if row is Locked.ROW:
            raise OperatorError("another session has locked the row", "wait until it is done, and try again")
        value = held_values.take_held(connection, cell.binding, row_key, cell.column)
        if value is None:
            waiting = [f"{shown_key(v.row_key)} {v.column}" for v in held_values.list_held(connection, cell.binding)]
            raise OperatorError(
                f"nothing waits for the cell {cell.key} {cell.column} of {cell.binding}",
                f"these wait: {', '.join(waiting)}" if waiting else f"nothing of {cell.binding} waits",
            )
        yield _Taken(connection, rows, key, row if isinstance(row, DatabaseRow) else None, value)


@contextmanager
def _connected(settings: Settings, table: str = "") -> Iterator[Connection]:
    try:
        with connect(settings.database_url, "tabstream held", autocommit=True) as connection:
            yield connection
    except BindingProblem as problem:
        raise OperatorError(problem.problem, problem.remedy) from problem
    except psycopg.Error as problem:
        if failure_of(problem) is Failure.REFUSED:
            raise OperatorError(f"the database refuses it: {reason_of(problem, table)}", "tabstream held drop") from problem
        raise Outage(f"the database can't be asked: {str(problem).strip()}") from problem


def _text(value: HeldValue, column: BoundColumn) -> str | None:
    if column.pg_type.endswith("with time zone") and isinstance(value.sheet_value, float):
        # Its number counts in the spreadsheet's zone, which the list does not keep.
        raise OperatorError("a time in a spreadsheet's zone can't be applied from here", "type it in the tab again")
    try:
        return database_text(value.sheet_value, column)
    except NotAccepted as problem:
        raise OperatorError(f"the value does not fit: {problem.reason}", "tabstream held drop") from problem
