"""Kafka clients, set up so that nothing is lost, reordered or read before it is committed."""

import logging
from typing import Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from tabstream.config import Settings

# A row of many cells near Google's 50,000 characters; the topics allow as much.
MAX_MESSAGE_BYTES = 8 * 1024 * 1024

# An instance that was killed is missed within six seconds, the least that a broker allows by default, and the others hear of
# it with their next heartbeat.
QUICK_SESSION_MS = 6_000
QUICK_HEARTBEAT_MS = 1_000

# librdkafka's own log lines go to the process's log.
_log = logging.getLogger("librdkafka")


def consumer(settings: Settings, group_id: str, **overrides: Any) -> Consumer:
    """A consumer of committed messages that never commits by itself and never jumps to another offset.

    A missing or expired offset is an error for the caller to see. `overrides` are librdkafka properties, `_` for
    `.`.
    """
    config = {
        **_common(settings),
        "group.id": group_id,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 2_000,
        "fetch.wait.max.ms": 100,
        "fetch.error.backoff.ms": 100,
        **_dotted(overrides),
    }
    return Consumer(config, logger=_log)


def producer(settings: Settings, **overrides: Any) -> Producer:
    """A producer that is acknowledged by all replicas, without duplicates, with the Java client's partitions.

    `overrides` are librdkafka properties with `_` for `.`.
    """
    config = {
        **_common(settings),
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "linger.ms": 2,
        "compression.type": "lz4",
        "delivery.timeout.ms": 60_000,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "queue.buffering.max.kbytes": 64 * 1024,
        **_dotted(overrides),
    }
    return Producer(config, logger=_log)


def admin(settings: Settings) -> AdminClient:
    """An administration client."""
    return AdminClient(_common(settings), logger=_log)


def _common(settings: Settings) -> dict[str, Any]:
    return {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": "tabstream",
        # A restarted broker is found again within a second, not ten.
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        "log.connection.close": False,
        **settings.kafka,
    }


def _dotted(overrides: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "."): value for name, value in overrides.items()}
