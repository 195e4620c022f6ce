"""Edits that are decided again, from some place of their topic on: for a database that was set back, or to see that nothing
would come of it.

They are decided as the sink decides them, in their order, and the registers make repeats harmless: sinks may run meanwhile. A
sink whose database was set back has them decided here too.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from time import sleep

import psycopg
from confluent_kafka import KafkaException, TopicPartition

from consumers.database_sink.arrivals import UNIT_EDITS, Arrival, Backlog, Unit, taken_up
from consumers.database_sink.housekeeping import KEPT_REGISTERS_SECONDS
from consumers.database_sink.intake import Intake
from consumers.database_sink.settling import Settler
from consumers.database_sink.source import GROUP, KafkaUnavailable
from consumers.database_sink.tables import Tables
from consumers.database_sink.transaction import LOCKED, Settled
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.binding import Bindings
from tabstream.core.places import Beginning, Moment, Place
from tabstream.core.replay import Decision, Edits, Span, counts, decisions, from_progress, refuse_forgotten, spans
from tabstream.errors import OperatorError, Poison
from tabstream.kafka import clients, own_schemas
from tabstream.kafka.avro import Decoder
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.reader import Record, TopicReader
from tabstream.kafka.topics import EDITS
from tabstream.postgres.connection import connect
from tabstream.postgres.progress import LostProgress, Partition, Position
from tabstream.postgres.statements import statement

# Any number will do, as long as every replay takes the same one.
_LOCK = 7_461_627_366
_RETRY_SECONDS = 10.0
_SETTLE_SECONDS = 3.0
_LOOK_SECONDS = 0.05
_KAFKA_SECONDS = 5.0
_REMEMBERED_DAYS = round(KEPT_REGISTERS_SECONDS / 86_400)
_NEVER = sys.maxsize


class ReplayUnderWay(OperatorError):
    """Another replay, or a sink that catches up, is at work in this database."""


class SetBackMeanwhile(OperatorError):
    """The database was set back while edits were decided again: what is there now lacks others."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """From a place to before another (None: to the end), the edits of one binding or of all. `verify` changes nothing."""

    begin: Place
    end: Place | None = None
    binding: str | None = None
    verify: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A decision that the database did not have. `dealt_with` is False where nobody had dealt with the edit at all."""

    partition: int
    offset: int
    at_ms: int
    dealt_with: bool
    decision: Decision


@dataclass(slots=True)
class Report:
    """What a replay has come to. `spans` are the offsets that were read; `waiting` gives for each reason how many edits could
    not be decided. `unreadable` are messages that are no edits of a binding in the file. `reached` is the database's progress
    that it has left."""

    spans: Mapping[int, Span]
    reached: Mapping[Partition, int] = field(default_factory=dict)
    edits: int = 0
    unreadable: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    found: list[Found] = field(default_factory=list)
    waiting: Counter[str] = field(default_factory=Counter)


def replay(
    settings: Settings,
    bindings: Bindings,
    wanted: Wanted,
    topic_id: Callable[[], str],
    clock: Clock,
    say: Callable[[int, int], None],
) -> Report:
    """Replays; `say` is told how many messages of how many are done. `topic_id` gives the topic's id.

    Raises Outage, and OperatorError for a place that isn't there, while another replay is under way, or where the database is
    set back meanwhile. What was decided until then is decided.
    """
    if wanted.binding is not None and bindings.named(wanted.binding) is None:
        known = ", ".join(b.name for b in bindings.bindings)
        raise OperatorError(f"there is no binding {wanted.binding!r} in the bindings file", f"choose one of: {known}")
    with _open(settings, bindings, wanted, clock, say) as one:
        edits = one.look(topic_id)
        if wanted.verify:
            return one.verify(edits)
        return one.apply(edits, spans(edits, wanted.begin, wanted.end), _dealt_with(settings, edits))


def catch_up(
    settings: Settings,
    bindings: Bindings,
    topic_id: Callable[[], str],
    clock: Clock,
    reached: Mapping[int, int],
    say: Callable[[int, int], None],
) -> Report:
    """Decides what the database has not dealt with, on all partitions, in the order of time: a sink's own partitions are read
    without the others, and a row's edits may be in another than the edit that has inserted it.

    `reached` gives for partitions how far the caller was once. What is not in the topic any more is passed over. Raises
    Outage, ReplayUnderWay, SetBackMeanwhile, and whatever `say` raises.
    """
    with _open(settings, bindings, Wanted(Beginning()), clock, say) as one:
        edits = one.look(topic_id)
        told = _dealt_with(settings, edits)
        nothing = {partition: Span(has.following, has.following) for partition, has in edits.bounds.items()}
        dealt_with = {partition: max(told.get(partition, 0), reached.get(partition, 0)) for partition in nothing}
        return one.apply(edits, nothing, dealt_with)


@contextmanager
def _open(
    settings: Settings, bindings: Bindings, wanted: Wanted, clock: Clock, say: Callable[[int, int], None]
) -> "Iterator[_Replay]":
    with ExitStack() as open_:
        open_.enter_context(_alone(settings.database_url))
        reader = open_.enter_context(TopicReader(settings))
        publisher = Publisher(settings)
        open_.callback(lambda: publisher.close(timeout_seconds=1))
        backlog = Backlog()
        settler = Settler(settings.database_url, Tables(bindings, clock), backlog, clock)
        open_.callback(settler.close)
        intake = Intake(bindings, Decoder(settings.registry, own_schemas.load("edit")), publisher)
        yield _Replay(wanted, reader, settler, intake, clock, say)


@dataclass(slots=True)
class _Replay:
    """One replay, from the look at the topic to the report."""

    wanted: Wanted
    reader: TopicReader
    settler: Settler
    intake: Intake
    clock: Clock
    say: Callable[[int, int], None]
    _topic_id: str = ""
    _progress: dict[int, int] = field(default_factory=dict)
    _dealt_with: Mapping[int, int] = field(default_factory=dict)
    _times: dict[Position, int] = field(default_factory=dict)
    _reasons: dict[Position, str] = field(default_factory=dict)
    _of_sinks: set[Position] = field(default_factory=set)
    _report: Report = field(default_factory=lambda: Report({}))

    def look(self, topic_id: Callable[[], str]) -> Edits:
        """The topic as it is now."""
        moments = [place for place in (self.wanted.begin, self.wanted.end) if isinstance(place, Moment)]
        bounds = self.reader.bounds(EDITS)
        self._topic_id = topic_id()
        return Edits(EDITS, bounds, {moment: self.reader.offsets_at(EDITS, moment.ms, bounds) for moment in moments})

    def apply(self, edits: Edits, found: Mapping[int, Span], dealt_with: Mapping[int, int]) -> Report:
        """Decides these spans for good, and what comes before where nobody has been: there it moves the progress.

        `dealt_with` is up to where edits were once dealt with.
        """
        self.settler.prepare()
        self._dealt_with = dealt_with
        self._begin(found)
        self._report.spans = from_progress(found, self._progress, edits, self.wanted.begin)
        self._run(self.settler.settle)
        self._retry()
        self._count_waiting()
        self._report.reached = self.settler.backlog.expected.copy()
        return self._report

    def verify(self, edits: Edits) -> Report:
        """Decides in a transaction that is rolled back."""
        self._report.spans = spans(edits, self.wanted.begin, self.wanted.end)
        self._wait_for_sinks(self._report.spans)
        with self.settler.rehearsal():
            self._begin(self._report.spans)
            self._run(self.settler.rehearse)
        self._count_waiting()
        return self._report

    def _begin(self, found: Mapping[int, Span]) -> None:
        partitions = [(self._topic_id, partition) for partition in found]
        self._progress = {partition: offset for (_, partition), offset in self.settler.begin(partitions).items()}
        self._of_sinks = set(self._parked())
        if self._moves_nothing:
            self.settler.backlog.expected = dict.fromkeys(partitions, _NEVER)

    @property
    def _moves_nothing(self) -> bool:
        return self.wanted.verify or self.wanted.binding is not None

    def _run(self, settle: Callable[[Unit], tuple[Settled | None, list[Unit]]]) -> None:
        found = self._report.spans
        total = sum(span.end - span.begin for span in found.values())
        done = 0
        records = self._records(found)
        while batch := list(islice(records, UNIT_EDITS)):
            self.settler.backlog.arrived([a for a in map(self._arrival, batch) if a is not None])
            while unit := self.settler.backlog.take():
                self._deal(unit, settle)
            done += len(batch)
            self.say(done, total)

    def _records(self, found: Mapping[int, Span]) -> Iterator[Record]:
        left = {partition for partition, span in found.items() if span.begin < span.end}
        if not left:
            return
        for record in self.reader.read(EDITS, {partition: found[partition].begin for partition in left}):
            end = found[record.partition].end
            if record.offset < end:
                yield record
            if record.offset >= end - 1:
                left.discard(record.partition)
                if not left:
                    return

    def _arrival(self, record: Record) -> Arrival | None:
        position = (self._topic_id, record.partition, record.offset)
        if record.offset < self._progress[record.partition]:
            refuse_forgotten(record.at_ms, self.clock.now_ms(), _REMEMBERED_DAYS)
        raw = record.value or b""
        try:
            edit = self.intake.edit(raw)
        except Poison:
            self._report.unreadable += 1
            if self._moves_nothing:
                return None
            if record.offset < self._progress[record.partition]:
                return Arrival(position, raw, None)
            return self.intake.arrivals([(position, _Received(record))])[0]
        if self.wanted.binding not in (None, edit.binding):
            return None
        self._report.edits += 1
        self._times[position] = record.at_ms
        return Arrival(position, raw, edit, again=self._was_dealt_with(position))

    def _was_dealt_with(self, position: Position) -> bool:
        """True unless it is known that nobody has ever dealt with the edit."""
        _, partition, offset = position
        return offset < max(self._dealt_with.get(partition, _NEVER), self._progress[partition])

    def _deal(self, unit: Unit, settle: Callable[[Unit], tuple[Settled | None, list[Unit]]]) -> None:
        units = [unit]
        while units:
            current = units.pop()
            try:
                settled, instead = settle(current)
            except LostProgress:
                # A sink is at the same edits; what it has decided is a repeat from here on.
                self._take_up_progress()
                if any(arrival.retried for arrival in current.arrivals):
                    self._let_go(arrival.position for arrival in current.arrivals)
                else:
                    units.append(current)
                continue
            units.extend(reversed(instead))
            if settled is not None:
                self._count(settled)

    def _take_up_progress(self) -> None:
        if self._moves_nothing:
            return
        now, before = self.settler.progress(self._partitions()), self.settler.backlog.expected
        if any(offset < before[partition] for partition, offset in now.items()):
            raise SetBackMeanwhile(
                "the database was set back once more while edits were decided again",
                "run the command again, once the database is restored",
            )
        self.settler.backlog.expected |= now

    def _partitions(self) -> list[Partition]:
        return [(self._topic_id, partition) for partition in self._progress]

    def _count(self, settled: Settled) -> None:
        for decided in settled.decided:
            made = decisions(decided.verdict)
            self._report.counts.update(counts(made))
            position = decided.arrival.position
            _, partition, offset = position
            known, at_ms = offset < self._progress[partition], self._times.pop(position)
            self._report.found += [Found(partition, offset, at_ms, known, d) for d in made if d.differs]
        for arrival in settled.parked:
            self._reasons[arrival.position] = arrival.park or LOCKED

    def _parked(self) -> list[Position]:
        return [position for parked in self.settler.backlog.parked.values() for position in parked.positions]

    def _retry(self) -> None:
        """Gives locked rows some time. What still waits then is a sink's, which finds it in the database."""
        deadline = self.clock.monotonic() + _RETRY_SECONDS
        while set(self._parked()) - self._of_sinks and self.clock.monotonic() < deadline:
            due = [position for position in self.settler.backlog.due(self.clock.monotonic()) if position not in self._of_sinks]
            messages = self.settler.parked(due)
            self._let_go(set(due) - {position for position, *_ in messages})
            if not messages:
                sleep(_LOOK_SECONDS)
                continue
            self._deal(taken_up(self.intake.retried(messages)), self.settler.settle)

    def _let_go(self, positions: Iterable[Position]) -> None:
        """A sink has taken these up, the first of their rows."""
        for position in positions:
            for row, parked in list(self.settler.backlog.parked.items()):
                if parked.positions[0] == position:
                    parked.positions.popleft()
                    if not parked.positions:
                        del self.settler.backlog.parked[row]

    def _count_waiting(self) -> None:
        waiting = [position for position in self._parked() if position not in self._of_sinks]
        self._report.waiting.update(self._reasons[position] for position in waiting)

    def _wait_for_sinks(self, found: Mapping[int, Span]) -> None:
        """What sinks are just dealing with is not to look as if nobody did."""
        deadline = self.clock.monotonic() + _SETTLE_SECONDS
        while True:
            with self.settler.rehearsal():
                progress = self.settler.progress([(self._topic_id, partition) for partition in found])
            settled = all(progress[self._topic_id, partition] >= span.end for partition, span in found.items())
            if settled or self.clock.monotonic() >= deadline:
                return
            sleep(_LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class _Received:
    """A record in the form that the dead-letter topic takes."""

    record: Record

    def topic(self) -> str:
        """Where it comes from."""
        return self.record.topic

    def partition(self) -> int:
        """See `topic`."""
        return self.record.partition

    def offset(self) -> int:
        """See `topic`."""
        return self.record.offset

    def key(self) -> bytes | None:
        """As received."""
        return self.record.key

    def value(self) -> bytes | None:
        """As received."""
        return self.record.value

    def headers(self) -> Sequence[tuple[str, bytes]]:
        """As received."""
        return self.record.headers


@contextmanager
def _alone(database_url: str) -> Iterator[None]:
    """Holds the right to replay edits into this database; raises ReplayUnderWay where somebody else has it."""
    with connect(database_url, "tabstream replay", autocommit=True) as connection:
        row = connection.execute(statement("lock_replay"), (_LOCK,)).fetchone()
        if row is None or not row[0]:
            raise ReplayUnderWay(
                "another replay of edits is under way in this database, or a database sink catches up",
                "wait until it has ended",
            )
        try:
            yield
        finally:
            with suppress(psycopg.Error):  # the lock ends with the session too, but a little later
                connection.execute(statement("unlock_replay"), (_LOCK,))


def _dealt_with(settings: Settings, edits: Edits) -> dict[int, int]:
    """The offsets up to which the sinks have told Kafka that they had come, also before the database was set back."""
    consumer = clients.consumer(settings, GROUP)
    try:
        asked = [TopicPartition(edits.topic, partition) for partition in edits.bounds]
        return {at.partition: at.offset for at in consumer.committed(asked, timeout=_KAFKA_SECONDS) if at.offset >= 0}
    except KafkaException as problem:
        raise KafkaUnavailable(f"kafka does not tell how far the sinks were: {problem.args[0].str()}") from problem
    finally:
        consumer.close()
