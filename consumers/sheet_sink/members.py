"""The instances of the sheet sink, as their consumer group knows them, which divide the quotas of the accounts."""

import threading
from typing import Any

import structlog
from confluent_kafka import KafkaException

from consumers.sheet_sink.services import Services
from tabstream import metrics
from tabstream.sheets.dividing import Division
from tabstream.sheets.pacing import policy_of

_log = structlog.get_logger()
_EVERY_SECONDS = 2.0
_ANSWER_SECONDS = 2.0


class Members(threading.Thread):
    """Looks how many instances there are, every two seconds from `start` until `stop` is set, and at each rebalance."""

    def __init__(self, services: Services, group: str, stop: threading.Event) -> None:
        super().__init__(name="members", daemon=True)
        self._services = services
        self._group = group
        self._halt = stop
        self._division = Division()
        self._instances = 1
        self._joined = False
        self._lock = threading.Lock()

    def arrive(self) -> None:
        """Before this instance joins the others: their calls of the last minute count, so it begins with none in hand."""
        if self._others():
            self._services.accounts.drain()
        self.look()

    def rebalanced(self) -> None:
        """This instance is one of the group, whose members have just changed."""
        self._joined = True
        self.look()

    def look(self) -> None:
        """Divides the quotas by the number of instances; where Kafka does not tell it, they stay as they are."""
        others = self._others()
        if others is None:
            return
        with self._lock:
            now = int(self._services.clock.monotonic() * 1_000)
            instances = self._division.saw(now, others + (0 if self._joined else 1))
            if instances != self._instances:
                settings = self._services.settings
                _log.info("quota divided", instances=instances, before=self._instances)
                self._instances = instances
                self._services.accounts.resize(policy_of(settings.quota_per_minute, settings.quota_share / instances))
            metrics.QUOTA_INSTANCES.set(instances)

    def run(self) -> None:
        """See Thread."""
        while not self._halt.wait(_EVERY_SECONDS):
            self.look()

    def _others(self) -> int | None:
        """The members of the group, this instance included once it has joined; None where Kafka gives no answer."""
        admin: Any = self._services.admin
        try:
            asked = admin.describe_consumer_groups([self._group], request_timeout=_ANSWER_SECONDS)[self._group]
            return len(asked.result(_ANSWER_SECONDS * 2).members)
        except (KafkaException, TimeoutError) as problem:
            _log.debug("kafka does not tell who is there", problem=str(problem))
            return None
