"""How long changes of the table take to their cells.

Each change writes a number that only grows into a text column of its row. Where a newer change of the row is shown first,
the older ones count as shown with it: the cell has gone past them.
"""

import threading
import time
from collections import deque

from tabstream.operations.demo.view import View

_PREFIX = "change "


def text_of(number: int) -> str:
    """The text that stands for a change."""
    return f"{_PREFIX}{number}"


def number_of(text: str | None) -> int | None:
    """The change that a text stands for, None for other texts."""
    digits = (text or "").removeprefix(_PREFIX)
    return int(digits) if text and text.startswith(_PREFIX) and digits.isdecimal() else None


class Arrivals:
    """Thread-safe. `header` is the column that carries the numbers; moments are seconds since 1970."""

    def __init__(self, header: str = "notes") -> None:
        self._header = header
        self._waiting: dict[str, deque[tuple[int, float]]] = {}
        self._samples: list[float] = []
        self._changed = threading.Condition()

    def commit(self, key: str, number: int) -> None:
        """A change is about to be committed: its time runs from now."""
        with self._changed:
            self._waiting.setdefault(key, deque()).append((number, time.time()))

    def notice(self, view: View, at: float) -> None:
        """A reading of the tab."""
        with self._changed:
            for key in list(self._waiting):
                shown = number_of(view.text(key, self._header))
                if shown is not None:
                    self._take(key, shown, at)
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Waits until no change is missing; False if some still are."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting, seconds)

    def missing(self) -> int:
        """How many changes the tab has not shown."""
        with self._changed:
            return sum(len(changes) for changes in self._waiting.values())

    def samples(self) -> list[float]:
        """Milliseconds from commit to cell, of each change that was shown."""
        with self._changed:
            return list(self._samples)

    def _take(self, key: str, shown: int, at: float) -> None:
        changes = self._waiting[key]
        while changes and changes[0][0] <= shown:
            self._samples.append((at - changes.popleft()[1]) * 1_000)
        if not changes:
            del self._waiting[key]
