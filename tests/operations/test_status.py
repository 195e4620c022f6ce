"""What an operator is told of each binding, and of what can't be asked."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer

from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.kafka import clients
from tabstream.kafka.messages import State, Status
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.topics import STATUS
from tabstream.operations.status import SILENT_AFTER_MS, BindingReport, read_overview, reports, table_problems, warnings_of
from tests.kafka.registry_server import RegistryServer
from tests.postgres.server import Server

NOW_MS = 1_700_000_000_000
LEADS = Binding("leads", "public.leads", "sales", "1AbC", "Leads")
ORDERS = Binding("orders", "public.orders", "sales", "1AbC", "Orders")


def status_of(binding: str, state: State = State.RUNNING, at_ms: int = NOW_MS, problem: str | None = None) -> Status:
    return Status(binding, "1AbC", "sink-1", 3, state, at_ms, problem, "do this" if problem else None, rows=40)


@pytest.fixture
def bootstrap_servers() -> Iterator[str]:
    host = Producer({"test.mock.num.brokers": 1})
    broker = next(iter(host.list_topics(timeout=10).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    host.close()


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    server = RegistryServer()
    yield server
    server.stop()


def test_a_binding_that_runs_without_work_is_quiet() -> None:
    [report] = reports([status_of("leads")], [LEADS], NOW_MS)
    assert (report.tab, report.table, report.owner, report.rows) == ("Leads", "public.leads", "sink-1", 40)
    assert report.quiet


def test_the_age_is_that_of_the_oldest_change_not_shown() -> None:
    waiting = Status("leads", "1AbC", "sink-1", 3, State.RUNNING, NOW_MS, lag_messages=5, oldest_unshown_ms=NOW_MS - 2_500)
    [report] = reports([waiting], [LEADS], NOW_MS)
    assert (report.lag_messages, report.oldest_change_seconds) == (5, 2.5)
    assert (report.well, report.quiet) == (True, False)


def test_a_binding_that_nobody_reports_says_what_to_start() -> None:
    first, second = reports([status_of("leads")], [LEADS, ORDERS], NOW_MS)
    assert first.state == "RUNNING"
    assert (second.state, second.remedy) == ("UNOWNED", "start one: tabstream run sheet-sink")


def test_an_owner_that_has_fallen_silent_is_named_so() -> None:
    [report] = reports([status_of("leads", at_ms=NOW_MS - SILENT_AFTER_MS - 1)], [LEADS], NOW_MS)
    assert (report.state, report.problem) == ("SILENT", "its owner has not reported for 30 seconds")


def test_a_paused_binding_shows_its_problem_and_remedy() -> None:
    [report] = reports([status_of("leads", State.PAUSED, problem="no tab")], [LEADS], NOW_MS)
    assert (report.state, report.problem, report.remedy, report.well) == ("PAUSED", "no tab", "do this", False)
    assert report.rows is None  # nobody reads it


@pytest.mark.parametrize("field", ["held", "parked"])
def test_what_waits_for_an_operator_is_not_well(field: str) -> None:
    assert not BindingReport("leads", "1AbC", "Leads", "leads", "RUNNING", **{field: 1}).well  # type: ignore[arg-type]


def test_without_a_bindings_file_all_reported_bindings_are_shown() -> None:
    assert [r.binding for r in reports([status_of("b"), status_of("a")], [], NOW_MS)] == ["a", "b"]


def test_a_removed_binding_is_not_shown() -> None:
    assert [r.binding for r in reports([status_of("leads"), status_of("old")], [LEADS], NOW_MS)] == ["leads"]


def test_the_newest_status_of_each_binding_is_read(bootstrap_servers: str, registry: RegistryServer) -> None:
    settings = Settings(bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url)
    publisher = Publisher(settings)
    now_ms = SystemClock().now_ms()
    for status in (
        status_of("leads", State.STARTING, now_ms),
        status_of("orders", State.PAUSED, now_ms, "no tab"),
        status_of("leads", State.RUNNING, now_ms),
    ):
        publisher.status(status).result(10)
    overview = read_overview(settings, SystemClock(), seconds=10)
    publisher.close()
    assert [(r.binding, r.state) for r in overview.bindings] == [("leads", "RUNNING"), ("orders", "PAUSED")]
    assert not overview.well


def test_a_status_that_cannot_be_read_is_named(bootstrap_servers: str, registry: RegistryServer) -> None:
    settings = Settings(bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url)
    producer = clients.producer(settings)
    producer.produce(STATUS, key=b"leads", value=b"not avro")
    assert producer.flush(10) == 0
    [report] = read_overview(settings, SystemClock(), seconds=10).bindings
    producer.close()
    assert (report.binding, report.state) == ("leads", "UNKNOWN")
    assert "can't be read" in str(report.problem)


def test_a_registry_that_gives_no_answer_is_named(bootstrap_servers: str, registry: RegistryServer) -> None:
    settings = Settings(bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url)
    publisher = Publisher(settings)
    publisher.status(status_of("leads")).result(10)
    publisher.close()
    registry.fault = (503, {"error_code": 50301, "message": "starting"})
    overview = read_overview(settings, SystemClock(), seconds=10)
    assert [part.part for part in overview.unreachable] == ["registry"]


def test_a_broker_that_is_not_there_is_named_and_nothing_is_said_of_the_bindings(tmp_path: Path) -> None:
    file = tmp_path / "bindings.yaml"
    binding = "{name: leads, table: leads, spreadsheet: s, tab: Leads}"
    file.write_text(f"version: 1\nspreadsheets: {{s: {{id: {'x' * 44}}}}}\nbindings: [{binding}]\n", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = Settings(bootstrap_servers=f"127.0.0.1:{port}", bindings_file=file)
    overview = read_overview(settings, SystemClock(), seconds=0.3)
    [report] = overview.bindings
    assert (report.binding, report.state, report.problem, report.well) == ("leads", "UNKNOWN", None, False)
    [part] = overview.unreachable
    assert part.part == "kafka"
    assert f"127.0.0.1:{port}" in part.problem
    assert "TABSTREAM_BOOTSTRAP_SERVERS" in part.remedy


def test_a_table_that_edits_can_t_be_saved_to_is_told_of_its_binding_alone() -> None:
    with Server() as server:
        with psycopg.connect(server.url()) as database:
            database.execute("CREATE TABLE orders (id int PRIMARY KEY, updated_at timestamptz)")
        found = table_problems(server.url(), [LEADS, replace(ORDERS, updated_at="updated_at")])
    assert found.keys() == {"leads"}
    assert "public.leads" in found["leads"].problem
    assert "create it" in found["leads"].remedy


def test_a_binding_that_is_unbound_is_listed_only_where_the_file_names_it() -> None:
    gone = replace(status_of("leads", State.PAUSED, problem="its entry is gone"), details='{"unbound": true}')
    assert reports([gone, status_of("orders")], [], NOW_MS) == reports([status_of("orders")], [], NOW_MS)
    [report] = reports([gone], [LEADS], NOW_MS)
    assert (report.state, report.problem) == ("PAUSED", "its entry is gone")


def test_a_warning_is_told_once_and_of_owners_that_report() -> None:
    warned = replace(status_of("leads"), details='{"warnings": ["the bindings file is refused"]}')
    old = replace(warned, binding="old", at_ms=NOW_MS - SILENT_AFTER_MS - 1, details='{"warnings": ["long ago"]}')
    assert warnings_of([warned, replace(warned, binding="orders"), old], NOW_MS) == ("the bindings file is refused",)


def test_a_wrong_bindings_file_is_told_beside_what_is_reported(
    tmp_path: Path, bootstrap_servers: str, registry: RegistryServer
) -> None:
    file = tmp_path / "bindings.yaml"
    file.write_text("version: 2\n", encoding="utf-8")
    settings = Settings(bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url, bindings_file=file)
    publisher = Publisher(settings)
    publisher.status(status_of("leads", at_ms=SystemClock().now_ms())).result(10)
    publisher.close()
    overview = read_overview(settings, SystemClock(), seconds=10)
    assert [(r.binding, r.state) for r in overview.bindings] == [("leads", "RUNNING")]
    assert f"{file}:1: version is 2" in str(overview.file_problem)
