"""Reading topics for an operator: from one place on, by nobody's group, and committing nothing."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from tabstream.config import Settings
from tabstream.core.places import Bounds
from tabstream.errors import OperatorError, Outage
from tabstream.kafka import clients
from tabstream.kafka.wire import framed

_POLL_SECONDS = 0.2
_BATCH = 2_000
_LOST = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT}
_T = TypeVar("_T")


class BrokerAway(Outage):
    """Kafka gives no answer in time."""

    remedy = "start Kafka, or correct TABSTREAM_BOOTSTRAP_SERVERS"


@dataclass(frozen=True, slots=True)
class Record:
    """A message as it is in the topic, undecoded; `at_ms` is its time stamp, in ms since 1970."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def header(self, name: str) -> str | None:
        """The text of the last header of this name, None if there is none."""
        found = [value for key, value in self.headers if key == name]
        return found[-1].decode("utf-8", "replace") if found else None

    def framed(self) -> "Record":
        """The same with the ids of its schemas in front of key and value, where its headers have them."""
        if not self.headers:
            return self
        key, value = framed(self.key, self.headers, "key"), framed(self.value, self.headers, "value")
        return replace(self, key=key, value=value)


class TopicReader:
    """A consumer that is told where to read. Every call raises BrokerAway after `seconds` without an answer."""

    def __init__(self, settings: Settings, seconds: float = 5.0) -> None:
        self._where = settings.bootstrap_servers
        self._seconds = seconds
        self._consumer = clients.consumer(settings, "tabstream.reader", enable_partition_eof=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None) -> None:
        self._consumer.close()

    def topics(self) -> Mapping[str, tuple[int, ...]]:
        """The partitions of every topic that is there."""
        # All topics are asked for: asking for one by name could create it.
        found = self._ask(lambda: self._consumer.list_topics(timeout=self._seconds)).topics
        return {name: tuple(sorted(about.partitions)) for name, about in found.items()}

    def bounds(self, topic: str) -> dict[int, Bounds]:
        """The offsets of each partition; raises OperatorError where there is no such topic."""
        topics = self.topics()
        if topic not in topics:
            raise OperatorError(f"there is no topic {topic!r}", f"there are: {', '.join(sorted(topics)) or 'none'}")
        return {partition: self._bounds(topic, partition) for partition in topics[topic]}

    def offsets_at(self, topic: str, ms: int, partitions: Iterable[int]) -> dict[int, int]:
        """The first offset of each partition at or after a time; those without any are left out."""
        asked = [TopicPartition(topic, partition, ms) for partition in partitions]
        found = self._ask(lambda: self._consumer.offsets_for_times(asked, timeout=self._seconds))
        return {at.partition: at.offset for at in found if at.offset >= 0}

    def read(self, topic: str, begins: Mapping[int, int], *, follow: bool = False) -> Iterator[Record]:
        """The records from these offsets to the ends as they are met, or for ever; older ones first, across partitions."""
        self._consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in begins.items()])
        return in_time_order(self._arrivals(set(begins), follow), begins)

    def _arrivals(self, still_open: set[int], follow: bool) -> Iterator[Record | int]:
        silent_seconds = 0.0
        while still_open or follow:
            # `consume` waits until it has as many as it may take: the first must not wait for others.
            first = self._consumer.poll(_POLL_SECONDS)
            if first is None:
                silent_seconds += _POLL_SECONDS
                if still_open and silent_seconds > self._seconds:
                    raise BrokerAway(f"kafka at {self._where} gives no answer")
                continue
            silent_seconds = 0.0
            for message in (first, *self._consumer.consume(_BATCH, 0)):
                error = message.error()
                if error is None:
                    yield _record(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    still_open.discard(message.partition() or 0)
                    yield message.partition() or 0
                elif error.code() in _LOST:
                    self.topics()  # raises if no broker is left
                else:
                    raise BrokerAway(f"kafka refuses to read {message.topic()}: {error.str()}")

    def _bounds(self, topic: str, partition: int) -> Bounds:
        asked = TopicPartition(topic, partition)
        found = self._ask(lambda: self._consumer.get_watermark_offsets(asked, timeout=self._seconds))
        return Bounds(*found)

    def _ask(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except KafkaException as problem:
            raise BrokerAway(f"kafka at {self._where} gives no answer: {clients.why(self._consumer, problem)}") from problem


def require_answer(settings: Settings) -> None:
    """Raises BrokerAway within a few seconds where Kafka gives no answer; other calls find that out much later."""
    with TopicReader(settings) as reader:
        reader.topics()


def in_time_order(arrivals: Iterable[Record | int], partitions: Iterable[int]) -> Iterator[Record]:
    """Records of several partitions by their time; a number says that this partition has come to its end."""
    waiting: dict[int, deque[Record]] = {partition: deque() for partition in partitions}
    ended: set[int] = set()
    for arrival in arrivals:
        if isinstance(arrival, int):
            ended.add(arrival)
        else:
            waiting[arrival.partition].append(arrival)
        while (ready := [records for records in waiting.values() if records]) and all(
            waiting[partition] or partition in ended for partition in waiting
        ):
            yield min(ready, key=lambda records: records[0].at_ms).popleft()


def _record(message: Message) -> Record:
    headers = tuple((str(header[0]), _bytes(header[1]) or b"") for header in message.headers() or ())
    at_ms = max(0, message.timestamp()[1])
    topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
    return Record(topic, partition, offset, at_ms, _bytes(message.key()), _bytes(message.value()), headers)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
