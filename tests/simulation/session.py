"""The database sink's connection and its door to the table, on the database within the process.

The statements are known by their names in `queries.sql`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tabstream.core.rowmerge import BoundTable, DatabaseRow
from tabstream.postgres.rows import KeyTexts, Locked, LockMode
from tabstream.postgres.statements import statement
from tests.simulation.database import Database, Lost
from tests.simulation.rules import ALL, Rules

Row: TypeAlias = tuple[Any, ...]
Commit: TypeAlias = Callable[[str], None]


class Found:
    """See psycopg.Cursor."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self._rows = list(rows)

    def fetchall(self) -> list[Row]:
        """All rows."""
        return self._rows

    def fetchone(self) -> Row | None:
        """The first row."""
        return self._rows[0] if self._rows else None


@dataclass
class Session:
    """See tabstream.postgres.connection.Connection. `committing` is called before and after each commit, and may raise."""

    database: Database
    committing: Commit
    rules: Rules = ALL
    closed: bool = False
    depth: int = 0
    _names: dict[int, Callable[[Any], Sequence[Row] | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        doors = {name[3:]: getattr(self, name) for name in dir(self) if name.startswith("on_")}
        self._names = {id(statement(name)): door for name, door in doors.items()}

    def close(self) -> None:
        """Ends it."""
        self.closed = True

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction, or a savepoint within one."""
        before = self.database.kept
        self.database.kept = before.copy()
        self.depth += 1
        try:
            yield
            if self.depth == 1:
                self.committing("before")
        except BaseException:
            self.database.kept = before
            raise
        finally:
            self.depth -= 1
        if self.depth == 0:
            self.database.commit()
            self.committing("after")

    def execute(self, query: object, parameters: Any = ()) -> Found:
        """One of the statements below."""
        return Found(self._names[id(query)](parameters) or ())

    def on_limit_lock_waits(self, _: Any) -> None:
        """Nobody waits."""

    on_all_constraints_now = on_drop_held = on_write_held = on_limit_lock_waits

    def on_begin_progress(self, parameters: Any) -> None:
        """See queries.sql, as for all that follow."""
        self.database.kept.progress.setdefault(tuple(parameters), 0)

    def on_read_progress(self, parameters: Any) -> list[Row]:
        """The next offset."""
        return [(self.database.kept.progress[tuple(parameters)],)]

    def on_advance_progress(self, columns: Any) -> list[Row]:
        """Compare and set."""
        progress, moved = self.database.kept.progress, []
        for topic, partition, expected, following in zip(*columns, strict=True):
            if progress.get((topic, partition)) == expected:
                progress[topic, partition] = following
                moved.append((partition,))
        return moved

    def on_park(self, columns: Any) -> None:
        """Sets aside."""
        for topic, partition, offset, binding, key, message, _, again in zip(*columns, strict=True):
            self.database.kept.parked[topic, partition, offset] = (binding, key, message, again)

    def on_unpark(self, columns: Any) -> list[Row]:
        """Takes up again."""
        parked = self.database.kept.parked
        return [(p[2],) for p in zip(*columns, strict=True) if parked.pop(p, None) is not None]

    def on_list_parked(self, parameters: Any) -> list[Row]:
        """What is set aside on a partition."""
        found = sorted((p, row) for p, row in self.database.kept.parked.items() if p[:2] == tuple(parameters))
        return [(position[2], row[0], row[1]) for position, row in found]

    def on_read_parked(self, columns: Any) -> list[Row]:
        """Messages set aside."""
        parked = self.database.kept.parked
        return [(*p, *parked[p][2:]) for p in zip(*columns, strict=True) if p in parked]

    def on_read_registers(self, columns: Any) -> list[Row]:
        """The registers of rows."""
        wanted = set(zip(*columns, strict=True))
        found = [(*name, *kept) for name, kept in self.database.kept.registers.items() if name[:2] in wanted]
        return self.rules.registers(found)

    def on_write_registers(self, columns: Any) -> None:
        """Keeps registers."""
        for binding, key, column, *rest, first_seen in zip(*columns, strict=True):
            self.database.kept.registers[binding, key, column] = (*rest, dict(first_seen.obj))

    def on_read_once(self, columns: Any) -> list[Row]:
        """What was answered before."""
        once = self.database.kept.once
        return self.rules.once([(*n, once[n][0], json.loads(once[n][1])) for n in zip(*columns, strict=True) if n in once])

    def on_write_once(self, columns: Any) -> None:
        """Keeps answers."""
        for *name, read_end_ms, answers in zip(*columns, strict=True):
            self.database.kept.once[tuple(name)] = (read_end_ms, json.dumps(answers.obj))

    def on_take_numbers(self, parameters: Any) -> list[Row]:
        """The next numbers; a sequence is not rolled back."""
        first = self.database.number + 1
        self.database.number += parameters[0]
        return [(number,) for number in range(first, first + parameters[0])]

    def on_raise_numbers(self, parameters: Any) -> None:
        """Never below what a mark holds."""
        self.database.number = max(self.database.number, parameters[0])

    def on_write_claims(self, columns: Any) -> None:
        """Claims."""
        for binding, keys in zip(*columns, strict=True):
            claim = {"binding": binding, "row_key": "", "kind": "claim", "keys": json.dumps(keys.obj)}
            self.database.outbox({**claim, "xid": self.database.xid})

    def on_write_answers(self, columns: Any) -> None:
        """Answers in their order."""
        for binding, key, answers, data, exact in zip(*columns, strict=True):
            row = None if data is None else json.dumps(data.obj)
            made = {"binding": binding, "row_key": key, "kind": "answer", "answers": json.dumps(answers.obj), "row_data": row}
            self.database.outbox(made if exact else {**made, "row_lsn": "0/0"})

    def on_write_conflicts(self, columns: Any) -> None:
        """Conflicts on record."""
        for _, key, column, value, theirs, winner, *_ in zip(*columns, strict=True):
            self.database.kept.conflicts.append(Lost(key, column, str(value.obj), str(theirs.obj), winner))


@dataclass
class Table:
    """See tabstream.postgres.rows.Rows."""

    table: BoundTable
    database: Database

    def lock(self, connection: Session, keys: Sequence[KeyTexts], mode: LockMode) -> list[DatabaseRow | Locked | None]:
        """The rows, but for those that the application has locked."""
        found = self.read(connection, keys)
        return [
            Locked.ROW if row is not None and key[0] in self.database.locked else row
            for (key, row) in zip(keys, found, strict=True)
        ]

    def read(self, connection: Session, keys: Sequence[KeyTexts]) -> list[DatabaseRow | None]:
        """The rows as they are now."""
        kept = self.database.kept
        return [DatabaseRow(kept.rows[k], kept.changed_us[k]) if k in kept.rows else None for (k,) in keys]

    def update(self, connection: Session, changes: Sequence[tuple[KeyTexts, Mapping[str, str | None]]]) -> set[int]:
        """Writes columns of rows."""
        for (key,), texts in changes:
            self.database.put(key, {**self.database.kept.rows[key], **texts})
            self._note(key, texts)
        return set(range(len(changes)))

    def delete(self, connection: Session, keys: Sequence[KeyTexts]) -> set[int]:
        """Deletes rows."""
        for (key,) in keys:
            self.database.deleted.append((key, dict(self.database.kept.rows[key])))
            self.database.remove(key)
        return set(range(len(keys)))

    def insert(self, connection: Session, rows: Sequence[Mapping[str, str | None]]) -> dict[int, KeyTexts]:
        """Adds rows."""
        made = {}
        for number, texts in enumerate(rows):
            key = self.database.insert(texts)
            self._note(key, texts)
            made[number] = (key,)
        return made

    def _note(self, key: str, texts: Mapping[str, str | None]) -> None:
        self.database.kept.effects += [(key, column, text) for column, text in texts.items()]
