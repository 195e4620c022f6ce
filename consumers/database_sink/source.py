"""The edits topic: which partitions are this instance's, where each begins, and what arrives.

Where a partition begins is the database's to say, never the consumer group's: a group that is reset changes nothing.
Kafka's own offsets are committed for lag monitors, and tell of edits that a database lost when it was set back.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition

from tabstream import metrics
from tabstream.config import Settings
from tabstream.errors import Outage
from tabstream.kafka import clients
from tabstream.kafka.topics import EDITS
from tabstream.postgres.progress import Partition

_log = structlog.get_logger(__name__)

GROUP = "tabstream.database-sink"
MOST_MESSAGES = 1000
_ADMIN_SECONDS = 5.0


class KafkaUnavailable(Outage):
    """The broker can't be reached, or the topic is not there yet."""


class Desk(Protocol):
    """Who takes charge of partitions."""

    def begin(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Takes charge of partitions; returns where each begins. May wait long; raises Stopped where it gives up."""

    def drop(self, partitions: Sequence[Partition]) -> None:
        """Another instance has these partitions now."""


class Source:
    """The consumer of the edits topic. `topic_id` gives the topic's id. Not thread-safe.

    `set_back` is True where Kafka was told that some instance was beyond the database's progress on a partition that is taken
    over, or does not say; whoever deals with it, and asks again, clears it.
    """

    def __init__(self, settings: Settings, desk: Desk, topic_id: Callable[[], str]) -> None:
        self._consumer: Consumer = clients.consumer(
            settings,
            GROUP,
            session_timeout_ms=clients.QUICK_SESSION_MS,
            heartbeat_interval_ms=clients.QUICK_HEARTBEAT_MS,
        )
        self._desk = desk
        self._topic_id = topic_id
        self._id = ""
        self._begins: dict[int, int] = {}
        self.joined = False
        self.set_back = False

    def open(self) -> None:
        """Joins the group."""
        self._consumer.subscribe([EDITS], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke)

    def poll(self, timeout_seconds: float) -> list[Message]:
        """What has arrived, at once if there is anything, in the order of each partition."""
        first = self._consumer.poll(timeout_seconds)
        if first is None:
            return []
        rest = self._consumer.consume(MOST_MESSAGES - 1, 0)
        return [message for message in (first, *rest) if self._is_edit(message)]

    def position(self, message: Message) -> tuple[str, int, int]:
        """Topic id, partition and offset of a message."""
        return self._id, _partition(message), _offset(message)

    def restart(self) -> None:
        """Reads on from where the database says, on all partitions."""
        partitions = [p.partition for p in self._consumer.assignment()]
        for start in self._starts(partitions) if partitions else ():
            self._consumer.seek(start)

    def commit(self, ends: Mapping[Partition, int]) -> None:
        """Tells Kafka how far the database is, for those who watch the group. What is read never depends on it."""
        offsets = [TopicPartition(EDITS, partition, end) for (_, partition), end in ends.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as problem:
            _log.debug("offsets not committed", problem=str(problem))
        for (_, partition), end in ends.items():
            self._show_lag(partition, end)

    def show_lag(self, ends: Mapping[Partition, int]) -> int:
        """Sets the lag of each partition, and returns the sum."""
        return sum(self._show_lag(partition, end) for (_, partition), end in ends.items())

    def close(self) -> None:
        """Leaves the group."""
        self._consumer.close()

    def _show_lag(self, partition: int, end: int) -> int:
        try:
            _, high = self._consumer.get_watermark_offsets(TopicPartition(EDITS, partition), cached=True)
        except KafkaException:
            return 0
        lag = max(0, int(high) - end)
        metrics.CONSUMER_LAG.labels(GROUP, EDITS, str(partition)).set(lag)
        return lag

    def _is_edit(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return _offset(message) >= self._begins.get(_partition(message), 0)
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            self._begin_again(_partition(message))
        elif error.code() not in {KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}:
            _log.warning("kafka reports an error", problem=error.str())
        return False

    def _begin_again(self, partition: int) -> None:
        """The offset is not there: the topic was made again, or its retention has passed what was not read yet."""
        before = self._id
        start = next(iter(self._starts([partition])))
        if self._id == before:
            _log.error(
                "edits were deleted from the topic before they were read; sweeps will report them again",
                partition=partition,
                offset=start.offset,
                remedy="lengthen retention.ms of tabstream.edits",
            )
            start = TopicPartition(EDITS, partition, OFFSET_BEGINNING)
            self._begins[partition] = 0
        self._consumer.seek(start)

    def _starts(self, partitions: Sequence[int]) -> list[TopicPartition]:
        self._id = self._topic_id()
        begins = self._desk.begin([(self._id, partition) for partition in partitions])
        self._begins.update({partition: offset for (_, partition), offset in begins.items()})
        return [TopicPartition(EDITS, partition, offset) for (_, partition), offset in begins.items()]

    def _is_behind(self, starts: Sequence[TopicPartition]) -> bool:
        asked = [TopicPartition(EDITS, start.partition) for start in starts]
        try:
            reached = {at.partition: at.offset for at in self._consumer.committed(asked, timeout=_ADMIN_SECONDS)}
        except KafkaException as problem:
            _log.warning("it is not known how far other instances were", problem=str(problem))
            return True
        return any(start.offset < reached.get(start.partition, 0) for start in starts)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.joined = True
        if partitions:
            starts = self._starts([p.partition for p in partitions])
            self.set_back |= self._is_behind(starts)
            consumer.incremental_assign(starts)
            _log.info("partitions assigned", partitions=[p.partition for p in partitions])

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._desk.drop([(self._id, p.partition) for p in partitions])
        consumer.incremental_unassign(partitions)
        for partition in partitions:
            self._begins.pop(partition.partition, None)


def _partition(message: Message) -> int:
    return int(message.partition() or 0)


def _offset(message: Message) -> int:
    return int(message.offset() or 0)


def topic_id_of(settings: Settings) -> str:
    """The id of the edits topic; raises KafkaUnavailable."""
    admin: Any = clients.admin(settings)
    try:
        described = admin.describe_topics(TopicCollection([EDITS]), request_timeout=_ADMIN_SECONDS)
        return str(described[EDITS].result(_ADMIN_SECONDS * 2).topic_id)
    except (KafkaException, TimeoutError) as problem:
        raise KafkaUnavailable(f"kafka does not tell the id of topic {EDITS}: {clients.why(admin, problem)}") from problem
