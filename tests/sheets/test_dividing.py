"""One quota among several instances: never more than it in any minute, whoever comes and goes."""

from bisect import bisect_left
from dataclasses import dataclass, field

import pytest

from tabstream.sheets.dividing import USED_WHERE_SHARED, Division
from tabstream.sheets.pacing import Meter, Priority, policy_of

PER_MINUTE, MINUTE_MS, STEP_MS = 60, 60_000, 50


def parts(division: Division, *told: tuple[int, float]) -> list[float]:
    return [round(division.has(now, part) / USED_WHERE_SHARED, 3) for now, part in told]


def test_a_smaller_part_counts_at_once_and_a_greater_one_a_window_later() -> None:
    division = Division(window_ms=1_000)
    assert parts(division, (0, 0.5), (10, 0.25), (500, 0.75), (1_400, 0.75)) == [0.5, 0.25, 0.25, 0.25]
    assert parts(division, (1_500, 0.75)) == [0.75]


def test_a_part_that_is_lost_again_in_between_counts_from_when_it_comes_for_good() -> None:
    division = Division(window_ms=1_000)
    assert parts(division, (0, 0.25), (100, 0.5), (900, 0.25), (950, 0.5), (1_900, 0.5)) == [0.25] * 5
    assert parts(division, (1_950, 0.5)) == [0.5]


def test_one_that_had_nothing_has_its_part_at_once() -> None:
    division = Division(window_ms=1_000)
    assert parts(division, (0, 0.0), (10, 0.25), (20, 0.0), (30, 0.5)) == [0.0, 0.25, 0.0, 0.5]


@dataclass
class Instance:
    """Sends whenever it may, all that it can in advance when it takes over."""

    meter: Meter = field(default_factory=lambda: Meter(policy_of(PER_MINUTE)))
    division: Division = field(default_factory=Division)
    work: float = 0.0
    part: float = 1.0

    def step(self, now: int, work: float) -> int:
        if self.work == 0 and work < 1:
            self.meter.drain(now)
        priority = Priority.URGENT if work > self.work else Priority.LIVE
        self.work = work
        if (part := self.division.has(now, work)) != self.part:
            self.part = part
            self.meter.resize(now, policy_of(PER_MINUTE, part))
        sent = 0
        while self.meter.wait_ms(now, 1, priority) == 0:
            self.meter.take(now, 1)
            self.meter.spend(now)
            sent += 1
        return sent


def run(schedule: dict[int, str], until_ms: int) -> list[int]:
    """When calls were sent; `schedule` tells who is there from when on."""
    instances: dict[str, Instance] = {}
    sent: list[int] = []
    present = ""
    for now in range(0, until_ms, STEP_MS):
        present = schedule.get(now, present)
        instances = {name: instances.get(name) or Instance() for name in present}
        for instance in instances.values():
            sent += [now] * instance.step(now, 1 / len(instances))
    return sent


@pytest.mark.parametrize(
    "schedule",
    [
        {0: "a", 90_000: "ab"},
        {0: "a", 90_000: "abc", 200_000: "bc"},
        {0: "a", 100_000: "ab", 150_000: "abc", 180_000: "bc", 190_000: "bcdef"},
        {0: "abcd", 100_000: "d", 130_000: "de"},
        {0: "a", 61_000: "ab", 70_000: "a", 80_000: "ac", 90_000: "a"},
        {0: "abc", 100_000: "ab", 106_000: "abd"},
        {0: "abc", 100_000: "ab", 112_000: "abd", 130_000: "bd", 136_000: "bde"},
        {0: "ab", 100_000: "a", 106_000: "ac", 120_000: "c", 126_000: "cd"},
    ],
    ids=str,
)
def test_all_instances_together_stay_below_the_limit_whoever_comes_and_goes(schedule: dict[int, str]) -> None:
    sent = run(schedule, 400_000)
    most = max(bisect_left(sent, at + MINUTE_MS) - number for number, at in enumerate(sent))
    assert most <= PER_MINUTE
    last_minute = sum(at >= 330_000 for at in sent) * 60 / 70
    assert last_minute > 0.56 * PER_MINUTE, "once nobody comes or goes, it is nearly as much as one instance alone would send"
