"""Whether broker and registry can be reached, looked at again and again."""

import threading

import structlog

from tabstream import metrics
from tabstream.config import Settings
from tabstream.errors import TabstreamError
from tabstream.kafka.publisher import Publisher, TopicsMissing
from tabstream.kafka.topics import ensure_topics, own_topics, results_topic
from tabstream.process import Readiness

_WELL_SECONDS = 5.0
_ILL_SECONDS = 1.0
_ANSWER_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Reachability:
    """Ready means that the broker answered when it was last asked, and the registry has our schemas. Thread-safe."""

    def __init__(self, publisher: Publisher, settings: Settings) -> None:
        self._publisher = publisher
        self._settings = settings
        self._readiness = Readiness(False, ("broker and registry have not answered yet",))
        self._stop = threading.Event()
        self._broken: TabstreamError | None = None

    def readiness(self) -> Readiness:
        """What the last look found."""
        return self._readiness

    def watch(self, stop: threading.Event) -> None:
        """Looks every few seconds until `stop` is set; raises what `give_up` was told."""
        while not stop.is_set():
            found = self._look()
            if found != self._readiness:
                log.log(20 if found.ready else 30, "reachability", ready=found.ready, reasons=found.reasons)
            self._readiness = found
            if self._broken is not None:
                raise self._broken
            stop.wait(_WELL_SECONDS if found.ready else _ILL_SECONDS)

    def give_up(self, problem: TabstreamError) -> None:
        """The publisher can't be used any more: the process has to start again."""
        self._broken = problem

    def _look(self) -> Readiness:
        reasons = []
        try:
            self._look_at_kafka()
        except TabstreamError as problem:
            metrics.OUTAGES.labels("kafka").inc()
            reasons.append(str(problem))
        try:
            # Once the schemas are registered, the registry is not needed any more: its outage stops no edit.
            self._publisher.register()
        except TabstreamError as problem:
            metrics.OUTAGES.labels("registry").inc()
            reasons.append(str(problem))
        return Readiness(not reasons, tuple(reasons))

    def _look_at_kafka(self) -> None:
        try:
            self._publisher.reachable(_ANSWER_SECONDS)
        except TopicsMissing:
            made = ensure_topics(self._settings, own_topics(results_topic(self._settings)))
            log.info("topics created", topics=made)
            self._publisher.reachable(_ANSWER_SECONDS)
