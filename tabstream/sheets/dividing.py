"""The part of a quota that one of several instances may use: a smaller one at once, a greater one only a window later.

Google counts an account's calls of the last minute, whoever has made them. An instance that leaves has used its part of that
minute, so its part is free a window later. One that comes begins with little in hand, while the others shrink.
"""

from collections import deque
from dataclasses import dataclass, field

from tabstream.sheets.pacing import QuotaPolicy

USED_WHERE_SHARED = 0.9
"""Of what instances divide: the rest is for what cannot be known, such as the calls of one that died as another came."""


@dataclass(slots=True)
class Division:
    """Which part of the work this instance had when. Times are milliseconds of one monotonic clock, never decreasing."""

    window_ms: int = QuotaPolicy().window_ms
    _had: deque[tuple[int, float]] = field(default_factory=deque)

    def has(self, now: int, part: float) -> float:
        """Takes note of this part of the work, from 0 to 1; the part of the quota that is used for it."""
        if not self._had or self._had[-1][1] == 0:
            self._had.clear()
        while len(self._had) > 1 and self._had[1][0] <= now - self.window_ms:
            self._had.popleft()
        if not self._had or self._had[-1][1] != part:
            self._had.append((now, part))
        least = min(had for _, had in self._had)
        return least if least == 1 else least * USED_WHERE_SHARED
