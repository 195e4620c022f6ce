"""Among how many instances a quota is divided: at once among more, but among fewer only once those that left are forgotten.

Google counts an account's calls of the last minute, whoever has made them. An instance that leaves has used its part of that
minute, so its part is free a window later. One that joins begins with nothing in hand, while the others shrink.
"""

from collections import deque
from dataclasses import dataclass, field

from tabstream.sheets.pacing import QuotaPolicy


@dataclass(slots=True)
class Division:
    """How many instances were seen when. Times are milliseconds of one monotonic clock, never decreasing."""

    window_ms: int = QuotaPolicy().window_ms
    _seen: deque[tuple[int, int]] = field(default_factory=deque)

    def saw(self, now: int, instances: int) -> int:
        """Takes note of so many instances now; the number to divide by: the most that were there within the window."""
        while len(self._seen) > 1 and self._seen[1][0] <= now - self.window_ms:
            self._seen.popleft()
        if not self._seen or self._seen[-1][1] != instances:
            self._seen.append((now, max(1, instances)))
        return max(count for _, count in self._seen)
