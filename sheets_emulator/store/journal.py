"""The data directory: an SQLite file with every spreadsheet as a row of deltas.

What was written survives the death of the process, not of the machine: nothing is synced to the disk.
"""

import sqlite3
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Workbook
from sheets_emulator.store.deltas import applied, difference

COMPACT_AFTER_BYTES = 64 * 1024 * 1024


class Loaded(NamedTuple):
    """A workbook as it was last, and when it was changed (milliseconds since 1970)."""

    workbook: Workbook
    created_ms: int
    modified_ms: int


class Journal:
    """Thread-safe. `path` None keeps all in memory, for a server that forgets."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL").fetchall()
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.executescript(resources.files(__package__).joinpath("schema.sql").read_text())
        self._grown: dict[str, int] = {}

    def load(self) -> Iterator[Loaded]:
        """Every spreadsheet; its deltas are folded into one on the way."""
        found = self._query("SELECT id, created_ms FROM spreadsheet ORDER BY created_ms, id")
        for spreadsheet_id, created_ms in found:
            loaded = self._fold(spreadsheet_id, created_ms)
            if loaded is not None:
                yield loaded

    def create(self, workbook: Workbook, at_ms: int) -> None:
        """A new spreadsheet."""
        body = orjson.dumps(difference(None, workbook))
        with self._lock, self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute("INSERT OR REPLACE INTO spreadsheet VALUES (?, ?)", (workbook.id, at_ms))
            self._insert(workbook.id, at_ms, body)

    def append(self, old: Workbook, new: Workbook, at_ms: int) -> None:
        """A change; cheap as long as the two share most of their rows."""
        body = orjson.dumps(difference(old, new))
        with self._lock:
            self._insert(new.id, at_ms, body)
            grown = self._grown[new.id] = self._grown.get(new.id, 0) + len(body)
        if grown > COMPACT_AFTER_BYTES:
            self.compact(new, at_ms)

    def compact(self, workbook: Workbook, at_ms: int) -> None:
        """Replaces the deltas of a spreadsheet by one, the workbook as it is. Not beside an `append` of the same one."""
        body = orjson.dumps(difference(None, workbook))
        with self._lock, self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute("DELETE FROM delta WHERE spreadsheet = ?", (workbook.id,))
            self._insert(workbook.id, at_ms, body)
            # The next one is due when as much as the workbook itself has been written again.
            self._grown[workbook.id] = -len(body)

    def remove(self, spreadsheet_id: str) -> None:
        """Forgets a spreadsheet."""
        with self._lock, self._connection:
            self._connection.execute("BEGIN")
            self._connection.execute("DELETE FROM spreadsheet WHERE id = ?", (spreadsheet_id,))
            self._connection.execute("DELETE FROM delta WHERE spreadsheet = ?", (spreadsheet_id,))

    def keep(self, name: str, value: Json) -> None:
        """Keeps a JSON value under a name."""
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, orjson.dumps(value)))

    def kept(self, name: str) -> Json | None:
        """The JSON value of a name."""
        found = self._query("SELECT body FROM kept WHERE name = ?", name)
        return None if not found else orjson.loads(found[0][0])

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _insert(self, spreadsheet_id: str, at_ms: int, body: bytes) -> None:
        self._connection.execute(
            "INSERT INTO delta (spreadsheet, at_ms, body) VALUES (?, ?, ?)", (spreadsheet_id, at_ms, body)
        )

    def _query(self, sql: str, *arguments: Any) -> list[Any]:
        with self._lock:
            return self._connection.execute(sql, arguments).fetchall()

    def _fold(self, spreadsheet_id: str, created_ms: int) -> Loaded | None:
        numbers = self._query("SELECT number, at_ms FROM delta WHERE spreadsheet = ? ORDER BY number", spreadsheet_id)
        workbook: Workbook | None = None
        modified_ms = created_ms
        for number, at_ms in numbers:
            body = self._query("SELECT body FROM delta WHERE number = ?", number)[0][0]
            workbook, modified_ms = applied(workbook, orjson.loads(body)), at_ms
        if workbook is None:
            return None
        if len(numbers) > 1:
            self.compact(workbook, modified_ms)
        return Loaded(workbook, created_ms, modified_ms)
