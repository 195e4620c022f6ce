"""Who owns which spreadsheet: Kafka's own group protocol says so.

All instances subscribe to the topic of signals. Who holds a partition owns the spreadsheets that hash to it, and gets just
their signals. A signal's offset is committed once the owner has it.
"""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import Future
from contextlib import suppress

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.sheet_sink.owner import Owner
from consumers.sheet_sink.services import Services
from tabstream import metrics
from tabstream.bindings_watch import WatchedBindings
from tabstream.core.binding import Binding, Bindings
from tabstream.errors import Outage, Poison, TabstreamError
from tabstream.kafka import clients
from tabstream.kafka.messages import signal_from_record
from tabstream.kafka.partitions import partition_for
from tabstream.kafka.topics import SIGNALS

_log = structlog.get_logger()
GROUP = "tabstream.sheet-sink"
_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.1
_ASK_SECONDS = 0.5
_AGAIN_SECONDS = 1.0


class OwnerEnded(TabstreamError):
    """An owner's thread has died: the process ends and is started again."""


def _nothing(_: float) -> None:
    """Nobody wants to know."""


class Ownership:
    """Subscribes to signals, and runs an owner's thread for each spreadsheet of this instance. `outage` says what a signal
    waits for."""

    def __init__(self, bindings: WatchedBindings, services: Services) -> None:
        self._services = services
        self._bindings = bindings
        self._bound = bindings.current
        self._by_spreadsheet = _by_spreadsheet(self._bound)
        self.outage: str | None = None
        self._rebalanced: Callable[[float], None] = _nothing
        self._partitions = 0
        self._assignment: set[int] = set()
        self._owners: dict[str, tuple[Owner, threading.Thread]] = {}
        self._lock = threading.Lock()
        self._questions: queue.SimpleQueue[Future[bool]] = queue.SimpleQueue()
        self._consumer: Consumer = clients.consumer(
            services.settings,
            GROUP,
            session_timeout_ms=clients.QUICK_SESSION_MS,
            heartbeat_interval_ms=clients.QUICK_HEARTBEAT_MS,
            auto_offset_reset="latest",
        )

    @property
    def owners(self) -> Mapping[str, Owner]:
        """The running owners by spreadsheet id."""
        with self._lock:
            return {spreadsheet: owner for spreadsheet, (owner, _) in self._owners.items()}

    @property
    def part(self) -> float:
        """How much of the work is this instance's, from 0 to 1: its partitions, whether spreadsheets hash to them or not."""
        return len(self._assignment) / self._partitions if self._partitions else 0.0

    def run(self, stop: threading.Event, ticked: Callable[[], None], rebalanced: Callable[[float], None]) -> None:
        """Blocks until `stop` is set; `ticked` is called several times a second, `rebalanced` with the new part before an
        owner begins and after it has ended."""
        self._rebalanced = rebalanced
        self._consumer.subscribe([SIGNALS], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        try:
            while not stop.is_set():
                message = self._consumer.poll(_POLL_SECONDS)
                self._answer_questions()
                self._take_up_bindings()
                if message is not None:
                    self._accept(message, stop)
                self._check_threads()
                ticked()
        finally:
            for spreadsheet in list(self.owners):
                self._end(spreadsheet)
            self._consumer.close()

    def _take_up_bindings(self) -> None:
        if self._bindings.current is self._bound:
            return
        self._bound = self._bindings.current
        self._by_spreadsheet = _by_spreadsheet(self._bound)
        for spreadsheet, owner in self.owners.items():
            if spreadsheet in self._by_spreadsheet:
                owner.rebind(self._by_spreadsheet[spreadsheet])
            else:
                self._end(spreadsheet)
        self._begin_those_in(self._assignment)

    def _check_threads(self) -> None:
        for spreadsheet, (owner, thread) in list(self._owners.items()):
            if not thread.is_alive() and not owner.stop.is_set():
                raise OwnerEnded(f"the owner of {spreadsheet!r} has ended with an error")

    def _assigned(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        if not self._partitions:
            self._partitions = len(consumer.list_topics(SIGNALS, timeout=_TIMEOUT_SECONDS).topics[SIGNALS].partitions)
        consumer.incremental_assign(list(partitions))
        self._assignment |= {p.partition for p in partitions}
        self._rebalanced(self.part)
        self._begin_those_in({p.partition for p in partitions})

    def _revoked(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        gone = {p.partition for p in partitions}
        for spreadsheet in list(self.owners):
            if partition_for(spreadsheet.encode(), self._partitions) in gone:
                self._end(spreadsheet)
        self._assignment -= gone
        self._rebalanced(self.part)

    def _begin_those_in(self, partitions: Set[int]) -> None:
        owned = self.owners
        for spreadsheet, bindings in self._by_spreadsheet.items():
            if spreadsheet not in owned and partition_for(spreadsheet.encode(), self._partitions) in partitions:
                self._begin(spreadsheet, bindings)

    def _begin(self, spreadsheet: str, bindings: Sequence[Binding]) -> None:
        owner = Owner(spreadsheet, bindings, self._services, self._still_owner)
        thread = threading.Thread(target=owner.run, name=f"owner-{spreadsheet}", daemon=True)
        with self._lock:
            self._owners[spreadsheet] = (owner, thread)
        metrics.OWNED.labels(spreadsheet).set(1)
        _log.info("owns", spreadsheet_id=spreadsheet, bindings=[b.name for b in bindings])
        thread.start()

    def _end(self, spreadsheet: str) -> None:
        with self._lock:
            owner, thread = self._owners.pop(spreadsheet)
        owner.stop.set()
        owner.wake.set()
        thread.join()
        metrics.OWNED.labels(spreadsheet).set(0)
        _log.info("owns no longer", spreadsheet_id=spreadsheet)

    def _still_owner(self, stop: threading.Event) -> bool:
        """Asks the group, from an owner's thread; False once `stop` is set."""
        asked: Future[bool] = Future()
        self._questions.put(asked)
        while not stop.is_set():
            try:
                return asked.result(_ASK_SECONDS)
            except TimeoutError:
                continue
        return False

    def _answer_questions(self) -> None:
        # A consumer is asked by the thread that polls it: a call from another one would wait for the poll's lock.
        while not self._questions.empty():
            self._questions.get().set_result(self._is_member())

    def _is_member(self) -> bool:
        """A commit of a member that was put out of its group is refused."""
        try:
            committed = self._consumer.committed(self._consumer.assignment(), timeout=_TIMEOUT_SECONDS)
            if committed:
                self._consumer.commit(offsets=[self._committable(p) for p in committed], asynchronous=False)
        except KafkaException as problem:
            gone = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.FENCED_INSTANCE_ID)
            return problem.args[0].code() not in gone
        return True

    def _committable(self, committed: TopicPartition) -> TopicPartition:
        offset = committed.offset
        if offset < 0:
            _, offset = self._consumer.get_watermark_offsets(committed, timeout=_TIMEOUT_SECONDS)
        return TopicPartition(committed.topic, committed.partition, offset)

    def _accept(self, message: Message, stop: threading.Event) -> None:
        error = message.error()
        if error is not None:
            _log.warning("kafka reports", problem=error.str())
            return
        value = message.value()
        try:
            signal = signal_from_record(self._services.events.decode(value if isinstance(value, bytes) else b""))
        except Outage as problem:
            self.outage = str(problem)
            metrics.OUTAGES.labels("registry").inc()
            _log.warning("waiting", problem=self.outage)
            self._again(message)
            stop.wait(_AGAIN_SECONDS)
            return
        except (Poison, KeyError, TypeError, ValueError) as problem:
            metrics.DEAD_LETTERS.labels(SIGNALS).inc()
            self._services.publisher.dead_letter(message, f"undecodable signal: {problem}")
        else:
            owner = self.owners.get(signal.spreadsheet_id)
            if owner is not None:
                owner.signal(signal)
        self.outage = None
        self._consumer.commit(message=message, asynchronous=True)
        self._show_lag(message.partition() or 0, (message.offset() or 0) + 1)

    def _show_lag(self, partition: int, following: int) -> None:
        with suppress(KafkaException):
            _, high = self._consumer.get_watermark_offsets(TopicPartition(SIGNALS, partition), cached=True)
            metrics.CONSUMER_LAG.labels(GROUP, SIGNALS, str(partition)).set(max(0, int(high) - following))

    def _again(self, message: Message) -> None:
        """Has the message received once more, by the partition's next owner if it has gone meanwhile."""
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if topic is not None and partition is not None and offset is not None:
            with suppress(KafkaException):
                self._consumer.seek(TopicPartition(topic, partition, offset))


def _by_spreadsheet(bindings: Bindings) -> dict[str, list[Binding]]:
    found: dict[str, list[Binding]] = {}
    for binding in bindings.bindings:
        found.setdefault(binding.spreadsheet_id, []).append(binding)
    return found
