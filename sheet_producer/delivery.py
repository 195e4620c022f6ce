"""Brings what a POST means to Kafka, and answers only when all of it is acknowledged."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from sheet_producer.intake import Intake
from tabstream import metrics
from tabstream.core.edits import How
from tabstream.errors import Outage
from tabstream.kafka.publisher import Publisher


class NotAcknowledged(Outage):
    """Kafka or the registry did not answer in time; what was sent may be written, and sending it again is harmless."""


class Delivery:
    """Publishes intakes and knows how many are under way. Thread-safe."""

    def __init__(self, publisher: Publisher, limit_seconds: float) -> None:
        self._publisher = publisher
        self._limit_seconds = limit_seconds
        self._changed = threading.Condition()
        self._count = 0
        self._closed = False

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Counts a request from its arrival to its answer; raises NotAcknowledged once the producer has drained."""
        with self._changed:
            if self._closed:
                raise NotAcknowledged("the producer is stopping")
            self._count += 1
        try:
            with metrics.POSTS_IN_FLIGHT.track_inprogress():
                yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    async def deliver(self, intake: Intake) -> None:
        """Returns when Kafka has acknowledged everything; raises Outage, Poison, PublisherBroken or ValueError."""
        try:
            async with asyncio.timeout(self._limit_seconds):
                futures = await asyncio.to_thread(self._publish, intake)
                results = await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        except TimeoutError:
            raise NotAcknowledged(f"kafka has not acknowledged within {self._limit_seconds:g} s") from None
        for result in results:
            if isinstance(result, BaseException):
                raise result
        _count(intake)

    def drain(self, timeout_seconds: float) -> None:
        """Waits until nothing is under way, at most this long; what comes later is refused as an outage."""
        with self._changed:
            self._changed.wait_for(lambda: not self._count, timeout_seconds)
            self._closed = True

    def _publish(self, intake: Intake) -> list[Future[None]]:
        futures = [self._publisher.edit(edit) for edit in intake.edits]
        return [*futures, self._publisher.signal(intake.poke)] if intake.poke else futures


def _count(intake: Intake) -> None:
    if intake.binding is not None:
        metrics.EDITS_EMITTED.labels(intake.binding, How.TRIGGER.value).inc(len(intake.edits))
    for reason in intake.reasons:
        metrics.POKE_REASONS.labels(intake.binding or "", reason).inc()
    if intake.poke is not None:
        metrics.SIGNALS_SENT.labels(intake.poke.kind.value.lower()).inc()
