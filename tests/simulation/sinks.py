"""Both sinks as they run in the process: the real owner and the real settler, each one turn at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from consumers.database_sink.arrivals import Arrival, Backlog, Unit
from consumers.database_sink.intake import Intake
from consumers.database_sink.settling import Settler
from consumers.sheet_sink.owner import Owner
from consumers.sheet_sink.services import Services
from consumers.sheet_sink.services import Table as TableNow
from tabstream.clock import ManualClock
from tabstream.config import Settings
from tabstream.core.binding import Binding, Bindings, TableShape
from tabstream.core.results import Truncated, lsn_of
from tabstream.core.rowmerge import BoundTable, key_texts
from tabstream.errors import Outage
from tabstream.kafka.messages import Signal, SignalKind
from tabstream.postgres.connection import DatabaseUnavailable
from tabstream.postgres.progress import LostProgress
from tests.simulation.database import Database
from tests.simulation.rules import ALL, Rules
from tests.simulation.session import Commit, Session, Table
from tests.simulation.spreadsheet import SPREADSHEET_ID, Between, Door, Spreadsheet
from tests.simulation.topics import EDIT_PARTITIONS, EDITS_ID, Broker, Decoder, Events, Feed

SETTINGS = Settings(sweep_seconds=6, settle_seconds=0.6, database_url="", schema_registry_url="", sheets_url="")


@dataclass
class SheetServices(Services):
    """The doors of a sheet sink within the process."""

    doors: Any = None

    def client(self, spreadsheet_id: str, stop: Any) -> Any:
        """See Services."""
        return self.doors.door()

    def table(self, binding: Binding, zone: str) -> TableNow:
        """See Services."""
        return TableNow(self.doors.shape, self.doors.last_truncate(), self.doors.identity)

    def sample(self, binding: Binding, shape: TableShape, limit: int) -> list[Any]:
        """See Services: what the spreadsheet keeps is not in question here."""
        return []

    def are_there(self, binding: Binding, shape: TableShape, keys: Sequence[str]) -> list[bool]:
        """See Services."""
        return [key_texts(key, shape)[0] in self.doors.database.kept.rows for key in keys]

    def statuses(self, names: Any) -> tuple[list[Any], dict[str, str]]:
        """See Services: nobody has told anything."""
        return [], {}

    def topics(self, binding: Binding) -> Any:
        """See Services."""
        return self.doors.broker.topics

    def look_at(self, topics: Any, shape: Any, refused: Any) -> None:
        """See Services: the form is known."""

    def feed(self, topics: Any, begin: Any, inbox: Any, binding: str) -> Any:
        """See Services."""
        return Feed(self.doors.broker, begin, inbox)

    def results_end(self, topics: Any) -> int:
        """See Services: by then the feeds have read on."""
        if not self.doors.rules.results_first:
            return 0
        self.doors.pump_results()
        return len(self.doors.broker.results)

    def fetch(self, topics: Any, wanted: dict[tuple[int, int], None]) -> list[Any]:
        """See Services."""
        table = self.doors.broker.table
        return [table[partition][offset] for partition, offset in wanted if offset in table[partition]]


@dataclass
class SheetSink:
    """One instance of the sheet sink, from its start to its crash."""

    spreadsheet: Spreadsheet
    broker: Broker
    database: Database
    binding: Binding
    shape: TableShape
    clock: ManualClock
    between: Between
    still_owner: Callable[[Any], bool]
    late: list[Any]
    rules: Rules = ALL
    identity: str = "1/1/1"
    owner: Owner = field(init=False)

    def __post_init__(self) -> None:
        publisher: Any = self.broker
        nothing: Any = None
        events: Any = Events()
        services = SheetServices(SETTINGS, self.clock, nothing, publisher, events, nothing, "sink", doors=self)
        self.owner = Owner(SPREADSHEET_ID, [self.binding], services, self.still_owner)

    def door(self) -> Door:
        """The door to Google."""
        return Door(self.spreadsheet, self.clock, self.between, self.late)

    def last_truncate(self) -> Truncated | None:
        """The newest truncate in the outbox; what was not streamed yet counts too."""
        told = [event for event in self.database.told if event["kind"] == "truncate"]
        return Truncated(lsn_of(told[-1]["row_lsn"]), told[-1]["at_ms"]) if told else None

    def pump(self, limit: int) -> None:
        """The feeds read on, at most so many messages."""
        for feed in self._feeds():
            feed.pump(limit)

    def pump_results(self) -> None:
        """The feeds read the results to their end."""
        for feed in self._feeds():
            feed.pump_results()

    def turn(self) -> bool:
        """One turn; an outage is waited for."""
        try:
            return self.owner.turn()
        except Outage:
            return False

    def _feeds(self) -> list[Any]:
        return [tab.feed for tab in self.owner.roster.tabs.values()]


class WithinSettler(Settler):
    """The settler on a connection within the process."""

    connecting: Callable[[], Any]

    def _connect(self) -> Any:
        if self._connection is None or self._connection.closed:
            self._connection = self.connecting()
        return self._connection


@dataclass
class DatabaseSink:
    """One instance of the database sink, from its start to its crash. See consumers.database_sink.process."""

    database: Database
    broker: Broker
    bindings: Bindings
    shape: TableShape
    clock: ManualClock
    committing: Commit
    rules: Rules = ALL
    backlog: Backlog = field(default_factory=Backlog)
    read: dict[int, int] = field(default_factory=dict)
    settler: WithinSettler = field(init=False)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        tables: Any = self
        self.settler = WithinSettler("", tables, self.backlog, self.clock)
        self.settler.connecting = lambda: Session(self.database, self.committing, self.rules)
        decoder: Any = Decoder()
        publisher: Any = self.broker
        self.intake = Intake(self.bindings, decoder, publisher)
        self._restart()

    def rows(self, connection: Any, binding: str, zone: str) -> Any:
        """See consumers.database_sink.tables."""
        return Table(BoundTable(self.bindings.bindings[0], self.shape), self.database)

    def turn(self, limit: int = 1_000) -> None:
        """Takes at most so many messages of each partition, and what is due."""
        for partition, messages in enumerate(self.broker.edits):
            start = self.read[partition]
            taken = messages[start : start + limit]
            self.read[partition] += len(taken)
            positions = [(EDITS_ID, partition, offset) for offset in range(start, start + len(taken))]
            self.backlog.arrived([Arrival(p, raw, self.intake.edit(raw)) for p, raw in zip(positions, taken, strict=True)])
        while unit := self.backlog.take():
            if not self._deal(unit):
                return
        if due := self.backlog.due(self.clock.monotonic()):
            self._deal(Unit(self.intake.retried(self.settler.parked(due))))

    def _deal(self, unit: Unit) -> bool:
        units = [unit]
        while units:
            current = units.pop()
            try:
                settled, instead = self.settler.settle(current)
            except DatabaseUnavailable:
                units.append(current)
                continue
            except LostProgress:
                self._restart()
                return False
            units.extend(reversed(instead))
            if settled is not None and any(d.verdict.look_again for d in settled.decided):
                self.broker.signal(Signal("", SPREADSHEET_ID, SignalKind.POKE, self.clock.now_ms()))
        return True

    def _restart(self) -> None:
        partitions = [(EDITS_ID, partition) for partition in range(EDIT_PARTITIONS)]
        try:
            begun = self.settler.begin(partitions)
        except DatabaseUnavailable:
            return self._restart()
        self.read = {partition: offset for (_, partition), offset in begun.items()}
        return None
