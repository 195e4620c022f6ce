"""How many calls may leave when: the quota's rules as a state machine without a clock.

Google counts reads and writes of a credential apart, each per minute (https://developers.google.com/workspace/sheets/api/limits).
For each kind:

1. Never more than `per_minute` calls in any window of `window_ms`, which is a little longer than Google's minute. Calls
   that are held (taken, not yet sent) count as if sent now.
2. Within that, a bucket of `burst` calls that refills evenly, so that a busy minute is paced instead of spent at once
   and waited for. burst + refill per window = per_minute.
3. A background call leaves `reserve` calls of the bucket to live ones. An urgent call, such as a new owner's first ones, may
   draw as much again as the bucket holds in advance.
4. The policy may change at any time. A smaller one paces at once, and limits a window as fast as others can come to
   use what was given to them: what was sent before must not stop the calls for a minute. A meter that is drained has but
   a few calls in hand, and sends nothing in advance, for a window: somebody else may have used the quota.
5. After a refusal nothing leaves for a while, and the bucket and its refill are halved; they recover by doubling, a step a
   window. What was sent before counts against the whole limit alone: the next call must not wait until it is forgotten.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

_NOT_IN_HAND = 2 / 3  # of a part that others are given; a drained meter has at most its bucket at once, see policy_of
_IN_HAND = 4.0  # tests/sheets/test_dividing.py: so many stay within what those that were there before leave


class Priority(IntEnum):
    """Who goes first."""

    URGENT = -1
    LIVE = 0
    BACKGROUND = 1


@dataclass(frozen=True, slots=True)
class QuotaPolicy:
    """The limits of one kind of call. Times in milliseconds."""

    per_minute: int = 60
    burst: int = 20
    reserve: int = 5
    window_ms: int = 61_000
    pause_ms: int = 2_000
    smallest_share: float = 0.125

    def __post_init__(self) -> None:
        if not 0 <= self.reserve < self.burst <= self.per_minute:
            raise ValueError(
                f"burst {self.burst!r} must be over the reserve {self.reserve!r} "
                f"and at most {self.per_minute!r} calls a minute"
            )


def policy_of(per_minute: int, share: float = 1.0) -> QuotaPolicy:
    """The policy of one of several instances that divide a credential's quota; at least one call a minute is left."""
    limit = max(1, int(per_minute * share))
    burst = max(1, limit // 3)
    return QuotaPolicy(per_minute=limit, burst=burst, reserve=burst // 4)


@dataclass(slots=True)
class Meter:
    """One kind of call under a policy. All times are milliseconds of one monotonic clock, never decreasing."""

    policy: QuotaPolicy
    sent: deque[int] = field(default_factory=deque)
    held: int = 0
    share: float = 1.0
    _level: float = 0.0
    _level_at: int | None = None
    _closed_until: int = 0
    _drained_until: int = 0
    _given: float = 0.0
    _given_at: int = 0
    _recover_at: int = 0

    def wait_ms(self, now: int, calls: int, priority: Priority) -> int | None:
        """How long until `calls` may be taken; 0 for now, None where held calls must be sent or released first."""
        if calls > self.policy.per_minute:
            raise ValueError(f"{calls!r} calls at once are more than the {self.policy.per_minute!r} of a minute")
        self._advance(now)
        if calls == 0:
            return 0
        wait = max(0, self._closed_until - now)
        if calls > self._limit:
            return max(wait, self._recover_at - now)
        excess = len(self.sent) + self.held + calls - self._ceiling(now)
        if excess > len(self.sent):
            return None
        if excess > 0:
            wait = max(wait, self.sent[excess - 1] + self.policy.window_ms - now)
        missing = min(calls + self._kept(now, priority), self._burst) - self._level
        if missing > 1e-9:
            wait = max(wait, int(missing / self._refill_per_ms) + 1)
        return wait

    def _kept(self, now: int, priority: Priority) -> float:
        """What a call leaves in the bucket; less than nothing where it may draw in advance."""
        if priority is Priority.URGENT and now >= self._drained_until:
            return -self._burst
        return self.policy.reserve if priority is Priority.BACKGROUND else 0

    def take(self, now: int, calls: int) -> None:
        """Holds `calls`, which `wait_ms` has just allowed."""
        self._advance(now)
        self._level -= calls
        self.held += calls

    def spend(self, now: int) -> None:
        """One held call leaves now."""
        self._advance(now)
        self.held -= 1
        self.sent.append(now)

    def give_back(self, now: int, calls: int) -> None:
        """Held calls that were not needed."""
        self._advance(now)
        self.held -= calls
        self._level = min(self._burst, self._level + calls)

    def refused(self, now: int, retry_after_ms: int | None) -> None:
        """Google refused a call although it was within the limits: somebody else uses the same credentials."""
        self._advance(now)
        self._closed_until = max(self._closed_until, now + max(self.policy.pause_ms, retry_after_ms or 0))
        self.share = max(self.policy.smallest_share, self.share / 2)
        self._recover_at = self._closed_until + self.policy.window_ms
        self._level = min(self._level, 0.0)

    def resize(self, now: int, policy: QuotaPolicy) -> None:
        """Another policy from now on; what was saved up under the old one is kept as far as the new one allows."""
        self._advance(now)
        given = self._ceiling(now) - policy.per_minute
        self.policy = policy
        self._given, self._given_at = max(0.0, given * _NOT_IN_HAND), now
        self._level = min(self._level, self._burst)

    def drain(self, now: int) -> None:
        """What was saved up is gone, but for what it takes to open a spreadsheet."""
        self._advance(now)
        self._level = min(self._level, _IN_HAND)
        self._drained_until = now + self.policy.window_ms

    def used(self, now: int) -> int:
        """Calls in the window that ends now, held ones included."""
        self._advance(now)
        return len(self.sent) + self.held

    def _ceiling(self, now: int) -> int:
        """Calls in a window: more than the policy says while those that a part was given to can't have used it yet."""
        left = max(0.0, 1 - (now - self._given_at) / self.policy.window_ms)
        return self.policy.per_minute + int(self._given * left)

    @property
    def _limit(self) -> int:
        return max(1, int(self.policy.per_minute * self.share))

    @property
    def _burst(self) -> float:
        return max(1.0, self.policy.burst * self.share)

    @property
    def _refill_per_ms(self) -> float:
        return max(1.0, self._limit - self._burst) / self.policy.window_ms

    def _advance(self, now: int) -> None:
        while self.sent and self.sent[0] <= now - self.policy.window_ms:
            self.sent.popleft()
        while self.share < 1.0 and now >= self._recover_at:
            self.share = min(1.0, self.share * 2)
            self._recover_at += self.policy.window_ms
        if self._level_at is None:
            self._level, self._level_at = self._burst, now
        self._level = min(self._burst, self._level + (now - self._level_at) * self._refill_per_ms)
        self._level_at = now
