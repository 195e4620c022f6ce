"""From a typed cell to a committed row."""

import time
from collections.abc import Sequence

from tabstream.operations.demo.story.scene import Scene
from tabstream.operations.measuring.percentiles import Spread, spread


def edit_to_commit(
    scene: Scene, keys: Sequence[str], count: int, every_seconds: float, trigger_delay_ms: float
) -> Spread | None:
    """Types into cells, one after the other; milliseconds beyond the delay with which the stand-in starts the script."""
    scene.begin_step()
    began = time.monotonic()
    for turn in range(count):
        time.sleep(max(0.0, began + turn * every_seconds - time.monotonic()))
        text = f"company {scene.next_change()}"
        scene.edit(keys[turn % len(keys)], "company", text, text)
    return spread([sample - trigger_delay_ms for sample in scene.edit_to_commit])
