"""Units to transactions, and what to do when one fails: wait, halve, park or refuse, so that none stops the others."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psycopg
import structlog

from consumers.database_sink.arrivals import Arrival, Backlog, Unit
from consumers.database_sink.tables import Tables
from consumers.database_sink.transaction import Settled, Transaction
from tabstream import metrics
from tabstream.clock import Clock
from tabstream.errors import BindingProblem
from tabstream.postgres.connection import Connection, DatabaseUnavailable, connect
from tabstream.postgres.failures import Failure, failure_of, reason_of
from tabstream.postgres.progress import Partition, Position, list_parked, read_parked, read_progress
from tabstream.postgres.rows import Rows
from tabstream.postgres.schema import install_with

_log = structlog.get_logger(__name__)

_BUSY = "another session is in the way"


@dataclass(slots=True)
class Settler:
    """Runs units against the database, one connection, one at a time. Not thread-safe."""

    url: str
    tables: Tables
    backlog: Backlog
    clock: Clock
    _connection: Connection | None = None
    _rehearsing: bool = False
    _looked_again: set[Position] = field(default_factory=set)

    def prepare(self) -> None:
        """Makes the schema tabstream if it is missing; raises DatabaseUnavailable, or OperatorError if it may not."""
        try:
            install_with(self._connect())
        except psycopg.Error as problem:
            raise self._unavailable(problem) from problem

    def progress(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The next offset of each partition; raises DatabaseUnavailable."""
        try:
            with self._connect().transaction():
                return {partition: read_progress(self._connect(), partition) for partition in partitions}
        except psycopg.Error as problem:
            raise self._unavailable(problem) from problem

    def begin(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Takes charge of partitions and returns where each begins; raises DatabaseUnavailable."""
        self.backlog.drop(partitions)
        found = self.progress(partitions)
        try:
            with self._connect().transaction():
                for partition in partitions:
                    self.backlog.begin(partition, found[partition], self._set_aside(partition), self.clock.monotonic())
        except psycopg.Error as problem:
            raise self._unavailable(problem) from problem
        return found

    def has_all_parked(self) -> bool:
        """False where others, as a replay, have set edits aside or taken them up; raises DatabaseUnavailable."""
        known = {p for parked in self.backlog.parked.values() for p in parked.positions if p[:2] in self.backlog.expected}
        try:
            with self._connect().transaction():
                there = {p[0] for partition in self.backlog.expected for p in self._set_aside(partition)}
        except psycopg.Error as problem:
            raise self._unavailable(problem) from problem
        return there == known

    def parked(self, positions: Sequence[Position]) -> list[tuple[Position, bytes, bool]]:
        """The messages set aside at these positions, in the order in which they were, and whether they were dealt with before;
        raises DatabaseUnavailable."""
        try:
            found = read_parked(self._connect(), positions)
        except psycopg.Error as problem:
            raise self._unavailable(problem) from problem
        return [(position, *message) for position, message in found.items()]

    def settle(self, unit: Unit) -> tuple[Settled | None, list[Unit]]:
        """Commits a unit, or says which units to settle in its stead.

        Raises LostProgress and DatabaseUnavailable; then nothing is committed, as far as is known.
        """
        try:
            unit, doors = self._doors(unit)
            began = time.perf_counter()
            settled = Transaction(self._connect(), unit, self.backlog.moves(unit), doors, not self._rehearsing).run()
            metrics.BATCH_SECONDS.observe(time.perf_counter() - began)
        except psycopg.Error as problem:
            return None, self._instead(unit, problem)
        self.backlog.settled(unit, settled.parked, self.clock.monotonic())
        self._looked_again.difference_update(arrival.position for arrival in unit.arrivals)
        return settled, []

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Nothing of what is done inside outlives it, and new rows are not even tried; raises DatabaseUnavailable."""
        self._rehearsing = True
        try:
            with self._connect().transaction(force_rollback=True):
                yield
        except psycopg.Error as problem:
            raise self._unavailable(problem) from problem
        finally:
            self._rehearsing = False

    def rehearse(self, unit: Unit) -> tuple[Settled | None, list[Unit]]:
        """As `settle`, inside a rehearsal. What changes nothing is undone at once, so that its rows are locked for no time."""
        with self._connect().transaction() as attempt:
            settled, instead = self.settle(unit)
            if settled is None or not any(decided.verdict.changes for decided in settled.decided):
                raise psycopg.Rollback(attempt)
        return settled, instead

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _set_aside(self, partition: Partition) -> list[tuple[Position, str, str]]:
        # Edits of a binding that is not in the file stay aside until it is there again.
        return [p for p in list_parked(self._connect(), partition) if self.tables.bindings.named(p[1])]

    def _doors(self, unit: Unit) -> tuple[Unit, dict[tuple[str, str], Rows]]:
        doors: dict[tuple[str, str], Rows] = {}
        arrivals = []
        for arrival in unit.arrivals:
            if arrival.edit is not None and arrival.park is None:
                name = arrival.edit.binding, arrival.edit.zone
                try:
                    doors[name] = self.tables.rows(self._connect(), *name)
                except BindingProblem as problem:
                    arrivals.append(replace(arrival, park=problem.problem))
                    continue
            arrivals.append(arrival)
        return Unit(tuple(arrivals)), doors

    def _instead(self, unit: Unit, problem: psycopg.Error) -> list[Unit]:
        failure = failure_of(problem)
        decided = unit.decided
        if failure is Failure.UNAVAILABLE or not decided:
            raise self._unavailable(problem) from problem
        if failure is Failure.SHAPE:
            for arrival in decided:
                self.tables.forget(arrival.row[0] if arrival.row else "")
        if not unit.alone:
            metrics.BATCHES_HALVED.inc()
            return list(unit.halves())
        return [self._alone(unit, decided[0], problem, failure)]

    def _alone(self, unit: Unit, arrival: Arrival, problem: psycopg.Error, failure: Failure) -> Unit:
        binding = self.tables.bindings.named(arrival.row[0]) if arrival.row else None
        reason = reason_of(problem, binding.table_name if binding else "")
        _log.info("edit fails", binding=binding.name if binding else "", failure=failure.name.lower(), reason=reason)
        if failure is Failure.BUSY:
            return unit.marked(park=_BUSY)
        if failure is Failure.SHAPE and arrival.position not in self._looked_again:
            self._looked_again.add(arrival.position)
            return unit
        if arrival.refusal is None:
            return unit.marked(refusal=reason)
        return unit.marked(park=reason)

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.url, "tabstream database-sink", autocommit=True)
        return self._connection

    def _unavailable(self, problem: psycopg.Error) -> DatabaseUnavailable:
        self.close()
        return DatabaseUnavailable(f"the database can't be used: {str(problem).strip().partition(chr(10))[0]}")
