"""All spreadsheets of the server. A read takes the workbook as it is, without waiting; a change is made under the
spreadsheet's own lock, written to the journal, and only then seen by anybody.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Workbook
from sheets_emulator.store.journal import Journal

T = TypeVar("T")


class NoSpreadsheet(LookupError):
    """There is no spreadsheet of this id."""


@dataclass
class _Entry:
    workbook: Workbook
    created_ms: int
    modified_ms: int
    lock: threading.RLock = field(default_factory=threading.RLock)
    changed: threading.Condition = field(default_factory=threading.Condition)


class Store:
    """Thread-safe. `now_ms` is the clock: milliseconds since 1970."""

    def __init__(self, journal: Journal, now_ms: Callable[[], int]) -> None:
        self._journal = journal
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._entries = {
            loaded.workbook.id: _Entry(loaded.workbook, loaded.created_ms, loaded.modified_ms) for loaded in journal.load()
        }

    def ids(self) -> list[str]:
        """The ids of all spreadsheets, the oldest first."""
        return list(self._entries)

    def read(self, spreadsheet_id: str) -> Workbook:
        """The workbook as it is now; NoSpreadsheet if there is none."""
        return self._entry(spreadsheet_id).workbook

    def modified_ms(self, spreadsheet_id: str) -> int:
        """When the spreadsheet was last changed."""
        return self._entry(spreadsheet_id).modified_ms

    def created_ms(self, spreadsheet_id: str) -> int:
        """When the spreadsheet was made."""
        return self._entry(spreadsheet_id).created_ms

    def create(self, workbook: Workbook) -> Workbook:
        """Adds a spreadsheet."""
        now = self._now_ms()
        self._journal.create(workbook, now)
        with self._lock:
            self._entries[workbook.id] = _Entry(workbook, now, now)
        return workbook

    def edit(self, spreadsheet_id: str, change: Callable[[Workbook], tuple[Workbook, T]]) -> T:
        """Changes a spreadsheet: `change` gives the new workbook and what is answered. If it raises, nothing happened;
        if it gives back the same workbook, neither. The version counts up by itself."""
        entry = self._entry(spreadsheet_id)
        with entry.lock:
            old = entry.workbook
            new, answer = change(old)
            if new is not old:
                self._put(entry, old, replace(new, version=old.version + 1))
        return answer

    def remove(self, spreadsheet_id: str) -> None:
        """Deletes a spreadsheet for good."""
        entry = self._entry(spreadsheet_id)
        with entry.lock, self._lock:
            self._journal.remove(spreadsheet_id)
            del self._entries[spreadsheet_id]

    def wait_for_change(self, spreadsheet_id: str, version: int, seconds: float) -> int:
        """Waits until the spreadsheet's version is another one than `version`, at most so long; gives the version."""
        entry = self._entry(spreadsheet_id)
        with entry.changed:
            entry.changed.wait_for(lambda: entry.workbook.version != version, seconds)
        return entry.workbook.version

    def keep(self, name: str, value: Json) -> None:
        """Keeps a JSON value beside the spreadsheets, over a restart."""
        self._journal.keep(name, value)

    def kept(self, name: str) -> Json | None:
        """The JSON value kept under a name."""
        return self._journal.kept(name)

    def close(self) -> None:
        """Closes the journal."""
        self._journal.close()

    def _put(self, entry: _Entry, old: Workbook, new: Workbook) -> None:
        now = self._now_ms()
        self._journal.append(old, new, now)
        with entry.changed:
            entry.workbook, entry.modified_ms = new, now
            entry.changed.notify_all()

    def _entry(self, spreadsheet_id: str) -> _Entry:
        entry = self._entries.get(spreadsheet_id)
        if entry is None:
            raise NoSpreadsheet(spreadsheet_id)
        return entry
