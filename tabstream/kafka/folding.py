"""A topic folded by key: of each key the newest message, undecoded, as compaction would leave it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from tabstream.config import Settings
from tabstream.core.past import Raw
from tabstream.core.places import Bounds
from tabstream.kafka import clients
from tabstream.kafka.reader import BrokerAway, TopicReader
from tabstream.kafka.wire import framed

_BATCH = 2_000
_POLL_SECONDS = 0.5
_QUEUED_KILOBYTES = 4 * 1024
_LOST = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT}


@dataclass(slots=True)
class Fold:
    """The newest message of each key, by the key's bytes, and per partition the next offset to read."""

    newest: dict[bytes, Raw] = field(default_factory=dict)
    following: dict[int, int] = field(default_factory=dict)
    messages: int = 0

    def take(self, messages: list[Message]) -> None:
        """Takes messages in the order of their partitions; those without a key are left out."""
        newest, following = self.newest, self.following
        for message in messages:
            key, partition, offset = message.key(), message.partition(), message.offset() or 0
            following[partition or 0] = offset + 1
            if key is not None:
                value = message.value()
                if headers := message.headers():
                    pairs = headers.items() if isinstance(headers, dict) else headers
                    key, value = framed(key, pairs, "key") or b"", framed(value, pairs, "value")
                newest[key] = (value, partition or 0, offset)
        self.messages += len(messages)


class Folder:
    """Reads a topic from its beginning to its end, and on to its end again at each call. Commits nothing.

    Every call raises BrokerAway after `seconds` without an answer, OperatorError where there is no such topic.
    """

    def __init__(self, settings: Settings, topic: str, seconds: float = 15.0) -> None:
        self._settings = settings
        self._topic = topic
        self._seconds = seconds
        self.fold = Fold()

    def advance(self, count: Callable[[int, int], None]) -> Fold:
        """Reads on to the end as it is met. `count` is told how many offsets of how many were passed."""
        with TopicReader(self._settings, self._seconds) as reader:
            bounds = reader.bounds(self._topic)
        self.fold.following = {p: max(has.first, self.fold.following.get(p, 0)) for p, has in bounds.items()}
        begins = dict(self.fold.following)
        consumer = clients.consumer(
            self._settings, "tabstream.fold", enable_partition_eof=True, queued_max_messages_kbytes=_QUEUED_KILOBYTES
        )
        with closing(consumer):  # what it has fetched ahead would stay in memory
            consumer.assign([TopicPartition(self._topic, p, offset) for p, offset in begins.items()])
            for _ in self._until_ends(consumer, set(bounds)):
                count(*_progress(begins, self.fold.following, bounds))
        return self.fold

    def _until_ends(self, consumer: Consumer, still_open: set[int]) -> Iterator[None]:
        silent_seconds = 0.0
        while still_open:
            messages = _arrived(consumer)
            silent_seconds = 0.0 if messages else silent_seconds + _POLL_SECONDS
            if silent_seconds > self._seconds:
                raise BrokerAway(f"kafka at {self._settings.bootstrap_servers} gives no answer")
            events = [m for m in messages if m.error() is not None]
            self.fold.take([m for m in messages if m.error() is None] if events else messages)
            for message in events:
                self._take_event(message, still_open)
            yield

    def _take_event(self, message: Message, still_open: set[int]) -> None:
        error = message.error()
        if error is None or error.code() in _LOST:
            return  # it is waited for, and given up after a while
        if error.code() != KafkaError._PARTITION_EOF:
            raise BrokerAway(f"kafka refuses to read {self._topic}: {error.str()}")
        still_open.discard(message.partition() or 0)
        self.fold.following[message.partition() or 0] = message.offset() or 0


def _arrived(consumer: Consumer) -> list[Message]:
    # `consume` waits until it has as many as it may take: the end must not wait for that.
    first = consumer.poll(_POLL_SECONDS)
    return [] if first is None else [first, *consumer.consume(_BATCH, 0)]


def _progress(begins: Mapping[int, int], following: Mapping[int, int], bounds: Mapping[int, Bounds]) -> tuple[int, int]:
    done = sum(following[p] - begin for p, begin in begins.items())
    return done, max(done, sum(bounds[p].following - begin for p, begin in begins.items()))
