"""The whole benchmark, in the order that disturbs the figures least."""

import time
from collections.abc import Callable, Sequence

from tabstream.operations.benchmark import wide
from tabstream.operations.benchmark.backlog import waiting_changes
from tabstream.operations.benchmark.calls import calls_since, summary, wait_for_quota
from tabstream.operations.benchmark.changes import commit_to_cell
from tabstream.operations.benchmark.edits import edit_to_commit
from tabstream.operations.benchmark.figure import Figure, of_spread
from tabstream.operations.benchmark.memory import resident_bytes
from tabstream.operations.benchmark.takeover import seconds_to_take_over
from tabstream.operations.demo.installing import TRIGGER_DELAY_MS
from tabstream.operations.demo.story.scene import Scene
from tabstream.operations.measuring.percentiles import ENOUGH_SAMPLES

SAMPLES = ENOUGH_SAMPLES
_MANY = 1_000
_EVERY_SECONDS = 2.0
_FAST_SECONDS = 20.0
_IDLE_SECONDS = 60.0
_EQUAL_SECONDS = 180.0
_KILLS = 3
_SLOW_RATES = (1.0, 5.0)
_FAST_RATES = (50.0, 500.0)

Tell = Callable[[str], None]


def measure(scene: Scene, samples: int, say: Tell, done: Callable[[Figure], None]) -> list[Figure]:
    """Measures everything; `say` is told what is under way, `done` each figure as it is there. Raises StepFailed."""
    figures: list[Figure] = []

    def add(figure: Figure) -> None:
        figures.append(figure)
        done(figure)

    scene.emulator.settings(quotas=True, latency_ms=0)
    scene.query("delete_stories")
    scene.until_equal(_EQUAL_SECONDS)
    keys = [scene.lead(f"measured-{number}") for number in range(8)]

    _rest(scene, say)
    say(f"commit to cell, one change every {_EVERY_SECONDS:.0f} s")
    measured = commit_to_cell(scene, keys, 1 / _EVERY_SECONDS, samples)
    name = f"commit to cell, one change every {_EVERY_SECONDS:.0f} s"
    add(of_spread(name, measured.spread, "p50 under 100 ms, p99 under 300 ms"))

    _rest(scene, say)
    say("edit to commit")
    edited = edit_to_commit(scene, keys, samples, _EVERY_SECONDS, TRIGGER_DELAY_MS)
    beyond = f"edit typed to row committed, beyond the trigger delay of {TRIGGER_DELAY_MS / 1000:.0f} s"
    add(of_spread(beyond, edited, "p50 under 150 ms"))

    for rate in _SLOW_RATES:
        add(_curve(scene, keys, rate, samples, say))

    say(f"{_MANY:,} rows")
    many = [str(row["lead_id"]) for row in scene.query("add_many", story=scene.story, count=_MANY)]
    scene.until_equal(_EQUAL_SECONDS)
    for rate in _FAST_RATES:
        add(_curve(scene, many, rate, max(samples, round(rate * _FAST_SECONDS)) if samples >= SAMPLES else samples, say))

    _rest(scene, say)
    say(f"{_MANY:,} changes that wait")
    backlog = waiting_changes(scene, many)
    writes = f"{backlog.writes} write call{'' if backlog.writes == 1 else 's'}"
    add(
        Figure(
            f"{backlog.changes:,} changes of ten-column rows waiting",
            f"{writes}; in all {summary(list(backlog.calls))}",
            aim="1 write call",
        )
    )

    add(Figure("memory of the whole stack, resident", _memory(scene), aim="under 3 GB"))

    scene.query("delete_story", story=scene.story)
    scene.until_equal(_EQUAL_SECONDS)
    _rest(scene, say)
    say("an idle minute")
    before = scene.emulator.last_call()
    time.sleep(_IDLE_SECONDS)
    add(Figure("calls in an idle minute", summary(calls_since(scene.emulator, before)), aim="only the sweep's"))

    say("the owner is killed")
    key = scene.lead("taken-over")
    rounds = _KILLS if samples >= SAMPLES else 1
    taken = [seconds_to_take_over(scene, key, lambda: _rest(scene, say)) for _ in range(rounds)]
    name = "an owner killed (kill -9): first write by another after"
    add(Figure(name, f"longest {max(taken):.1f} s, shortest {min(taken):.1f} s", str(rounds), "under 10 s"))
    scene.query("delete_story", story=scene.story)
    scene.until_equal(_EQUAL_SECONDS)

    say("a rebuild of a large tab")
    for figure in wide.figures(scene.place.state):
        add(figure)
    return figures


def _curve(scene: Scene, keys: Sequence[str], rate: float, count: int, say: Tell) -> Figure:
    _rest(scene, say)
    say(f"commit to cell, {rate:.0f} changes a second")
    measured = commit_to_cell(scene, keys, rate, count)
    short = f" ({measured.rate:.0f}/s were reached)" if measured.rate < 0.9 * rate else ""
    return of_spread(f"commit to cell, {rate:.0f} changes/s", measured.spread, remark=short)


def _rest(scene: Scene, say: Tell) -> None:
    """What came before shall not count: both sides equal, and the quota there again."""
    say("waiting until both sides are equal and the quota is there again")
    scene.until_equal(_EQUAL_SECONDS)
    wait_for_quota(scene.emulator)


def _memory(scene: Scene) -> str:
    found = resident_bytes(scene.place.state)
    parts = sorted(found.items(), key=lambda part: -part[1])
    named = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in parts)
    return f"{sum(found.values()) / 1e9:.2f} GB (MB: {named})"
