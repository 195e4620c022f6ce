"""Writing what was decided to the table: many edits with few statements, or one edit whose failure is its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import psycopg

from tabstream.core.cells import row_key
from tabstream.core.rowmerge import Verdict, WriteKind, inserted, refused
from tabstream.postgres.connection import Connection
from tabstream.postgres.failures import Failure, failure_of, reason_of
from tabstream.postgres.rows import KeyTexts, Rows
from tabstream.postgres.statements import statement

IGNORED = "the database left the row as it was (one of its triggers or policies)"


@dataclass(frozen=True, slots=True)
class Write:
    """A verdict that writes, with the texts of its row's key (none for a new row)."""

    verdict: Verdict
    key: KeyTexts


def write_many(connection: Connection, rows: Rows, writes: Sequence[Write]) -> list[Verdict]:
    """Writes all, and returns the verdicts as they turned out; raises psycopg.Error if any fails."""
    verdicts = [write.verdict for write in writes]
    by_kind = {kind: [n for n, v in enumerate(verdicts) if v.kind is kind] for kind in WriteKind}
    if updates := by_kind[WriteKind.UPDATE]:
        done = rows.update(connection, [(writes[n].key, verdicts[n].texts) for n in updates])
        _refuse_undone(verdicts, updates, done)
    if deletes := by_kind[WriteKind.DELETE]:
        done = rows.delete(connection, [writes[n].key for n in deletes])
        _refuse_undone(verdicts, deletes, done)
    if inserts := by_kind[WriteKind.INSERT]:
        keys = rows.insert(connection, [verdicts[n].texts for n in inserts])
        _refuse_undone(verdicts, inserts, set(keys))
        for at, key in keys.items():
            verdicts[inserts[at]] = inserted(verdicts[inserts[at]], _row_key(rows, key))
    return verdicts


def write_alone(connection: Connection, rows: Rows, write: Write) -> Verdict:
    """Writes one edit; what the database refuses becomes a rejection with its reason, column by column if it can.

    Raises psycopg.Error only where the failure is not the edit's.
    """
    try:
        return _attempt(connection, lambda: _write(connection, rows, write))
    except psycopg.Error as problem:
        if failure_of(problem) is not Failure.REFUSED:
            raise
        reason = reason_of(problem, rows.table.binding.table_name)
    if write.verdict.kind is not WriteKind.UPDATE or len(write.verdict.texts) == 1:
        return refused(write.verdict, {}, reason)
    reasons = {}
    for column, text in write.verdict.texts.items():
        one = replace(write, verdict=replace(write.verdict, texts={column: text}))
        try:
            _attempt(connection, lambda one=one: _write(connection, rows, one))  # type: ignore[misc]
        except psycopg.Error as problem:
            if failure_of(problem) is not Failure.REFUSED:
                raise
            reasons[column] = reason_of(problem, rows.table.binding.table_name)
    return refused(write.verdict, reasons)


def _write(connection: Connection, rows: Rows, write: Write) -> Verdict:
    verdict = write_many(connection, rows, [write])[0]
    connection.execute(statement("all_constraints_now"))
    return verdict


def _attempt(connection: Connection, action: Callable[[], Verdict]) -> Verdict:
    with connection.transaction():
        return action()


def _refuse_undone(verdicts: list[Verdict], numbers: Sequence[int], done: set[int]) -> None:
    for at, number in enumerate(numbers):
        if at not in done:
            verdicts[number] = refused(verdicts[number], {}, IGNORED)


def _row_key(rows: Rows, key: KeyTexts) -> str:
    columns = rows.table.shape.by_name
    names = rows.table.shape.key
    return row_key(columns[name].type.from_text(text) for name, text in zip(names, key, strict=True))
