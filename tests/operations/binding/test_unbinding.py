"""`tabstream unbind` of bindings that nobody runs: what it refuses, and what is left afterwards."""

import json
from collections.abc import Iterator

import pytest

from tabstream.bindings_file import load_bindings
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.kafka.messages import State, Status
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.reader import TopicReader
from tabstream.kafka.status_topic import read_newest
from tabstream.kafka.topics import SIGNALS
from tabstream.operations.binding.uninstalling import told_running
from tabstream.postgres.connection import Connection
from tests.kafka.registry_server import RegistryServer
from tests.operations.binding.conftest import MARKED, Desk

SETTLED = """
INSERT INTO tabstream.cell_register (binding, row_key, column_name, base, value, read_end_ms, number, outcome)
VALUES (%s, '[1]', 'name', '', '', 0, 1, 'applied')
"""


@pytest.fixture
def office(desk: Desk, bound: Binding, bootstrap_servers: str, registry: RegistryServer) -> Iterator[Desk]:
    """The bound tab in the bindings file, and Kafka."""
    desk.kafka, desk.registry = bootstrap_servers, registry.url
    desk.file.write_text(
        "# ours\nversion: 1\nspreadsheets:\n"
        f"  crm: {{id: {desk.spreadsheet_id}}}\n"
        "bindings:\n  # of sales\n  - {name: leads, table: leads, spreadsheet: crm, tab: Sheet1}\n",
        encoding="utf-8",
    )
    yield desk
    forget(desk)


def tell(desk: Desk, status: Status) -> None:
    """What an owner says."""
    publisher = Publisher(settings(desk))
    publisher.status(status).result(10)
    publisher.close()


def forget(desk: Desk) -> None:
    publisher = Publisher(settings(desk))
    publisher.no_status("leads").result(10)
    publisher.close()


def settings(desk: Desk) -> Settings:
    return Settings(bootstrap_servers=desk.kafka, schema_registry_url=desk.registry)


def reported(desk: Desk) -> set[str]:
    return set(read_newest(settings(desk), 10))


def signals(desk: Desk) -> int:
    """How many signals have been sent."""
    with TopicReader(settings(desk)) as reader:
        return sum(bounds.following for bounds in reader.bounds(SIGNALS).values())


def status(desk: Desk, at_ms: int, details: str = "{}", edits_waiting: int = 0) -> Status:
    return Status(
        "leads", desk.spreadsheet_id, "sink-1", 0, State.RUNNING, at_ms, edits_waiting=edits_waiting, details=details
    )


def test_the_tab_the_file_the_status_and_what_was_decided_are_clean(office: Desk, database: Connection) -> None:
    tell(office, status(office, 0))
    for name in ("leads", "others"):
        database.execute(SETTLED, (name,))
    done = office.run("unbind", "leads", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {
        "binding": "leads",
        "taken_out_of_file": True,
        "tab_out_of_reach": False,
        "still_reported": False,
    }
    assert office.person.rows()[:3] == MARKED
    assert load_bindings(office.file).bindings == ()
    assert "# ours" in office.file.read_text(encoding="utf-8")
    assert "leads" not in reported(office)
    assert database.execute("SELECT binding FROM tabstream.cell_register").fetchall() == [("others",)]


def test_edits_that_wait_for_their_answers_are_not_thrown_away_bad(office: Desk) -> None:
    tell(office, status(office, SystemClock().now_ms(), edits_waiting=2))
    before, file = office.person.rows(), office.file.read_text(encoding="utf-8")
    assert "leads: 2 edits wait for their answers" in office.refused("unbind", "leads")
    assert (office.person.rows(), office.file.read_text(encoding="utf-8")) == (before, file)


def test_an_edit_that_nobody_has_seen_yet_is_told_and_stays_in_the_sheet_where_it_is_forced(office: Desk) -> None:
    office.person.act("type", cell="B2", text="Anna")
    assert "1 edits and new rows in tab 'Sheet1' are not saved yet" in office.refused("unbind", "leads")
    assert load_bindings(office.file).named("leads") is not None
    assert office.run("unbind", "leads", "--force").exit_code == 0
    assert office.person.rows()[1] == ["x", "Anna", "1", "1.5", "TRUE"]


def test_marks_that_are_kept_stay(office: Desk) -> None:
    before = office.person.rows()
    assert office.run("unbind", "leads", "--keep-marks").exit_code == 0
    assert office.person.rows() == before
    assert load_bindings(office.file).bindings == ()


def test_what_an_interrupted_command_has_left_is_cleared_by_the_next(office: Desk) -> None:
    tell(office, status(office, SystemClock().now_ms(), details=json.dumps({"unbound": True, "paused_by_operator": True})))
    office.file.write_text("version: 1\nspreadsheets: {}\nbindings: []\n", encoding="utf-8")
    assert office.run("unbind", "leads").exit_code == 0
    assert "leads" not in reported(office)
    assert "there is no binding 'leads' in the bindings file: choose one of: none" in office.refused("unbind", "leads")


def test_a_database_out_of_reach_is_told_before_anything_is_paused_or_cleaned_bad(office: Desk) -> None:
    tell(office, status(office, SystemClock().now_ms()))
    office.database_url = "postgresql://u@127.0.0.1:1/none"
    before, file, sent = office.person.rows(), office.file.read_text(encoding="utf-8"), signals(office)
    assert "the database can't be reached" in office.refused("unbind", "leads", "--wait", "1")
    assert signals(office) == sent
    assert (office.person.rows(), office.file.read_text(encoding="utf-8")) == (before, file)


def test_a_kafka_out_of_reach_keeps_tabstream_from_being_uninstalled_bad(desk: Desk) -> None:
    told = desk.refused("uninstall")
    assert told.startswith(f"kafka at {desk.kafka} gives no answer: ")
    assert told.endswith(": start Kafka, or correct TABSTREAM_BOOTSTRAP_SERVERS")


def test_the_sinks_that_still_run_are_counted() -> None:
    running = {"tabstream.sheet-sink": ["10.0.0.1", "10.0.0.1"], "tabstream.database-sink": ["10.0.0.2"]}
    assert told_running(running) == "2 sheet-sinks on 10.0.0.1, database-sink on 10.0.0.2"
