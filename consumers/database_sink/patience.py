"""Waiting out an outage: the same thing again and again, with growing pauses, said in the log and in the readiness."""

import threading
from collections.abc import Callable
from typing import TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type, sleep_using_event, wait_random_exponential

from tabstream import metrics
from tabstream.errors import Outage, TabstreamError

_log = structlog.get_logger(__name__)

_Result = TypeVar("_Result")
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


class Stopped(TabstreamError):
    """The process is to end while it waits for something outside."""


class Patience:
    """Repeats what an outage prevents until it works or `stop` is set. `outage` says what is waited for now."""

    def __init__(self, stop: threading.Event) -> None:
        self._halt = stop
        self.outage: str | None = None

    def __call__(self, system: str, action: Callable[[], _Result]) -> _Result:
        """The action's result; `system` names what it needs. Raises Stopped, and whatever is no Outage."""
        retrying = Retrying(
            retry=retry_if_exception_type(Outage),
            wait=wait_random_exponential(multiplier=_FIRST_PAUSE_SECONDS, max=_LONGEST_PAUSE_SECONDS),
            sleep=sleep_using_event(self._halt),
            stop=lambda _: self._halt.is_set(),
            before_sleep=lambda state: self._note(system, state),
            reraise=True,
        )
        try:
            result = retrying(action)
        except Outage as problem:
            raise Stopped(f"ended while waiting: {problem}") from problem
        if self.outage is not None:
            _log.info("outage is over", was=self.outage)
            self.outage = None
        return result

    def _note(self, system: str, state: RetryCallState) -> None:
        problem = state.outcome.exception() if state.outcome else None
        self.outage = str(problem)
        metrics.OUTAGES.labels(system).inc()
        _log.warning("waiting for something outside", system=system, problem=self.outage, attempt=state.attempt_number)
