"""Everything that tabstream itself writes to Kafka."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message

from tabstream.config import Settings
from tabstream.core.edits import Edit
from tabstream.errors import Outage, Poison, TabstreamError
from tabstream.kafka import clients, own_schemas
from tabstream.kafka.avro import Encoder
from tabstream.kafka.messages import Signal, Status
from tabstream.kafka.topics import DEAD_LETTERS, EDITS, SIGNALS, STATUS

_FULL_QUEUE_SECONDS = 10.0
_POLL_SECONDS = 0.1
_OWN_HEADERS = "tabstream."


class BrokerUnavailable(Outage):
    """Kafka has not acknowledged a message in time; it may have been written, and writing it again is harmless."""


class TopicsMissing(Outage):
    """The broker answers, but our topics are not there yet."""


class MessageTooLarge(Poison):
    """Kafka refuses a message for its size."""


class PublisherBroken(TabstreamError):
    """The producer can't go on in this process (librdkafka calls it fatal): the process has to start again."""


class Received(Protocol):
    """A message as it was received; confluent_kafka.Message is one."""

    def topic(self) -> str | None:
        """The topic it was read from."""

    def partition(self) -> int | None:
        """The partition it was read from."""

    def offset(self) -> int | None:
        """Its offset there."""

    def key(self) -> bytes | None:
        """Its key, undecoded."""

    def value(self) -> bytes | None:
        """Its value, undecoded."""

    def headers(self) -> Any:
        """Its headers."""


class Publisher:
    """Writes edits, signals, statuses and dead letters. Thread-safe.

    Each method hands one message over and returns a future that completes on the acknowledgement of all replicas, or
    raises BrokerUnavailable, MessageTooLarge or PublisherBroken. The first message of a kind registers its schema: that
    may block and raise RegistryUnavailable or SchemaRefused. `overrides` are librdkafka properties with `_` for `.`.
    """

    def __init__(self, settings: Settings, **overrides: Any) -> None:
        self._producer = clients.producer(settings, **overrides)
        url = settings.registry
        self._edits = Encoder(url, f"{EDITS}-value", own_schemas.load("edit"))
        self._signals = Encoder(url, f"{SIGNALS}-value", own_schemas.load("signal"))
        self._statuses = Encoder(url, f"{STATUS}-value", own_schemas.load("status"))
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve_acknowledgements, name="publisher", daemon=True)
        self._thread.start()

    def edit(self, edit: Edit) -> Future[None]:
        """Writes an edit."""
        return self._publish(EDITS, edit.kafka_key, self._edits.encode(edit.to_record()))

    def signal(self, signal: Signal) -> Future[None]:
        """Writes a signal."""
        return self._publish(SIGNALS, signal.kafka_key, self._signals.encode(signal.to_record()))

    def status(self, status: Status) -> Future[None]:
        """Writes a status."""
        return self._publish(STATUS, status.kafka_key, self._statuses.encode(status.to_record()))

    def no_status(self, binding: str) -> Future[None]:
        """Takes the status of a binding away: nobody owns it any more."""
        return self._publish(STATUS, binding.encode(), None)

    def dead_letter(self, message: Received, reason: str) -> Future[None]:
        """Writes a message as it was received, with where it comes from and what is wrong with it in the headers."""
        headers = {
            "tabstream.topic": message.topic(),
            "tabstream.partition": message.partition(),
            "tabstream.offset": message.offset(),
            "tabstream.reason": reason,
            "tabstream.at_ms": time.time_ns() // 1_000_000,
        }
        return self._publish(DEAD_LETTERS, message.key(), message.value(), headers, message.headers())

    def again(self, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Future[None]:
        """Writes a dead letter to the topic it came from, as it was received there."""
        kept = [(name, given) for name, given in headers if not name.startswith(_OWN_HEADERS)]
        return self._publish(topic, key, value, received=kept)

    def register(self) -> None:
        """Registers the schemas of edits and signals ahead of the first message; raises as the methods above do."""
        self._edits.register()
        self._signals.register()

    def reachable(self, timeout_seconds: float) -> None:
        """Raises BrokerUnavailable unless the broker answers in time, TopicsMissing unless it has our topics."""
        try:
            # All topics are asked for: asking for one by name could create it, with the wrong settings.
            found = self._producer.list_topics(timeout=timeout_seconds).topics
        except KafkaException as problem:
            raise self._as_error(problem.args[0]) from problem
        if missing := [topic for topic in (EDITS, SIGNALS) if topic not in found]:
            raise TopicsMissing(f"kafka does not have the topics {missing} yet")

    def flush(self, timeout_seconds: float) -> int:
        """Waits until everything handed over is acknowledged; returns how many messages are not."""
        return self._producer.flush(timeout_seconds)

    def close(self, timeout_seconds: float = 10) -> int:
        """Flushes and ends; returns how many messages were not acknowledged."""
        left = self.flush(timeout_seconds)
        self._closed.set()
        self._thread.join()
        self._producer.close()
        for encoder in (self._edits, self._signals, self._statuses):
            encoder.close()
        return left

    def _publish(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Mapping[str, Any] | None = None,
        received: Any = None,
    ) -> Future[None]:
        future: Future[None] = Future()
        # A running future can't be cancelled: whoever stops waiting for it must not break the acknowledgement.
        future.set_running_or_notify_cancel()
        kept = [*(received or ()), *((name, str(given).encode()) for name, given in (headers or {}).items())]
        deadline = time.monotonic() + _FULL_QUEUE_SECONDS
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._acknowledge(future), headers=kept)
                return future
            except BufferError:
                if time.monotonic() > deadline:
                    raise BrokerUnavailable("too many messages wait for Kafka's acknowledgement") from None
                self._producer.poll(_POLL_SECONDS)
            except KafkaException as problem:
                raise self._as_error(problem.args[0]) from problem

    def _serve_acknowledgements(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(_POLL_SECONDS)

    def _acknowledge(self, future: Future[None]) -> Any:
        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(self._as_error(error))

        return delivered

    def _as_error(self, error: KafkaError) -> TabstreamError:
        if error.fatal():
            return PublisherBroken(f"kafka's producer can't go on: {error.str()}")
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return MessageTooLarge(f"kafka refuses a message for its size: {error.str()}")
        return BrokerUnavailable(f"kafka does not acknowledge: {clients.why(self._producer, error)}")
