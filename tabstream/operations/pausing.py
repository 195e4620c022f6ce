"""Pausing a binding and resuming it: asks its owner, and waits until the owner says that it is so."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.errors import OperatorError
from tabstream.kafka.messages import SignalKind, State, Status
from tabstream.operations.reported import read_status
from tabstream.operations.signalling import send
from tabstream.operations.status import SILENT_AFTER_MS

_LOOK_SECONDS = 0.5


class Ending(StrEnum):
    """How a pause or a resume has ended."""

    DONE = "done"
    ALREADY = "already"
    OTHER_PROBLEM = "other_problem"


@dataclass(frozen=True, slots=True)
class Change:
    """The ending, with the status that shows it. OTHER_PROBLEM: it was resumed, but pauses for a reason of its own."""

    ending: Ending
    status: Status


def paused_by_operator(status: Status) -> bool:
    """Whether the binding pauses because an operator wants it to."""
    return status.state is State.PAUSED and bool(json.loads(status.details).get("paused_by_operator"))


def already(kind: SignalKind, status: Status) -> bool:
    """True where nothing is left to ask for."""
    return paused_by_operator(status) if kind is SignalKind.PAUSE else status.state is State.RUNNING


def ended(kind: SignalKind, before: Status, now: Status) -> Ending | None:
    """How it has ended, going by the newest status; None while there is something to wait for."""
    if already(kind, now):
        return Ending.DONE
    own_problem = kind is SignalKind.RESUME and now.state is State.PAUSED and not paused_by_operator(now)
    # The words of the pause stay until the owner has tried to open the binding.
    return Ending.OTHER_PROBLEM if own_problem and now.problem != before.problem else None


def silent_ms(status: Status, now_ms: int) -> int | None:
    """For how long the owner has not reported, None where it reports."""
    age = now_ms - status.at_ms
    return age if age > SILENT_AFTER_MS else None


def change(
    settings: Settings, clock: Clock, binding: str, kind: SignalKind, reason: str, seconds: float, say: Callable[[str], None]
) -> Change:
    """Has a binding paused or resumed (`kind`), and waits for it; `say` is told what is under way.

    Raises Outage, or OperatorError for no such binding, one without an owner, and an owner that has not done it in time.
    """
    before = read_status(settings, binding)
    silence = silent_ms(before, clock.now_ms())
    if already(kind, before) and (silence is None or kind is SignalKind.PAUSE):
        return Change(Ending.ALREADY, before)
    if silence is not None:
        raise OperatorError(
            f"the owner of {binding!r} has not reported for {silence // 1000} seconds: nobody would do it",
            "start a sheet sink, or look at its log, and ask again",
        )
    send(settings, clock, before.spreadsheet_id, binding, kind, reason or None)
    say(f"{binding}: asked its owner, {before.owner}; waiting for its word")
    newest = before

    def look() -> Ending | None:
        nonlocal newest
        newest = read_status(settings, binding)
        return ended(kind, before, newest)

    waiting = Retrying(
        retry=retry_if_result(lambda ending: ending is None), wait=wait_fixed(_LOOK_SECONDS), stop=stop_after_delay(seconds)
    )
    try:
        found = waiting(look)
    except RetryError:
        raise OperatorError(
            f"{binding!r} is {newest.state} still, {seconds:.0f} seconds after it was asked for{_because(newest)}",
            "its owner does it as soon as it can: tabstream status shows when",
        ) from None
    return Change(found or Ending.DONE, newest)


def _because(status: Status) -> str:
    return f": {status.problem}" if status.problem else ""
