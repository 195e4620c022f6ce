"""Kafka clients, set up so that nothing is lost, reordered or read before it is committed."""

import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from tabstream.config import Settings
from tabstream.errors import ConfigurationError

# A row of many cells near Google's 50,000 characters; the topics allow as much.
MAX_MESSAGE_BYTES = 8 * 1024 * 1024

# An instance that was killed is missed within six seconds, the least that a broker allows by default, and the others hear of
# it with their next heartbeat.
QUICK_SESSION_MS = 6_000
QUICK_HEARTBEAT_MS = 1_000

# librdkafka's own log lines go to the process's log.
_log = logging.getLogger("librdkafka")

_T = TypeVar("_T")
_SECRET = re.compile(r"password|secret|\.pem$|token$|oauthbearer\.config|userinfo")
_WHERE = re.compile(r"^\w+://\S+: | \(after \d+ms in state \w+[^)]*\)$|\[thrd:[^]]*\]: ")
_CHECK_USER = "check the user and the secret in TABSTREAM_KAFKA__SASL__*"
_CHECK_CERTIFICATES = "check TABSTREAM_KAFKA__SSL__CA__LOCATION, the client's certificate and key, and SECURITY__PROTOCOL"


class Refusals:
    """What a client was last told of why broker and client do not accept each other; None while they do."""

    def __init__(self) -> None:
        self.last: KafkaError | None = None

    def note(self, error: KafkaError) -> None:
        """Called by librdkafka while the client is polled. A connection that fails otherwise was not refused."""
        if _is_refusal(error):
            self.last = error
        elif error.code() == KafkaError._TRANSPORT:
            self.last = None

    def heard(self, config: dict[str, Any]) -> dict[str, Any]:
        """The configuration of a client that tells this object of its errors."""
        return {**config, "error_cb": self.note}


class _Consumer(Consumer):
    def __init__(self, config: dict[str, Any]) -> None:
        self.refusals = Refusals()
        super().__init__(self.refusals.heard(config), logger=_log)


class _Producer(Producer):
    def __init__(self, config: dict[str, Any]) -> None:
        self.refusals = Refusals()
        super().__init__(self.refusals.heard(config), logger=_log)


class _Admin(AdminClient):
    def __init__(self, config: dict[str, Any]) -> None:
        self.refusals = Refusals()
        super().__init__(self.refusals.heard(config), logger=_log)


def consumer(settings: Settings, group_id: str, **overrides: Any) -> Consumer:
    """A consumer of committed messages that never commits by itself and never jumps to another offset.

    A missing or expired offset is an error for the caller to see. `overrides` are librdkafka properties, `_` for
    `.`. Raises ConfigurationError for settings that librdkafka refuses.
    """
    config = {
        **_common(settings),
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 2_000,
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 100,
        "fetch.queue.backoff.ms": 10,  # a full queue is empty long before librdkafka's second is over
        **settings.kafka,
        "group.id": group_id,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "partition.assignment.strategy": "cooperative-sticky",
        **_dotted(overrides),
    }
    return _made(lambda: _Consumer(config), settings)


def producer(settings: Settings, **overrides: Any) -> Producer:
    """A producer that is acknowledged by all replicas, without duplicates, with the Java client's partitions.

    `overrides` are librdkafka properties with `_` for `.`. Raises ConfigurationError for settings that librdkafka refuses.
    """
    config = {
        **_common(settings),
        "linger.ms": 2,
        "compression.type": "lz4",
        "delivery.timeout.ms": 60_000,
        "queue.buffering.max.kbytes": 64 * 1024,
        **settings.kafka,
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "message.max.bytes": MAX_MESSAGE_BYTES,
        **_dotted(overrides),
    }
    return _made(lambda: _Producer(config), settings)


def admin(settings: Settings) -> AdminClient:
    """An administration client. Raises ConfigurationError for settings that librdkafka refuses."""
    return _made(lambda: _Admin({**_common(settings), **settings.kafka}), settings)


def why(client: Consumer | Producer | AdminClient, problem: KafkaException | KafkaError | TimeoutError) -> str:
    """What went wrong in a call, and what to do where the broker refuses who asks: the call itself only times out.

    A consumer is not to be used after this: a message may be gone.
    """
    error = problem.args[0] if isinstance(problem, KafkaException) else problem
    refused = error if isinstance(error, KafkaError) and _is_refusal(error) else _refusal(client)
    if refused is not None:
        remedy = _CHECK_USER if refused.code() == KafkaError._AUTHENTICATION else _CHECK_CERTIFICATES
        return f"{_WHERE.sub('', refused.str())}: {remedy}"
    return error.str() if isinstance(error, KafkaError) else str(error) or "no answer in time"


def _is_refusal(error: KafkaError) -> bool:
    is_tls = error.code() == KafkaError._SSL or (error.code() == KafkaError._TRANSPORT and "SSL" in error.str())
    return is_tls or error.code() == KafkaError._AUTHENTICATION


def _refusal(client: Consumer | Producer | AdminClient) -> KafkaError | None:
    """What the client was told; the producer is polled by a thread of its own, and perhaps right now."""
    if isinstance(client, _Consumer | _Admin):
        client.poll(0)
    return client.refusals.last if isinstance(client, _Consumer | _Admin | _Producer) else None


def _common(settings: Settings) -> dict[str, Any]:
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": "tabstream",
        # A restarted broker is found again within a second, not ten.
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        "log.connection.close": False,
    }


def _made(make: Callable[[], _T], settings: Settings) -> _T:
    try:
        return make()
    except KafkaException as problem:
        text = problem.args[0].str()
        for name, value in settings.kafka.items():
            if value and _SECRET.search(name):
                text = text.replace(value, "***")
        raise ConfigurationError(f"a setting TABSTREAM_KAFKA__* is wrong: {text}") from None


def _dotted(overrides: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "."): value for name, value in overrides.items()}
