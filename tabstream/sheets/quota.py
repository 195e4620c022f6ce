"""The quota of one credential, shared by the threads of a process: the waiting around `pacing`."""

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import count
from types import TracebackType

from tabstream import metrics
from tabstream.clock import Clock
from tabstream.sheets.errors import SheetsOutage
from tabstream.sheets.pacing import Meter, Priority, QuotaPolicy

_LONGEST_WAIT_SECONDS = 0.25  # how long a stop can stay unnoticed


class CallKind(StrEnum):
    """What Google counts apart."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, order=True, slots=True)
class _Waiter:
    priority: Priority
    turn: int
    needs: dict[CallKind, int] = field(compare=False)


class Quota:
    """Hands out calls, live ones before background ones, each in the order of asking. Thread-safe."""

    def __init__(self, policy: QuotaPolicy, clock: Clock, account: str = "") -> None:
        self._clock = clock
        self._meters = {kind: Meter(policy) for kind in CallKind}
        self._changed = threading.Condition()
        self._waiting: list[_Waiter] = []
        self._turns = count()
        for kind in CallKind:
            metrics.QUOTA_USED.labels(kind.value, account).set_function(partial(self.used, kind))

    def acquire(
        self,
        reads: int = 0,
        writes: int = 0,
        priority: Priority = Priority.LIVE,
        stop: threading.Event | None = None,
    ) -> "Hold":
        """Waits until all of it may be sent, and holds it. Raises SheetsOutage if `stop` is set meanwhile."""
        needs = {kind: calls for kind, calls in ((CallKind.READ, reads), (CallKind.WRITE, writes)) if calls}
        waiter = _Waiter(priority, next(self._turns), needs)
        began = self._clock.monotonic()
        with self._changed:
            self._waiting.append(waiter)
            try:
                while (wait_ms := self._wait_ms(waiter)) != 0:
                    if stop is not None and stop.is_set():
                        raise SheetsOutage("stopped while waiting for quota")
                    longest = _LONGEST_WAIT_SECONDS if wait_ms is None else wait_ms / 1000
                    self._changed.wait(min(_LONGEST_WAIT_SECONDS, longest))
                for kind, calls in needs.items():
                    self._meters[kind].take(self._now(), calls)
            finally:
                self._waiting.remove(waiter)
                self._changed.notify_all()
        for kind in needs:
            metrics.QUOTA_WAITED.labels(kind.value).observe(self._clock.monotonic() - began)
        return Hold(self, needs, priority)

    def resize(self, policy: QuotaPolicy) -> None:
        """The limits are these from now on. What was sent before counts."""
        with self._changed:
            for meter in self._meters.values():
                meter.resize(self._now(), policy)
            self._changed.notify_all()

    def drain(self) -> None:
        """All but a few calls leave only as the quota refills."""
        with self._changed:
            for meter in self._meters.values():
                meter.drain(self._now())

    @property
    def waiting(self) -> int:
        """Callers that wait right now."""
        return len(self._waiting)

    def refused(self, kind: CallKind, retry_after_seconds: float | None) -> None:
        """Google answered 429: pause, and go on slower for a while."""
        retry_after_ms = None if retry_after_seconds is None else int(retry_after_seconds * 1000)
        with self._changed:
            self._meters[kind].refused(self._now(), retry_after_ms)

    def used(self, kind: CallKind) -> int:
        """Calls of this kind in the last minute."""
        with self._changed:
            return self._meters[kind].used(self._now())

    def spend(self, kind: CallKind) -> None:
        """One held call leaves now; called by Hold."""
        with self._changed:
            self._meters[kind].spend(self._now())

    def give_back(self, calls: dict[CallKind, int]) -> None:
        """Held calls that were not sent; called by Hold."""
        with self._changed:
            for kind, number in calls.items():
                self._meters[kind].give_back(self._now(), number)
            self._changed.notify_all()

    def _wait_ms(self, waiter: _Waiter) -> int | None:
        earlier = {kind for other in self._waiting if other < waiter for kind in other.needs}
        if earlier & waiter.needs.keys():
            return None
        waits = [self._meters[k].wait_ms(self._now(), calls, waiter.priority) for k, calls in waiter.needs.items()]
        known = [wait for wait in waits if wait is not None]
        return max(known, default=0) if len(known) == len(waits) else None

    def _now(self) -> int:
        return int(self._clock.monotonic() * 1000)


class Hold:
    """Calls that were granted together and not sent yet. For one thread; the end of `with` gives back what is left."""

    def __init__(self, quota: Quota, calls: dict[CallKind, int], priority: Priority) -> None:
        self._quota = quota
        self._calls = dict(calls)
        self.priority = priority

    def spend(self, kind: CallKind) -> bool:
        """Marks one call as sent now; False where none of this kind is left."""
        if not self._calls.get(kind):
            return False
        self._calls[kind] -= 1
        self._quota.spend(kind)
        return True

    def release(self) -> None:
        """Gives back what was not sent."""
        left, self._calls = {kind: calls for kind, calls in self._calls.items() if calls}, {}
        self._quota.give_back(left)

    def __enter__(self) -> "Hold":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
