"""LockService: locks that the executions of a script share. What an execution still holds at its end is released.

https://developers.google.com/apps-script/reference/lock
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any


class Locks:
    """The locks of all scripts, by spreadsheet and kind. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)

    def get(self, spreadsheet_id: str, kind: str) -> threading.Lock:
        """The one lock of that name."""
        with self._guard:
            return self._locks[spreadsheet_id, kind]


class HeldLocks:
    """What one execution holds; used in its thread only."""

    def __init__(self, locks: Locks, spreadsheet_id: str) -> None:
        self._locks = locks
        self._spreadsheet_id = spreadsheet_id
        self._held: dict[str, threading.Lock] = {}

    def services(self) -> Mapping[str, Callable[..., Any]]:
        """What the script can ask."""
        return {"lock.try": self._try, "lock.has": lambda kind: kind in self._held, "lock.release": self._release}

    def release_all(self) -> None:
        """At the execution's end."""
        for kind in list(self._held):
            self._release(kind)

    def _try(self, kind: str, milliseconds: float) -> bool:
        if kind in self._held:
            return True
        lock = self._locks.get(self._spreadsheet_id, kind)
        if lock.acquire(timeout=max(milliseconds, 0) / 1000):
            self._held[kind] = lock
            return True
        return False

    def _release(self, kind: str) -> None:
        lock = self._held.pop(kind, None)
        if lock is not None:
            lock.release()
