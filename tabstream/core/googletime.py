"""How Google's clock runs against ours, from the `Date` header of its answers.

An answer to a call sent at `sent_ms` and received at `received_ms` (our clock) that says `Date: D` was written at some
moment between the two, when Google's clock stood in [D, D + 1 s). So Google's clock is ahead of ours by something in
[D - received, D + 1 s - sent]. Every call narrows the interval; as the clocks drift apart it is widened again with the
time that passes. When a call contradicts it, one of the clocks was set: then that call alone counts.
"""

import math
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

DRIFT = 200e-6  # quartz clocks keep within 100 parts per million each; two of them, in the worst case
_HEADER_RESOLUTION_MS = 1000


@dataclass(frozen=True, slots=True)
class GoogleClock:
    """Google's clock minus ours lies within [`ahead_least_ms`, `ahead_most_ms`] at our time `at_ms`."""

    ahead_least_ms: float
    ahead_most_ms: float
    at_ms: int

    def widened(self, at_ms: int) -> "GoogleClock":
        """What is still certain at another time of ours, before or after."""
        drifted = abs(at_ms - self.at_ms) * DRIFT
        return GoogleClock(self.ahead_least_ms - drifted, self.ahead_most_ms + drifted, at_ms)

    def after_call(self, sent_ms: int, received_ms: int, date_ms: int) -> "GoogleClock":
        """The estimate with one more call, whose answer's `Date` header means `date_ms`."""
        seen = clock_from_call(sent_ms, received_ms, date_ms)
        known = self.widened(received_ms)
        least = max(seen.ahead_least_ms, known.ahead_least_ms)
        most = min(seen.ahead_most_ms, known.ahead_most_ms)
        return GoogleClock(least, most, received_ms) if least <= most else seen

    def interval(self, begin_ms: int, end_ms: int) -> tuple[int, int]:
        """Bounds on Google's clock of what happened between two times of ours, in whole milliseconds."""
        first, last = self.widened(begin_ms), self.widened(end_ms)
        return math.floor(begin_ms + first.ahead_least_ms), math.ceil(end_ms + last.ahead_most_ms)


def clock_from_call(sent_ms: int, received_ms: int, date_ms: int) -> GoogleClock:
    """What one call tells."""
    drifted = abs(received_ms - sent_ms) * DRIFT
    least, most = date_ms - received_ms, date_ms + _HEADER_RESOLUTION_MS - sent_ms
    return GoogleClock(least - drifted, most + drifted, received_ms)


def header_ms(header: str) -> int:
    """Milliseconds since 1970 of an HTTP `Date` header (RFC 9110, 5.6.7); raises ValueError on anything else."""
    return round(parsedate_to_datetime(header).timestamp() * 1000)
