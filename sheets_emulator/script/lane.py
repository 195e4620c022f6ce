"""The events of one spreadsheet, handled one after the other in a thread of their own, each after a delay.

Google queues at most two onEdit events while one is under way, and drops the rest: so does this.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import structlog

from sheets_emulator.script.events import ON_EDIT, Event

log = structlog.get_logger(__name__)


class _Waiting(NamedTuple):
    event: Event
    due: float


class Lane:
    """Thread-safe. `handle` is called in the lane's thread; what it raises is logged."""

    def __init__(self, name: str, handle: Callable[[Event], None]) -> None:
        self._handle = handle
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._busy: Event | None = None
        self._closed = False
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"script-{name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """How many onEdit events found no place."""
        return self._dropped

    @property
    def waiting(self) -> int:
        """How many events have not been handled to their end."""
        with self._changed:
            return len(self._waiting) + (self._busy is not None)

    def put(self, event: Event, delay_seconds: float, limit: int) -> bool:
        """Queues an event; False if it was dropped: one onEdit is under way (or about to be) and `limit` more wait."""
        with self._changed:
            if event.kind == ON_EDIT and self._edits() > limit:
                self._dropped += 1
                return False
            self._waiting.append(_Waiting(event, time.monotonic() + delay_seconds))
            self._changed.notify_all()
            return True

    def wait_idle(self, seconds: float) -> bool:
        """Waits until nothing is left to handle; False when the time is over."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and self._busy is None, seconds)

    def close(self, seconds: float) -> None:
        """Ends the thread; what still waits is forgotten."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join(seconds)

    def _edits(self) -> int:
        busy = self._busy is not None and self._busy.kind == ON_EDIT
        return busy + sum(waiting.event.kind == ON_EDIT for waiting in self._waiting)

    def _run(self) -> None:
        while (event := self._next()) is not None:
            try:
                self._handle(event)
            except Exception:
                log.exception("an event was not handled")
            with self._changed:
                self._busy = None
                self._changed.notify_all()

    def _next(self) -> Event | None:
        with self._changed:
            while not self._closed:
                if not self._waiting:
                    self._changed.wait()
                elif (left := self._waiting[0].due - time.monotonic()) > 0:
                    self._changed.wait(left)
                else:
                    self._busy = self._waiting.popleft().event
                    return self._busy
        return None
