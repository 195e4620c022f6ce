"""What every owner of this instance works with, made once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import tenacity
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from consumers.sheet_sink.inbox import RawMessage
from tabstream import metrics
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.googletime import GoogleClock, clock_from_call
from tabstream.errors import Outage
from tabstream.kafka import clients
from tabstream.kafka.avro import Decoder
from tabstream.kafka.publisher import Publisher
from tabstream.postgres.connection import Connection, connect
from tabstream.sheets.call import Answer
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.quota import Quota

_UNKNOWN_CLOCK_MS = 2_000


@dataclass(slots=True)
class GoogleTime:
    """What is known of Google's clock, shared by the owners."""

    clock: GoogleClock | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def interval(self, sent_ms: int, received_ms: int, date_ms: int | None = None) -> tuple[int, int]:
        """Bounds on Google's clock of what happened between two times of ours; learns from a call's Date header."""
        with self.lock:
            if date_ms is not None:
                self.clock = (
                    clock_from_call(sent_ms, received_ms, date_ms)
                    if self.clock is None
                    else self.clock.after_call(sent_ms, received_ms, date_ms)
                )
            if self.clock is None:
                return sent_ms - _UNKNOWN_CLOCK_MS, received_ms + _UNKNOWN_CLOCK_MS
            return self.clock.interval(sent_ms, received_ms)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it was received, in the form that the dead-letter topic takes."""

    name: str
    raw: RawMessage

    def topic(self) -> str:
        """Where it comes from."""
        return self.name

    def partition(self) -> int:
        """See `topic`."""
        return self.raw.partition

    def offset(self) -> int:
        """See `topic`."""
        return self.raw.offset

    def key(self) -> bytes:
        """As received."""
        return self.raw.key

    def value(self) -> bytes | None:
        """As received."""
        return self.raw.value

    def headers(self) -> None:
        """Not kept."""


@dataclass(slots=True)
class Services:
    """The doors to Google, Kafka and PostgreSQL, and the settings."""

    settings: Settings
    clock: Clock
    quota: Quota
    credentials: object | None
    publisher: Publisher
    decoder: Decoder
    admin: AdminClient
    instance: str
    google_clock: GoogleTime = field(default_factory=GoogleTime)

    def client(self, stop: threading.Event) -> SheetsClient:
        """A door to Google for one thread."""
        return SheetsClient(self.credentials, self.settings.sheets_url or None, self.quota, self.clock, stop)

    def google_interval(self, answer: Answer) -> tuple[int, int]:
        """When the call happened, on Google's clock."""
        return self.google_clock.interval(answer.sent_ms, answer.received_ms, answer.date_ms)

    def fetch_consumer(self) -> Consumer:
        """A consumer that reads single messages again."""
        return clients.consumer(self.settings, f"tabstream.fetch.{self.instance}", enable_partition_eof=True)

    def database(self) -> Connection:
        """A connection to the database; raises DatabaseUnavailable."""
        return connect(self.settings.database_url, "tabstream sheet-sink", autocommit=True)

    def reject(self, topic: str) -> Callable[[RawMessage, str], None]:
        """What to do with a message of this topic that can't be read: the dead-letter topic, and on."""

        def send(raw: RawMessage, reason: str) -> None:
            metrics.DEAD_LETTERS.labels(topic).inc()
            self.publisher.dead_letter(Letter(topic, raw), reason)

        return send

    def outage_retry(self, stop: threading.Event, say: Callable[[str], None]) -> tenacity.Retrying:
        """Waits for what is out of reach, with backoff, until `stop` is set."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Outage),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5, min=0.1),
            stop=tenacity.stop_when_event_set(stop),
            sleep=tenacity.sleep_using_event(stop),
            before_sleep=lambda state: say(str(state.outcome.exception() if state.outcome else "")),
            reraise=True,
        )
