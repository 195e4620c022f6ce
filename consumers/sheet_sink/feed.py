"""The feed of one bound tab: reads its table's topic and the edit results into an inbox, in a thread of its own.

The table's topic is read from its beginning, so that the owner knows every key; what stands at or below the watermark
is only folded. Partitions are assigned, not subscribed to: the watermark in the sheet says where to begin. The group id
is there for lag monitors.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin import ConfigResource as _ConfigResource  # type: ignore[attr-defined]
from confluent_kafka.admin import OffsetSpec as _OffsetSpec  # type: ignore[attr-defined]

from consumers.sheet_sink.inbox import Inbox, RawMessage, RawResult
from tabstream.config import Settings
from tabstream.core.watermark import Watermark
from tabstream.errors import BindingProblem, Outage
from tabstream.kafka import clients
from tabstream.kafka.wire import framed

_log = structlog.get_logger()
_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.1
_BATCH = 5_000
_NEWEST = 20
_LOOKED_AT = 8
_NEW_KEY, _OLD_KEY = "__debezium.newkey", "__debezium.oldkey"
_RESULTS_PARTITION = 0
# https://kafka.apache.org/documentation/#topicconfigs_delete.retention.ms: what holds where nothing else is known
_KAFKAS_TOMBSTONES_MS = 86_400_000
_TOMBSTONES = "delete.retention.ms"


class TopicsUnreachable(Outage):
    """The broker does not answer."""


@dataclass(frozen=True, slots=True)
class Topics:
    """A binding's topics as they are: ids, the table topic's partitions and how long it keeps tombstones, the bounds of the
    results."""

    table: str
    table_id: str
    partitions: int
    results: str
    results_id: str
    results_start: int
    results_end: int
    keep_tombstones_ms: int = _KAFKAS_TOMBSTONES_MS


def describe(admin: AdminClient, table: str, results: str) -> Topics:
    """Looks the topics up. A topic that is not there yet has no partitions. Raises TopicsUnreachable, or BindingProblem for
    topics that can't be used as they are set up."""
    try:
        ids = {}
        counts = {}
        for name, future in admin.describe_topics(TopicCollection([table, results])).items():
            try:
                found = future.result(_TIMEOUT_SECONDS)
                ids[name], counts[name] = str(found.topic_id), len(found.partitions)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
                ids[name], counts[name] = "", 0
        first, end = 0, 0
        if counts[results]:
            earliest = _OffsetSpec.earliest()  # type: ignore[no-untyped-call]
            first, end = _bound(admin, results, earliest), results_end(admin, results)
    except (KafkaException, TimeoutError) as error:
        raise TopicsUnreachable(f"kafka does not answer: {clients.why(admin, error)}") from error
    if counts[results] > 1:
        raise BindingProblem(
            f"topic {results!r} has {counts[results]} partitions, and results need the order of one",
            "delete it, run: tabstream connectors apply --no-connector, and restart the connector",
        )
    kept = _keeps_tombstones_ms(admin, table) if counts[table] else _KAFKAS_TOMBSTONES_MS
    return Topics(table, ids[table], counts[table], results, ids[results], first, end, kept)


def _keeps_tombstones_ms(admin: AdminClient, topic: str) -> int:
    """The topic's own setting; Kafka's default where we may not ask. Raises BindingProblem where rows are deleted by age."""
    resource = _ConfigResource(_ConfigResource.Type.TOPIC, topic)
    try:
        found = admin.describe_configs([resource])[resource].result(_TIMEOUT_SECONDS)
    except (KafkaException, TimeoutError) as problem:
        _log.warning("the topic's settings can't be read", topic=topic, problem=str(problem))
        return _KAFKAS_TOMBSTONES_MS
    if "compact" not in found["cleanup.policy"].value and int(found["retention.ms"].value) >= 0:
        raise BindingProblem(
            f"topic {topic!r} forgets rows that have not changed for a while (cleanup.policy=delete)",
            "set cleanup.policy=compact, or retention.ms=-1, and have the table snapshotted anew",
        )
    return int(found[_TOMBSTONES].value)


def results_end(admin: AdminClient, results: str) -> int:
    """The end of the results' partition, open transactions included. Raises TopicsUnreachable."""
    try:
        return _bound(admin, results, _OffsetSpec.latest())  # type: ignore[no-untyped-call]
    except (KafkaException, TimeoutError) as error:
        raise TopicsUnreachable(f"kafka does not answer: {clients.why(admin, error)}") from error


def _bound(admin: AdminClient, results: str, spec: _OffsetSpec) -> int:
    partition = TopicPartition(results, _RESULTS_PARTITION)
    futures = admin.list_offsets({partition: spec}, isolation_level=IsolationLevel.READ_UNCOMMITTED)
    return int(futures[partition].result(_TIMEOUT_SECONDS).offset)


class Feed:
    """Runs from `start` until `close`. `begin` is the watermark, or None to show everything."""

    def __init__(self, settings: Settings, topics: Topics, begin: Watermark | None, inbox: Inbox, group: str) -> None:
        self._topics = topics
        self._inbox = inbox
        self._shown = dict(begin.table.offsets) if begin is not None else {}
        self._results_from = topics.results_end if begin is None else begin.results.offsets.get(0, -1) + 1
        self._stop = threading.Event()
        self._to_commit: list[TopicPartition] = []
        self._open = {(topics.table, p) for p in range(topics.partitions)} | {(topics.results, _RESULTS_PARTITION)}
        self._consumer: Consumer = clients.consumer(settings, group, enable_partition_eof=True)
        self._thread = threading.Thread(target=self._guarded, name=f"feed-{group}", daemon=True)

    def start(self) -> None:
        """Begins to read."""
        partitions = [TopicPartition(topic, partition, self._first(topic)) for topic, partition in sorted(self._open)]
        self._consumer.assign(partitions)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, if it was started, and the consumer."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._consumer.close()

    def commit(self, offsets: dict[int, int]) -> None:
        """Has the feed's thread commit how far the tab shows the topic, for lag monitors alone; never waits."""
        self._to_commit = [TopicPartition(self._topics.table, p, offset + 1) for p, offset in offsets.items() if offset >= 0]

    def _first(self, topic: str) -> int:
        return OFFSET_BEGINNING if topic == self._topics.table else self._results_from

    def _guarded(self) -> None:
        try:
            while not self._stop.is_set():
                for message in _arrived(self._consumer, _POLL_SECONDS):
                    self._accept(message)
                self._commit()
        except Exception as problem:
            _log.warning("feed ended", topic=self._topics.table, problem=str(problem))
            self._inbox.fail(problem)

    def _commit(self) -> None:
        positions, self._to_commit = self._to_commit, []
        if positions:
            self._consumer.commit(offsets=positions, asynchronous=True)

    def _accept(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            self._accept_event(message, error)
        elif message.topic() == self._topics.results:
            value = framed(_bytes(message.value()), _headers(message), "value")
            if value is not None:
                self._inbox.result(RawResult(value, _offset(message)))
        elif message.key() is None:
            _log.error("message without a key", topic=message.topic(), offset=message.offset())
        else:
            raw = _raw(message)
            if raw.offset <= self._shown.get(raw.partition, -1):
                self._inbox.fold(raw)
            else:
                self._inbox.change(raw, self._stop)

    def _accept_event(self, message: Message, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            where = (str(message.topic()), message.partition() or 0)
            if message.topic() == self._topics.results:
                self._inbox.end_of_results(_offset(message))
            else:
                self._inbox.end_of_partition(message.partition() or 0, _offset(message))
            self._open.discard(where)
            if not self._open:
                self._inbox.caught_up()
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise BindingProblem(f"{message.topic()} no longer has the offset to go on from", "a full plan follows")
        elif error.fatal():
            raise KafkaException(error)
        else:
            _log.warning("kafka reports", problem=error.str())


def fetch(make_consumer: Callable[[], Consumer], topic: str, wanted: dict[tuple[int, int], None]) -> list[RawMessage]:
    """The messages at the wanted (partition, offset); one that compaction has taken away is left out.

    Raises TopicsUnreachable if the broker does not answer in time, BindingProblem if the topic is another one now.
    """
    found: list[RawMessage] = []
    consumer = make_consumer()
    try:
        for partition in sorted({p for p, _ in wanted}):
            offsets = sorted(o for p, o in wanted if p == partition)
            found.extend(_fetch_partition(consumer, topic, partition, offsets))
    finally:
        consumer.close()
    return found


def newest(make_consumer: Callable[[], Consumer], topics: Topics) -> list[RawMessage]:
    """The newest messages of some partitions of the table's topic; none where it is empty. Raises TopicsUnreachable."""
    consumer = make_consumer()
    found: list[RawMessage] = []
    try:
        asked = [TopicPartition(topics.table, partition) for partition in range(min(topics.partitions, _LOOKED_AT))]
        bounds = {p.partition: consumer.get_watermark_offsets(p, timeout=_TIMEOUT_SECONDS) for p in asked}
        still_open = {partition for partition, (low, high) in bounds.items() if low < high}
        begins = [TopicPartition(topics.table, p, max(bounds[p][0], bounds[p][1] - _NEWEST)) for p in still_open]
        consumer.assign(begins)
        while still_open:
            messages = _arrived(consumer, _TIMEOUT_SECONDS)
            if not messages:
                raise TopicsUnreachable(f"{topics.table!r} could not be read")
            for message in messages:
                error = message.error()
                if error is None:
                    found.append(_raw(message))
                elif error.code() == KafkaError._PARTITION_EOF:
                    still_open.discard(message.partition() or 0)
                else:
                    raise TopicsUnreachable(f"{topics.table!r} could not be read: {error.str()}")
    except KafkaException as problem:
        raise TopicsUnreachable(f"kafka does not answer: {clients.why(consumer, problem)}") from problem
    finally:
        consumer.close()
    return found


def _fetch_partition(consumer: Consumer, topic: str, partition: int, offsets: list[int]) -> list[RawMessage]:
    found: list[RawMessage] = []
    left = iter(offsets)
    wanted = next(left, None)
    at: int | None = None  # where the consumer stands; nowhere before the first assignment
    while wanted is not None:
        if at is None or not at <= wanted <= at + 5_000:
            consumer.assign([TopicPartition(topic, partition, wanted)])
        messages = _arrived(consumer, _TIMEOUT_SECONDS)
        if not messages:
            raise TopicsUnreachable(f"{topic!r} could not be read at offset {wanted}")
        for message in messages:
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    return found
                if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                    raise BindingProblem(f"{topic} no longer has offset {wanted}", "none: the tab is opened again")
                raise TopicsUnreachable(f"{topic!r} could not be read: {error.str()}")
            raw = _raw(message)
            at = raw.offset + 1
            while wanted is not None and wanted < raw.offset:
                wanted = next(left, None)
            if wanted == raw.offset:
                found.append(raw)
                wanted = next(left, None)
    return found


def _arrived(consumer: Consumer, timeout_seconds: float) -> list[Message]:
    # `consume` waits until it has as many as it may take: the first message must not wait for others.
    first = consumer.poll(timeout_seconds)
    return [] if first is None else [first, *consumer.consume(_BATCH, 0)]


def _raw(message: Message) -> RawMessage:
    headers = _headers(message)
    key, value = framed(_bytes(message.key()), headers, "key"), framed(_bytes(message.value()), headers, "value")
    return RawMessage(key or b"", value, message.partition() or 0, _offset(message), _renamed(headers))


def _headers(message: Message) -> list[tuple[str, bytes]]:
    return [(str(header[0]), header[1]) for header in message.headers() or () if isinstance(header[1], bytes)]


def _renamed(headers: list[tuple[str, bytes]]) -> tuple[bytes, bool] | None:
    """https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-primary-key-updates"""
    return next(((value, name == _NEW_KEY) for name, value in headers if name in (_NEW_KEY, _OLD_KEY)), None)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _offset(message: Message) -> int:
    offset = message.offset()
    return -1 if offset is None else offset
