"""The whole benchmark, in the order that disturbs the figures least."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tabstream.operations.benchmark import wide
from tabstream.operations.benchmark.answering import status_answers
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
_ASKED = 20
_SLOW_RATES = (1.0, 5.0)
_FAST_RATES = (50.0, 500.0)

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Bench:
    """The scene, how many samples each percentile gets, and who is told what is under way."""

    scene: Scene
    samples: int
    say: Tell

    @property
    def whole(self) -> bool:
        """True where there are samples enough for all percentiles."""
        return self.samples >= SAMPLES


def measure(scene: Scene, samples: int, say: Tell, done: Callable[[Figure], None]) -> list[Figure]:
    """Measures everything; `say` is told what is under way, `done` each figure as it is there. Raises StepFailed."""
    figures: list[Figure] = []
    for figure in _figures(_Bench(scene, samples, say)):
        figures.append(figure)
        done(figure)
    return figures


def _figures(bench: _Bench) -> Iterator[Figure]:
    scene = bench.scene
    scene.emulator.settings(quotas=True, latency_ms=0)
    scene.query("delete_stories")
    scene.until_equal(_EQUAL_SECONDS)
    keys = [scene.lead(f"measured-{number}") for number in range(8)]
    yield _quiet(bench, keys)
    yield _edits(bench, keys)
    for rate in _SLOW_RATES:
        yield _curve(bench, keys, rate, bench.samples)
    many = _many(bench)
    for rate in _FAST_RATES:
        yield _curve(bench, many, rate, max(bench.samples, round(rate * _FAST_SECONDS)) if bench.whole else bench.samples)
    yield _backlog(bench, many)
    yield Figure("memory of the whole stack, resident", _memory(scene), aim="under 3 GB")
    _clear(bench)
    yield _idle(bench)
    bench.say("tabstream status")
    yield status_answers(scene.place.state, _ASKED if bench.whole else 1)
    yield _taken_over(bench)
    _clear(bench)
    bench.say("a rebuild of a large tab")
    yield from wide.figures(scene.place.state)


def _quiet(bench: _Bench, keys: Sequence[str]) -> Figure:
    name = f"commit to cell, one change every {_EVERY_SECONDS:.0f} s"
    _rest(bench)
    bench.say(name)
    measured = commit_to_cell(bench.scene, keys, 1 / _EVERY_SECONDS, bench.samples)
    return of_spread(name, measured.spread, "p50 under 100 ms, p99 under 300 ms")


def _edits(bench: _Bench, keys: Sequence[str]) -> Figure:
    _rest(bench)
    bench.say("edit to commit")
    edited = edit_to_commit(bench.scene, keys, bench.samples, _EVERY_SECONDS, TRIGGER_DELAY_MS)
    beyond = f"edit typed to row committed, beyond the trigger delay of {TRIGGER_DELAY_MS / 1000:.0f} s"
    return of_spread(beyond, edited, "p50 under 150 ms")


def _curve(bench: _Bench, keys: Sequence[str], rate: float, count: int) -> Figure:
    _rest(bench)
    bench.say(f"commit to cell, {rate:.0f} changes a second")
    measured = commit_to_cell(bench.scene, keys, rate, count)
    short = f" ({measured.rate:.0f}/s were reached)" if measured.rate < 0.9 * rate else ""
    return of_spread(f"commit to cell, {rate:.0f} changes/s", measured.spread, remark=short)


def _many(bench: _Bench) -> list[str]:
    """The keys of many new rows, which both sides have."""
    bench.say(f"{_MANY:,} rows")
    keys = [str(row["lead_id"]) for row in bench.scene.query("add_many", story=bench.scene.story, count=_MANY)]
    bench.scene.until_equal(_EQUAL_SECONDS)
    return keys


def _backlog(bench: _Bench, keys: Sequence[str]) -> Figure:
    _rest(bench)
    bench.say(f"{_MANY:,} changes that wait")
    backlog = waiting_changes(bench.scene, keys)
    writes = f"{backlog.writes} write call{'' if backlog.writes == 1 else 's'}"
    return Figure(
        f"{backlog.changes:,} changes of ten-column rows waiting",
        f"{writes}; in all {summary(list(backlog.calls))}",
        aim="1 write call",
    )


def _idle(bench: _Bench) -> Figure:
    _rest(bench)
    bench.say("an idle minute")
    before = bench.scene.emulator.last_call()
    time.sleep(_IDLE_SECONDS)
    return Figure("calls in an idle minute", summary(calls_since(bench.scene.emulator, before)), aim="only the sweep's")


def _taken_over(bench: _Bench) -> Figure:
    bench.say("the owner is killed")
    key = bench.scene.lead("taken-over")
    rounds = _KILLS if bench.whole else 1
    taken = [seconds_to_take_over(bench.scene, key, lambda: _rest(bench)) for _ in range(rounds)]
    name = "an owner killed (kill -9): first write by another after"
    return Figure(name, f"longest {max(taken):.1f} s, shortest {min(taken):.1f} s", str(rounds), "under 10 s")


def _clear(bench: _Bench) -> None:
    """The rows that were made are gone on both sides."""
    bench.scene.query("delete_story", story=bench.scene.story)
    bench.scene.until_equal(_EQUAL_SECONDS)


def _rest(bench: _Bench) -> None:
    """What came before shall not count: both sides equal, and the quota there again."""
    bench.say("waiting until both sides are equal and the quota is there again")
    bench.scene.until_equal(_EQUAL_SECONDS)
    wait_for_quota(bench.scene.emulator)


def _memory(scene: Scene) -> str:
    found = resident_bytes(scene.place.state)
    parts = sorted(found.items(), key=lambda part: -part[1])
    named = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in parts)
    return f"{sum(found.values()) / 1e9:.2f} GB (MB: {named})"
