"""Bindings that come, change and go while the sheet sink runs."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer
from prometheus_client import REGISTRY

from consumers.sheet_sink.process import SheetSink, build
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.errors import OperatorError
from tabstream.kafka import clients, own_schemas
from tabstream.kafka.avro import Encoder
from tabstream.kafka.messages import Signal, SignalKind, State, Status
from tabstream.kafka.status_topic import decode, read_newest, status_decoder
from tabstream.kafka.topics import EDITS, SIGNALS, STATUS
from tabstream.operations.pausing import change
from tabstream.operations.reported import read_status
from tabstream.operations.status import read_overview
from tests.bindings_text import bindings_text
from tests.kafka.registry_server import RegistryServer
from tests.sheets_emulator.process import EmulatorProcess
from tests.simulation.world import World

NEW_FIELD = {"name": "colour", "type": "string", "default": ""}
LEADS = Binding("leads", "leads", "crm", "not-there-1", "Leads")
ORDERS = Binding("orders", "orders", "stock", "not-there-2", "Orders")


@pytest.fixture
def world() -> World:
    """An owner at rest, whose tab is open."""
    made = World(1)
    made.faulty = False
    made.sheet_sink.turn()
    assert list(made.sheet_sink.owner.roster.tabs) == ["leads"]
    return made


def test_a_changed_binding_is_opened_again_with_what_it_says_now(world: World) -> None:
    owner = world.sheet_sink.owner
    before = owner.roster.tabs["leads"]
    owner.rebind([replace(world.binding, sweep_seconds=3_600)])
    world.sheet_sink.turn()
    after = owner.roster.tabs["leads"]
    assert after is not before
    assert after.binding.sweep_seconds == 3_600


def test_a_binding_that_is_paused_by_an_operator_stays_so_when_its_entry_changes(world: World) -> None:
    owner = world.sheet_sink.owner
    owner.signal(Signal("i", owner.spreadsheet_id, SignalKind.PAUSE, 0, "leads", argument="month end"))
    world.sheet_sink.turn()
    owner.rebind([replace(world.binding, sweep_seconds=3_600)])
    world.sheet_sink.turn()
    assert owner.roster.paused["leads"].problem == "paused by an operator: month end"
    owner.signal(Signal("i", owner.spreadsheet_id, SignalKind.RESUME, 0, "leads"))
    world.sheet_sink.turn()
    assert owner.roster.tabs["leads"].binding.sweep_seconds == 3_600


def test_a_binding_that_is_gone_is_let_go_and_one_that_comes_is_opened(world: World) -> None:
    owner = world.sheet_sink.owner
    other = replace(world.binding, name="other", tab="Other")
    owner.rebind([other])
    world.sheet_sink.turn()
    assert [binding.name for binding in owner.roster.bindings] == ["other"]
    owner.rebind([world.binding])
    world.sheet_sink.turn()
    assert list(owner.roster.tabs) == ["leads"]


class Running:
    """The process in a thread, with a bindings file. None of its spreadsheets is there, so every binding pauses."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        made = build(settings)
        assert isinstance(made, SheetSink)
        self.sink = made
        self.stop = threading.Event()
        self._pause = threading.Event()
        self.thread = threading.Thread(target=self.sink.run, args=(self.stop,))
        self.thread.start()

    def bind(self, *bindings: Binding) -> None:
        """Other bindings in the file, and SIGHUP."""
        self.settings.required_path("bindings_file").write_text(bindings_text(*bindings), encoding="utf-8")
        self.sink.reload()

    def end(self) -> None:
        """As SIGTERM does."""
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()

    def status(self, name: str) -> Status | None:
        """What is told of a binding."""
        raw = {n: value for n, value in read_newest(self.settings, 10).items() if n == name}
        found, _ = decode(raw, status_decoder(self.settings)) if raw else ([], {})
        return found[0] if found else None

    def until_told(self, name: str, condition: Callable[[Status], bool]) -> Status:
        """Waits for a status."""
        for _ in range(100):
            status = self.status(name)
            if status is not None and condition(status):
                return status
            self._pause.wait(0.2)
        raise AssertionError(f"never told of {name}; the last: {self.status(name)}")


@pytest.fixture
def bootstrap_servers() -> Iterator[str]:
    """A broker of its own for each test, because topics can't be deleted."""
    host = Producer({"test.mock.num.brokers": 1})
    broker = next(iter(host.list_topics(timeout=10).brokers.values()))
    for topic in (EDITS, SIGNALS, STATUS):
        host.list_topics(topic, timeout=10)
    yield f"{broker.host}:{broker.port}"
    host.close()


@pytest.fixture
def running(tmp_path: Path, bootstrap_servers: str, registry: RegistryServer, server: EmulatorProcess) -> Iterator[Running]:
    file = tmp_path / "bindings.yaml"
    file.write_text(bindings_text(LEADS), encoding="utf-8")
    made = Running(
        Settings(
            bootstrap_servers=bootstrap_servers,
            schema_registry_url=registry.url,
            sheets_url=server.url,
            database_url="postgresql://nobody@127.0.0.1:1/none",
            bindings_file=file,
        )
    )
    yield made
    made.end()


def missing(status: Status) -> bool:
    return status.state is State.PAUSED and "unbound" not in json.loads(status.details)


def test_spreadsheets_come_and_go_with_the_file(running: Running) -> None:
    running.until_told("leads", missing)
    running.bind(LEADS, ORDERS)
    running.until_told("orders", missing)
    assert REGISTRY.get_sample_value("tabstream_paused", {"binding": "leads"}) == 1
    running.bind(ORDERS)
    gone = running.until_told("leads", lambda status: json.loads(status.details).get("unbound") is True)
    assert gone.problem == "its entry is gone from the bindings file"
    assert list(running.sink._ownership.owners) == [ORDERS.spreadsheet_id]
    assert REGISTRY.get_sample_value("tabstream_paused", {"binding": "leads"}) is None, "an alert would stay"
    without_file = running.settings.model_copy(update={"bindings_file": None, "database_url": ""})
    assert [report.binding for report in read_overview(without_file, SystemClock(), 10).bindings] == ["orders"]
    with pytest.raises(OperatorError, match="'leads' is not bound any more"):
        read_status(without_file, "leads")


def test_a_pause_is_remembered_while_the_entry_is_away(running: Running) -> None:
    running.until_told("leads", missing)
    owner = running.sink._ownership.owners[LEADS.spreadsheet_id]
    owner.signal(Signal("i", LEADS.spreadsheet_id, SignalKind.PAUSE, 0, "leads", argument="month end"))
    running.until_told("leads", paused_for_month_end)
    running.bind(ORDERS)
    running.until_told("leads", lambda status: "unbound" in json.loads(status.details))
    running.bind(ORDERS, LEADS)
    running.until_told("leads", paused_for_month_end)


def paused_for_month_end(status: Status) -> bool:
    return status.state is State.PAUSED and status.problem == "paused by an operator: month end"


def test_a_pause_outlives_a_restart(running: Running) -> None:
    running.until_told("leads", missing)
    change(running.settings, SystemClock(), "leads", SignalKind.PAUSE, "month end", 20, lambda text: None)
    running.end()
    following = Running(running.settings)
    try:
        began = SystemClock().now_ms()
        told = following.until_told("leads", lambda status: status.owned_since_ms >= began)
        assert paused_for_month_end(told), "nothing else has been said meanwhile"
    finally:
        following.end()


def test_a_pause_that_a_newer_version_has_reported_is_understood(running: Running) -> None:
    told = running.until_told("leads", missing)
    running.end()
    paused = replace(told, details=json.dumps({"paused_by_operator": True, "pause_reason": "month end"}))
    newer = own_schemas.load("status") | {"fields": [*own_schemas.load("status")["fields"], NEW_FIELD]}
    encoder = Encoder(running.settings.registry, f"{STATUS}-value", newer)
    producer = clients.producer(running.settings)
    producer.produce(STATUS, encoder.encode(paused.to_record() | {"colour": "blue"}), paused.kafka_key)
    assert producer.flush(10) == 0
    following = Running(running.settings)
    try:
        following.until_told("leads", paused_for_month_end)
    finally:
        following.end()


def test_a_wrong_file_changes_nothing_and_is_told(running: Running) -> None:
    running.until_told("leads", missing)
    running.bind(replace(LEADS, tab="_tabstream"))
    told = running.until_told("leads", lambda status: "warnings" in json.loads(status.details))
    assert missing(told)
    [warning] = running.sink.readiness().warnings
    assert "'_tabstream' is kept for tabstream's own use: bind another tab" in warning
    without_file = running.settings.model_copy(update={"bindings_file": None, "database_url": ""})
    assert read_overview(without_file, SystemClock(), 10).warnings == (warning,)
    running.bind(LEADS)
    running.until_told("leads", lambda status: missing(status) and "warnings" not in json.loads(status.details))
