"""Quotas per minute, for each user and for the project: counted over the last 60 seconds, so nothing slips through at a
minute's turn.

https://developers.google.com/workspace/sheets/api/limits
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from sheets_emulator.server.answers import Failure

WINDOW_SECONDS = 60.0
_PROJECT_FACTOR = 5
_SERVICE = "sheets.googleapis.com"


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls a minute and user; a project has five times as many."""

    read: int = 60
    write: int = 60

    def of(self, kind: str) -> int:
        """The limit of `read` or `write`."""
        return self.read if kind == "read" else self.write


class Quotas:
    """Thread-safe. A call that is refused does not count."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._taken: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._project: dict[str, deque[float]] = defaultdict(deque)

    def take(self, kind: str, user: str, limits: Limits) -> None:
        """Counts a call; raises the 429 that Google answers where the minute is used up."""
        now = self._monotonic()
        with self._lock:
            mine, project = self._recent(self._taken[kind, user], now), self._recent(self._project[kind], now)
            if len(mine) >= limits.of(kind):
                raise _exhausted(kind, "PerMinutePerUser", limits.of(kind))
            if len(project) >= limits.of(kind) * _PROJECT_FACTOR:
                raise _exhausted(kind, "PerMinutePerProject", limits.of(kind) * _PROJECT_FACTOR)
            mine.append(now)
            project.append(now)

    def used(self) -> dict[str, dict[str, int]]:
        """Calls of the last minute by kind and user."""
        now = self._monotonic()
        found: dict[str, dict[str, int]] = {"read": {}, "write": {}}
        with self._lock:
            for (kind, user), times in self._taken.items():
                found[kind][user] = len(self._recent(times, now))
        return found

    @staticmethod
    def _recent(times: deque[float], now: float) -> deque[float]:
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        return times


def _exhausted(kind: str, scope: str, limit: int) -> Failure:
    name = kind.capitalize()
    metric = f"{name} requests"
    per = "per minute per user" if scope.endswith("User") else "per minute"
    message = (
        f"Quota exceeded for quota metric '{metric}' and limit '{metric} {per}' of service '{_SERVICE}' "
        "for consumer 'project_number:1'."
    )
    metadata = {
        "consumer": "projects/1",
        "quota_limit": f"{name}Requests{scope}",
        "quota_limit_value": str(limit),
        "quota_location": "global",
        "quota_metric": f"{_SERVICE}/{kind}_requests",
        "service": _SERVICE,
    }
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    return Failure(429, message, [info])
