"""Plays steps one after the other and compares tab and table after each."""

import time
from collections.abc import Callable, Sequence

import httpx
import psycopg
from googleapiclient.errors import HttpError

from tabstream.errors import OperatorError
from tabstream.operations.demo.reader import READER
from tabstream.operations.demo.story import bulk, disputes, everyday, faults, moving, refusals
from tabstream.operations.demo.story.scene import Scene, StepFailed
from tabstream.operations.demo.story.step import Outcome, Step
from tabstream.operations.measuring.percentiles import spread

_GIVE_UP_AFTER = 4


def story() -> list[Step]:
    """The whole story. The deletions at its end leave the table as it was, so it can be played again."""
    return [
        Step("both sides are equal at the start", _clean_up),
        *everyday.steps(),
        *disputes.steps(),
        *refusals.steps(),
        *moving.steps(),
        *faults.steps(),
        *bulk.steps(),
    ]


def play(
    steps: Sequence[Step], scene: Scene, begins: Callable[[Step], None], ended: Callable[[Outcome], None]
) -> list[Outcome]:
    """Plays all steps, and goes on after one that failed; after four in a row it gives up. `begins` and `ended` are told."""
    outcomes: list[Outcome] = []
    for step in steps:
        begins(step)
        outcomes.append(play_step(step, scene))
        ended(outcomes[-1])
        if len(outcomes) >= _GIVE_UP_AFTER and not any(outcome.ok for outcome in outcomes[-_GIVE_UP_AFTER:]):
            break
    return outcomes


def play_step(step: Step, scene: Scene) -> Outcome:
    """Plays one step."""
    scene.begin_step()
    before, began = scene.emulator.last_call(), time.monotonic()
    problem: str | None = None
    details: tuple[str, ...] = ()
    try:
        step.play(scene)
        scene.until_equal(step.seconds, step.steady_seconds)
    except StepFailed as failure:
        problem, details = str(failure), failure.details
    except (OperatorError, httpx.HTTPError, psycopg.Error, HttpError, OSError) as failure:
        problem = f"{type(failure).__name__}: {failure}"
    seconds = time.monotonic() - began
    if problem is not None:
        scene.leave_differences()
    calls = sum(call.user != READER for call in scene.emulator.calls(before))
    return Outcome(step.name, seconds, spread(scene.commit_to_cell), spread(scene.edit_to_commit), calls, problem, details)


def _clean_up(scene: Scene) -> None:
    """Rows of a story that was broken off."""
    scene.query("delete_stories")
