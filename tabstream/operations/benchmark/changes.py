"""From commit to cell: changes at a steady rate."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tabstream.operations.demo.story.scene import Scene, StepFailed, connect
from tabstream.operations.measuring.arrivals import text_of
from tabstream.operations.measuring.percentiles import Spread, spread

_CHANGES_A_CONNECTION = 100.0  # a second; above that several connections share the rate
_SHOWN_SECONDS = 180.0
_SET_NOTES = "UPDATE public.leads SET notes = %s WHERE lead_id = %s"


@dataclass(frozen=True, slots=True)
class Measured:
    """`rate` is what was really reached, in changes a second."""

    spread: Spread | None
    rate: float


def commit_to_cell(scene: Scene, keys: Sequence[str], rate: float, count: int) -> Measured:
    """Changes rows in turn, `rate` a second, `count` in all; waits until the tab shows every one."""
    scene.begin_step()
    writers = max(1, round(rate / _CHANGES_A_CONNECTION))
    problems: list[Exception] = []
    began = time.monotonic()

    def write(writer: int) -> None:
        mine = keys[writer::writers]  # a row has one writer, so that its numbers only grow
        try:
            with connect(scene.place.database_url) as connection:
                for turn in range(count // writers):
                    time.sleep(max(0.0, began + (turn * writers + writer) / rate - time.monotonic()))
                    key, number = mine[turn % len(mine)], scene.next_change()
                    scene.arrivals.commit(key, number)
                    connection.execute(_SET_NOTES, (text_of(number), key))
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reached = count / max(time.monotonic() - began, 1e-9)
    if problems:
        raise problems[0]
    if not scene.arrivals.wait(_SHOWN_SECONDS):
        raise StepFailed(f"{scene.arrivals.missing()} changes are not in the tab after {_SHOWN_SECONDS:.0f} s")
    return Measured(spread(scene.commit_to_cell), reached)
