"""Percentiles of measured times: the nearest rank, so that each is a time that was really measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH_SAMPLES = 200


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least `share` (0 to 1) of all samples don't exceed. Raises ValueError if there is none."""
    if not samples:
        raise ValueError("no samples")
    rank = max(1, math.ceil(share * len(samples)))
    return sorted(samples)[rank - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took; milliseconds."""

    count: int
    p50: float
    p99: float
    longest: float

    @property
    def enough(self) -> bool:
        """True where there are enough samples for a p99 to mean something."""
        return self.count >= ENOUGH_SAMPLES


def spread(samples: Sequence[float]) -> Spread | None:
    """The percentiles of samples in milliseconds; None of none."""
    if not samples:
        return None
    return Spread(len(samples), percentile(samples, 0.5), percentile(samples, 0.99), max(samples))


def milliseconds(value: float) -> str:
    """A time as people read it: `4.2 ms`, `87 ms`, `1.3 s`."""
    if value < 10:
        return f"{value:.1f} ms"
    if value < 1_000:
        return f"{value:.0f} ms"
    return f"{value / 1_000:.1f} s"
