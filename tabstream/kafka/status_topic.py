"""The newest status of every binding, out of the topic that their owners write."""

import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tabstream.config import Settings
from tabstream.errors import Outage, Poison
from tabstream.kafka import clients, own_schemas
from tabstream.kafka.messages import Status, status_from_record
from tabstream.kafka.topics import STATUS

if TYPE_CHECKING:
    from tabstream.kafka.avro import Decoder

_BATCH = 1_000


class BrokerSilent(Outage):
    """Kafka gave no answer in time."""

    remedy = "start Kafka, or correct TABSTREAM_BOOTSTRAP_SERVERS"


def read_newest(settings: Settings, seconds: float) -> dict[str, bytes]:
    """The newest raw status by binding; empty while the topic does not exist. Raises BrokerSilent after `seconds`."""
    deadline = time.monotonic() + seconds
    consumer = clients.consumer(settings, "tabstream.status-reader", enable_partition_eof=True, auto_offset_reset="earliest")
    try:
        topic = consumer.list_topics(STATUS, timeout=seconds).topics[STATUS]
        if topic.error is not None or not topic.partitions:
            return {}
        consumer.assign([TopicPartition(STATUS, number, 0) for number in topic.partitions])
        return _to_the_end(consumer, set(topic.partitions), deadline)
    except KafkaException as error:
        raise BrokerSilent(f"kafka at {settings.bootstrap_servers} gives no answer: {clients.why(consumer, error)}") from error
    finally:
        consumer.close()


def decode(raw: dict[str, bytes], decoder: "Decoder") -> tuple[list[Status], dict[str, str]]:
    """The statuses, and for each binding whose status can't be read the reason; raises RegistryUnavailable."""
    statuses, unreadable = [], {}
    for binding, value in raw.items():
        try:
            statuses.append(status_from_record(decoder.decode(value)))
        except (Poison, TypeError, KeyError, ValueError) as error:
            unreadable[binding] = str(error)
    return statuses, unreadable


def status_decoder(settings: Settings) -> "Decoder":
    """A decoder into the status that this version knows."""
    from tabstream.kafka.avro import Decoder

    return Decoder(settings.registry, own_schemas.load("status"))


def _to_the_end(consumer: Consumer, partitions: set[int], deadline: float) -> dict[str, bytes]:
    newest: dict[str, bytes] = {}
    open_partitions = set(partitions)
    while open_partitions:
        left = deadline - time.monotonic()
        if left <= 0:
            raise BrokerSilent(f"the topic {STATUS} could not be read to its end in time")
        for message in _arrived(consumer, min(left, 0.1)):
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                open_partitions.discard(message.partition())
            elif error is not None:
                raise BrokerSilent(f"the topic {STATUS} can't be read: {error.str()}")
            else:
                _fold(newest, message.key(), message.value())
    return newest


def _arrived(consumer: Consumer, timeout_seconds: float) -> list[Message]:
    # `consume` waits until it has as many as it may take: the first message must not wait for others.
    first = consumer.poll(timeout_seconds)
    return [] if first is None else [first, *consumer.consume(_BATCH, 0)]


def _fold(newest: dict[str, bytes], key: bytes | None, value: bytes | None) -> None:
    binding = (key or b"").decode("utf-8", "replace")
    if value is None:
        newest.pop(binding, None)
    else:
        newest[binding] = value
