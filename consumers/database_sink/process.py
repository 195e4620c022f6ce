"""The database sink as a process: from the edits topic into the database, and the answers out of it."""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog
from starlette.routing import BaseRoute

from consumers.database_sink.arrivals import Backlog, Unit, taken_up
from consumers.database_sink.housekeeping import Housekeeper
from consumers.database_sink.intake import Intake
from consumers.database_sink.patience import Patience, Stopped
from consumers.database_sink.replaying import ReplayUnderWay, SetBackMeanwhile, catch_up
from consumers.database_sink.settling import Settler
from consumers.database_sink.source import Source, topic_id_of
from consumers.database_sink.tables import Tables
from consumers.database_sink.transaction import Decided, Settled
from tabstream import metrics
from tabstream.bindings_watch import WatchedBindings
from tabstream.clock import Clock, SystemClock
from tabstream.config import Settings
from tabstream.core.binding import binding_changes
from tabstream.core.registers import Standing
from tabstream.errors import Outage
from tabstream.kafka import own_schemas
from tabstream.kafka.avro import Decoder
from tabstream.kafka.messages import Signal, SignalKind
from tabstream.kafka.publisher import Publisher
from tabstream.postgres.connection import connect
from tabstream.postgres.progress import LostProgress, Partition, is_behind
from tabstream.process import Process, Readiness

_log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.2
_WATCH_SECONDS = 5.0
_STUCK_SECONDS = 30.0


def build(settings: Settings) -> Process:
    """The process, wired up from its settings; raises ConfigurationError for a wrong bindings file."""
    settings.require("database_url", "bindings_file")
    bindings = WatchedBindings(settings.required_path("bindings_file"))
    return DatabaseSink(settings, bindings, SystemClock(), lambda: topic_id_of(settings))


class DatabaseSink:
    """Takes edits as they come, as many at once as are there, and lets nothing stop the rest."""

    name = "database-sink"

    def __init__(self, settings: Settings, bindings: WatchedBindings, clock: Clock, topic_id: Callable[[], str]) -> None:
        self._settings = settings
        self._clock = clock
        self._stop = threading.Event()
        self._patience = Patience(self._stop)
        self._publisher = Publisher(settings)
        decoder = Decoder(settings.registry, own_schemas.load("edit"))
        self._bindings = bindings
        self._intake = Intake(bindings.current, decoder, self._publisher)
        self._backlog = Backlog()
        self._tables = Tables(bindings.current, clock)
        self._settler = Settler(settings.database_url, self._tables, self._backlog, clock)
        self._topic_id = topic_id
        self._source = Source(settings, self, lambda: self._patience("kafka", topic_id))
        self._outside: dict[str, str] = {}
        self._prepared = False
        self._lag = 0
        self._set_back = threading.Event()
        self._moved_at = self._looked_at_parked = clock.monotonic()

    def run(self, stop: threading.Event) -> None:
        """See Process."""
        threading.Thread(target=self._pass_on, args=(stop,), name="stopper", daemon=True).start()
        self._bindings.start(stop)
        Housekeeper(self._settings.database_url, self._stop).start()
        for system, look in (("kafka", self._look_at_kafka), ("database", self._look_at_database)):
            threading.Thread(target=self._watch, args=(system, look), name=f"{system}-watch", daemon=True).start()
        try:
            self._patience("database", self._settler.prepare)
            self._prepared = True
            self._source.open()
            while not self._stop.is_set():
                self._turn()
        except Stopped as problem:
            _log.info("stopped", reason=str(problem))
        finally:
            self._stop.set()
            self._source.close()
            self._settler.close()
            self._publisher.close()

    def readiness(self) -> Readiness:
        """See Process."""
        reasons = [f"binding {name} is paused: {problem}" for name, problem in self._tables.problems().items()]
        reasons += dict.fromkeys(filter(None, (self._patience.outage, *self._outside.values())))
        if not self._prepared:
            reasons.append("the database is not ready yet")
        elif not self._source.joined:
            reasons.append("the consumer group has not been joined yet")
        stuck_seconds = self._clock.monotonic() - self._moved_at
        if self._lag and stuck_seconds > _STUCK_SECONDS:
            reasons.append(f"{self._lag} edits wait and none was dealt with for {stuck_seconds:.0f} s")
        return Readiness(not reasons, tuple(reasons), self._bindings.warnings)

    def reload(self) -> None:
        """See Process."""
        self._bindings.reload()

    def routes(self) -> Sequence[BaseRoute]:
        """See Process."""
        return ()

    def begin(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """See source.Desk."""
        return self._patience("database", lambda: self._settler.begin(partitions))

    def drop(self, partitions: Sequence[Partition]) -> None:
        """See source.Desk."""
        self._backlog.drop(partitions)

    def _turn(self) -> None:
        self._take_up_bindings()
        if self._is_set_back:
            self._catch_up()
        messages = [(self._source.position(m), m) for m in self._source.poll(self._pause())]
        if self._is_set_back:
            return  # what has come is read again, in its order
        if self._is_time_to_look_at_parked() and not self._patience("database", self._settler.has_all_parked):
            _log.info("takes up what others have set aside")
            self._source.restart()
            return
        if messages:
            self._backlog.arrived(self._patience("registry", lambda: self._intake.arrivals(messages)))
        while unit := self._backlog.take():
            self._deal(unit)
        if not self._is_set_back and (due := self._backlog.due(self._clock.monotonic())):
            waiting = self._patience("database", lambda: self._settler.parked(due))
            self._deal(taken_up(self._patience("registry", lambda: self._intake.retried(waiting))))
        self._lag = self._source.show_lag(self._backlog.expected)

    @property
    def _is_set_back(self) -> bool:
        return self._set_back.is_set() or self._source.set_back

    def _catch_up(self) -> None:
        """Has all lost edits decided in their order, also those of other instances' partitions; later, where one is at it."""
        reached = {partition: offset for (_, partition), offset in self._backlog.expected.items()}
        try:
            report = self._patience(
                "kafka",
                lambda: catch_up(self._settings, self._bindings.current, self._topic_id, self._clock, reached, self._go_on),
            )
        except (ReplayUnderWay, SetBackMeanwhile):
            return
        if report.edits:
            _log.warning("the database was set back; lost edits were decided again", edits=report.edits, **report.counts)
        self._source.restart()
        if any(offset < report.reached.get(partition, 0) for partition, offset in self._backlog.expected.items()):
            return  # it was set back once more
        self._set_back.clear()
        self._source.set_back = False

    def _go_on(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise Stopped(f"ended after {done} of {total} edits that the database had lost")

    def _is_time_to_look_at_parked(self) -> bool:
        now = self._clock.monotonic()
        if now - self._looked_at_parked < _WATCH_SECONDS:
            return False
        self._looked_at_parked = now
        return True

    def _take_up_bindings(self) -> None:
        bindings, before = self._bindings.current, self._tables.bindings
        if bindings is before:
            return
        changes = binding_changes(before.bindings, bindings.bindings)
        self._tables.take_up(bindings, changes)
        self._intake.bindings = bindings
        if changes.added or changes.removed:
            # What is set aside for a binding waits in the database while it is not in the file.
            self._source.restart()

    def _pause(self) -> float:
        due = self._backlog.next_due()
        wait = _POLL_SECONDS if due is None else min(_POLL_SECONDS, due - self._clock.monotonic())
        return max(0.0, wait)

    def _deal(self, unit: Unit) -> None:
        units = [unit]
        while units:
            current = units.pop()
            try:
                settled, instead = self._patience("database", partial(self._settler.settle, current))
            except LostProgress as problem:
                if self._patience("database", self._is_behind):
                    self._set_back.set()
                    self._backlog.fresh.clear()
                    return
                _log.warning("reads on from the database's progress", reason=str(problem))
                self._source.restart()
                return
            units.extend(reversed(instead))
            if settled is not None:
                self._settled(current, settled)

    def _settled(self, unit: Unit, settled: Settled) -> None:
        self._moved_at = self._clock.monotonic()
        self._source.commit({a.partition: self._backlog.expected[a.partition] for a in unit.arrivals if not a.retried})
        for decided in settled.decided:
            self._count(decided)
        for name in {d.edit.binding for d in settled.decided if d.verdict.look_again}:
            self._poke(name)

    def _count(self, decided: Decided) -> None:
        binding, verdict = decided.edit.binding, decided.verdict
        if verdict.repeated is not None:
            metrics.EDITS_IGNORED.labels(binding, Standing.REPEAT.value).inc()
        elif verdict.row is not None:
            metrics.EDITS_DECIDED.labels(binding, verdict.row.outcome.value).inc()
        for cell in verdict.cells:
            if cell.standing is not Standing.NEW:
                metrics.EDITS_IGNORED.labels(binding, cell.standing.value).inc()
            elif cell.answer is not None and verdict.row is None:
                metrics.EDITS_DECIDED.labels(binding, cell.answer.outcome.value).inc()
        if verdict.answers is not None:
            age_seconds = (self._clock.now_ms() - decided.edit.read_end_ms) / 1000
            metrics.EDIT_TO_COMMIT_SECONDS.labels(binding).observe(max(0.0, age_seconds))

    def _poke(self, name: str) -> None:
        binding = self._tables.bindings.named(name)
        if binding is None:
            return
        at_ms = self._clock.now_ms()
        signal = Signal(str(uuid.uuid4()), binding.spreadsheet_id, SignalKind.POKE, at_ms, binding=name)
        try:
            self._publisher.signal(signal)
            metrics.SIGNALS_SENT.labels("poke").inc()
        except Outage as problem:
            _log.warning("owner not poked; its next sweep looks again", binding=name, problem=str(problem))

    def _watch(self, system: str, look: Callable[[], None]) -> None:
        """Looks at what the sink needs, in a thread of its own: its own thread may hang in a call."""
        while not self._stop.wait(_WATCH_SECONDS):
            try:
                look()
                self._outside.pop(system, None)
            except Outage as problem:
                self._outside[system] = str(problem)
                metrics.OUTAGES.labels(system).inc()
                _log.warning("waiting for something outside", system=system, problem=str(problem))

    def _look_at_kafka(self) -> None:
        self._publisher.reachable(_WATCH_SECONDS)

    def _look_at_database(self) -> None:
        if self._is_behind():
            self._set_back.set()

    def _is_behind(self) -> bool:
        """True where the database was set back: what has been reached here was in it already."""
        with connect(self._settings.database_url, "tabstream database-sink watch", autocommit=True) as connection:
            return is_behind(connection, self._backlog.expected.copy())

    def _pass_on(self, stop: threading.Event) -> None:
        stop.wait()
        self._stop.set()
