"""Time as a value that is handed in: the real clock, and one that a test moves by hand."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC; may step when the machine's clock is set."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """See Clock."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """See Clock."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._start_ms = now_ms
        self._passed = 0.0

    def now_ms(self) -> int:
        """See Clock."""
        return self._start_ms + round(self._passed * 1000)

    def monotonic(self) -> float:
        """See Clock."""
        return self._passed

    def advance(self, seconds: float) -> None:
        """Moves time on; `seconds` must not be negative."""
        if seconds < 0:
            raise ValueError(f"time can't go back by {seconds!r} seconds")
        self._passed += seconds
