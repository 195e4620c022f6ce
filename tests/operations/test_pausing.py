"""When a pause or a resume has ended, as the owner's statuses tell it."""

import json

import pytest

from tabstream.kafka.messages import SignalKind, State, Status
from tabstream.operations.pausing import Ending, already, ended, silent_ms


def status(state: State, problem: str | None = None, *, stopped: bool = False, at_ms: int = 0) -> Status:
    details = json.dumps({"paused_by_operator": stopped})
    return Status("leads", "S1", "sink-1", 0, state, at_ms, problem=problem, details=details)


RUNS = status(State.RUNNING)
STARTS = status(State.STARTING)
STOPPED = status(State.PAUSED, "paused by an operator", stopped=True)
LET_GO = status(State.PAUSED, "paused by an operator")
NO_TAB = status(State.PAUSED, "no tab")
PAUSE, RESUME = SignalKind.PAUSE, SignalKind.RESUME


@pytest.mark.parametrize(
    ("kind", "before", "now", "expected"),
    [
        (PAUSE, RUNS, RUNS, None),
        (PAUSE, RUNS, STOPPED, Ending.DONE),
        (PAUSE, STARTS, STARTS, None),
        (PAUSE, NO_TAB, NO_TAB, None),
        (PAUSE, NO_TAB, STOPPED, Ending.DONE),
        (RESUME, STOPPED, STOPPED, None),
        (RESUME, STOPPED, LET_GO, None),
        (RESUME, STOPPED, STARTS, None),
        (RESUME, STOPPED, RUNS, Ending.DONE),
        (RESUME, STOPPED, NO_TAB, Ending.OTHER_PROBLEM),
        (RESUME, NO_TAB, NO_TAB, None),
        (RESUME, NO_TAB, RUNS, Ending.DONE),
    ],
)
def test_it_has_ended_once_the_owner_says_so(kind: SignalKind, before: Status, now: Status, expected: Ending | None) -> None:
    assert ended(kind, before, now) is expected


def test_a_problem_of_its_own_is_no_pause_by_an_operator() -> None:
    assert [already(PAUSE, s) for s in (RUNS, STOPPED, NO_TAB)] == [False, True, False]
    assert [already(RESUME, s) for s in (RUNS, STOPPED, STARTS)] == [True, False, False]


def test_an_owner_is_silent_after_half_a_minute() -> None:
    assert silent_ms(status(State.RUNNING, at_ms=1_000), 31_000) is None
    assert silent_ms(status(State.RUNNING, at_ms=1_000), 41_000) == 40_000
