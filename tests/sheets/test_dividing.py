"""One quota among several instances: never more than it in any minute, whoever comes and goes."""

from bisect import bisect_left
from dataclasses import dataclass, field

import pytest

from tabstream.sheets.dividing import Division
from tabstream.sheets.pacing import Meter, Priority, policy_of

PER_MINUTE, MINUTE_MS, STEP_MS = 60, 60_000, 50


def test_more_instances_count_at_once_and_fewer_a_window_later() -> None:
    division = Division(window_ms=1_000)
    assert [division.saw(now, count) for now, count in ((0, 1), (10, 3), (500, 2), (1_400, 2))] == [1, 3, 3, 3]
    assert division.saw(1_501, 2) == 2


def test_an_instance_that_is_back_in_between_counts_from_when_it_leaves_for_good() -> None:
    division = Division(window_ms=1_000)
    for now, count in ((0, 2), (100, 1), (900, 2), (950, 1)):
        division.saw(now, count)
    assert division.saw(1_900, 1) == 2
    assert division.saw(1_951, 1) == 1


def test_nobody_else_is_one() -> None:
    assert Division().saw(0, 0) == 1


@dataclass
class Instance:
    """Sends whenever it may."""

    meter: Meter
    division: Division = field(default_factory=Division)
    dividing: int = 1

    def step(self, now: int, instances: int) -> int:
        if (count := self.division.saw(now, instances)) != self.dividing:
            self.dividing = count
            self.meter.resize(now, policy_of(PER_MINUTE, 1 / count))
        sent = 0
        while self.meter.wait_ms(now, 1, Priority.LIVE) == 0:
            self.meter.take(now, 1)
            self.meter.spend(now)
            sent += 1
        return sent


def run(schedule: dict[int, int], until_ms: int) -> list[int]:
    """When calls were sent; `schedule` tells from when on how many instances there are, the youngest end first."""
    instances: list[Instance] = []
    sent: list[int] = []
    wanted = 0
    for now in range(0, until_ms, STEP_MS):
        wanted = schedule.get(now, wanted)
        while len(instances) < wanted:
            made = Instance(Meter(policy_of(PER_MINUTE)))
            if instances:
                made.meter.drain(now)
            instances.append(made)
        del instances[wanted:]
        for instance in instances:
            sent += [now] * instance.step(now, len(instances))
    return sent


@pytest.mark.parametrize(
    "schedule",
    [
        {0: 1, 90_000: 2},
        {0: 1, 90_000: 3, 200_000: 2},
        {0: 1, 100_000: 2, 150_000: 3, 180_000: 2, 190_000: 5},
        {0: 4, 100_000: 1, 130_000: 2},
        {0: 1, 61_000: 2, 70_000: 1, 80_000: 2, 90_000: 1},
    ],
    ids=str,
)
def test_all_instances_together_stay_below_the_limit_whoever_comes_and_goes(schedule: dict[int, int]) -> None:
    sent = run(schedule, 400_000)
    most = max(bisect_left(sent, at + MINUTE_MS) - number for number, at in enumerate(sent))
    assert most <= PER_MINUTE
    last_minute = sum(at >= 330_000 for at in sent) * 60 / 70
    assert last_minute > 0.63 * PER_MINUTE, "once nobody comes or goes, it is as much as one instance alone would send"
