"""A watch over what comes before the sheet sink: Kafka, the database, and the slot that the connector reads.

A sheet sink whose connector does not run has nothing to do, and would look well. A connector that has failed is started
again: what failed it, such as a registry that was away, may be over, and Kafka Connect does not try by itself.
"""

import threading
from collections.abc import Sequence

import psycopg
import structlog

from consumers.sheet_sink.silent import Silence, SilentTopic
from tabstream import metrics
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.errors import Outage, TabstreamError
from tabstream.kafka.connect import Connect
from tabstream.kafka.publisher import Publisher
from tabstream.postgres.connection import connect
from tabstream.postgres.slots import Slot, read_slot, slot_of, slot_problem

_log = structlog.get_logger()
_EVERY_SECONDS = 5.0
# A connector that is started again is gone for some seconds.
_PATIENCE_SECONDS = 20.0
_RESTART_EVERY_SECONDS = 60.0
_ANSWER_SECONDS = 3.0
_FOREIGN = "look at your own connector, which reads the slot of TABSTREAM_REPLICATION_SLOT"


class Upstream(threading.Thread):
    """Looks every few seconds from `start` until `stop` is set.

    `problem` is what an operator has to know, with a remedy, and `silence` knows more of the topics that are set as `silent`.
    """

    def __init__(self, settings: Settings, publisher: Publisher, clock: Clock, stop: threading.Event) -> None:
        super().__init__(name="upstream", daemon=True)
        self.problem: tuple[str, str] | None = None
        self.silent: Sequence[SilentTopic] = ()
        self.silence = Silence(clock, foreign=bool(settings.replication_slot))
        self._settings = settings
        self._publisher = publisher
        self._clock = clock
        self._halt = stop
        self._slot: Slot | None = None
        self._moved_at = clock.monotonic()
        self._bad_since: float | None = None
        self._connect = Connect(settings.connect_url)
        self._restart_at = 0.0

    def run(self) -> None:
        """See Thread."""
        while not self._halt.is_set():
            self._judge(self._look())
            self._halt.wait(_EVERY_SECONDS)

    def _judge(self, found: tuple[str, str] | None) -> None:
        now = self._clock.monotonic()
        if found is None:
            self._bad_since = None
        elif self._bad_since is None:
            self._bad_since = now
        shown = found if self._bad_since is not None and now - self._bad_since >= _PATIENCE_SECONDS else None
        if shown is not None and self.problem is None:
            _log.warning("nothing arrives", problem=shown[0], remedy=shown[1])
        self.problem = shown
        ours = not self._settings.replication_slot
        if shown is not None and ours and self._slot is not None and not self._slot.active and now >= self._restart_at:
            self._restart_at = now + _RESTART_EVERY_SECONDS
            self._restart_connector(self._slot.name)

    def _restart_connector(self, name: str) -> None:
        try:
            state = self._connect.state(name)
            if state.failed:
                _log.warning("the connector has failed and is started again", connector=name, tasks=state.tasks)
                self._connect.restart_failed(name)
        except TabstreamError as problem:
            _log.warning("the connector can't be asked", connector=name, problem=str(problem))

    def _look(self) -> tuple[str, str] | None:
        name = slot_of(self._settings)
        try:
            self._publisher.reachable(_ANSWER_SECONDS)
        except Outage as problem:
            metrics.OUTAGES.labels("kafka").inc()
            return str(problem), "start Kafka, or correct TABSTREAM_BOOTSTRAP_SERVERS"
        try:
            with connect(self._settings.database_url, "tabstream sheet-sink watch", autocommit=True) as connection:
                slot = read_slot(connection, name)
                self.silence.look(connection, self.silent)
        except (Outage, psycopg.Error) as problem:
            return str(problem).strip(), "start the database, or correct TABSTREAM_DATABASE_URL"
        now = self._clock.monotonic()
        if slot is None or self._slot is None or slot.confirmed != self._slot.confirmed:
            self._moved_at = now
        self._slot = slot
        metrics.SLOT_BEHIND_BYTES.labels(name).set(slot.behind_bytes if slot else 0)
        found = slot_problem(slot, name, now - self._moved_at)
        return (found[0], _FOREIGN) if found is not None and self._settings.replication_slot else found
