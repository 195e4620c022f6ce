"""The simulation can fail: without any one of these rules some history goes wrong."""

import pytest

from tests.simulation.histories import history
from tests.simulation.rules import BROKEN

MOST = 150


@pytest.mark.parametrize("rule", BROKEN)
def test_without_this_rule_some_history_goes_wrong(rule: str) -> None:
    seeds = iter(range(MOST))
    assert any(not history(seed).wrong and history(seed, BROKEN[rule]).wrong for seed in seeds)
