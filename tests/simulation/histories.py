"""One history from its seed to its verdict."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.checks import wrong
from tests.simulation.people import TEMPERS
from tests.simulation.rules import ALL, Rules
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class History:
    """What is wrong with it, if anything, and how it went."""

    seed: int
    wrong: Sequence[str]
    story: Sequence[str]
    temper: str


def history(seed: int, rules: Rules = ALL) -> History:
    """Lets it happen."""
    world = World(seed, rules)
    temper = ("cells", "rows", "order", "wild")[TEMPERS.index(world.temper)]
    try:
        world.run()
    except Exception:  # a part that fails is a finding like any other
        problem = traceback.format_exc().strip().splitlines()
        return History(seed, [" | ".join(problem[-3:])], world.story, temper)
    return History(seed, wrong(world), world.story, temper)
