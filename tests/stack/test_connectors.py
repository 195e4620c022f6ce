"""`tabstream connectors apply` on a real Kafka Connect, and what the connector brings to Kafka."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tabstream.core.results import Answer, Claim, EditResult, RowAnswer, Truncated, read_result
from tests.stack.local_stack import LocalStack, until
from tests.stack.topics import changes, delete_topic

NAME = "tabstream_db"
TABLE = "CREATE TABLE IF NOT EXISTS parts (id int PRIMARY KEY, name text); TRUNCATE parts"


@pytest.fixture(scope="module")
def bindings(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bindings file of one table, beside the stack's own."""
    with stack.database() as database:
        database.execute(TABLE)
        database.execute("INSERT INTO parts VALUES (1, 'before')")
    return binding_file(tmp_path_factory.mktemp("bindings") / "bindings.yaml", "public.parts")


def binding_file(path: Path, *tables: str) -> Path:
    entries = [{"name": t.replace(".", "-"), "table": t, "spreadsheet": "book", "tab": t} for t in tables]
    path.write_text(yaml.safe_dump({"version": 1, "spreadsheets": {"book": {"id": "abc"}}, "bindings": entries}))
    return path


class Connector:
    """The connector of the stack, by the command line and by Connect's own API."""

    def __init__(self, stack: LocalStack, bindings: Path) -> None:
        self._stack = stack
        self.environment = stack.settings(TABSTREAM_BINDINGS_FILE=str(bindings))
        self._url = f"{self.environment['TABSTREAM_CONNECT_URL']}/connectors"

    def apply(self, *options: str, **changes: str) -> str:
        done = self._stack.command("connectors", "apply", *options, **{**self.environment, **changes})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, **changes: str) -> str:
        done = self._stack.command("connectors", "apply", **{**self.environment, **changes})
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    def configuration(self, name: str = NAME) -> dict[str, str]:
        return dict(httpx.get(f"{self._url}/{name}/config").json())

    def states(self, name: str = NAME) -> list[str]:
        status = httpx.get(f"{self._url}/{name}/status").json()
        return [status["connector"]["state"], *(task["state"] for task in status["tasks"])]

    def delete(self, name: str) -> None:
        httpx.delete(f"{self._url}/{name}").raise_for_status()

    def change(self, **settings: str) -> None:
        """Changes it behind our back."""
        changed = {**self.configuration(), **{key.replace("_", "."): value for key, value in settings.items()}}
        httpx.put(f"{self._url}/{NAME}/config", json=changed).raise_for_status()


@pytest.fixture(scope="module")
def connector(stack: LocalStack, bindings: Path) -> Iterator[Connector]:
    """Applied to the bindings of this module, and to the stack's own again at the end."""
    made = Connector(stack, bindings)
    yield made
    stack.local("restart", "connector")


def test_a_new_table_is_shown_applied_and_snapshot(connector: Connector, stack: LocalStack) -> None:
    said = connector.apply()
    assert "table.include.list" in said
    assert r"public\.parts" in said
    assert connector.states() == ["RUNNING", "RUNNING"]
    assert [after["name"] for _, after in changes(stack, "db.public.parts", 1)] == ["before"]


def test_a_table_with_a_generated_column_is_snapshot_by_a_connector_that_runs(
    connector: Connector, stack: LocalStack, tmp_path: Path
) -> None:
    connector.apply()
    with stack.database() as database:
        database.execute("CREATE TABLE doubled (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, name text)")
        database.execute("INSERT INTO doubled VALUES (1, DEFAULT, 'one'), (2, DEFAULT, 'two')")
    connector.apply(TABSTREAM_BINDINGS_FILE=str(binding_file(tmp_path / "more.yaml", "public.parts", "public.doubled")))
    assert [after["name"] for _, after in changes(stack, "db.public.doubled", 2)] == ["one", "two"]
    connector.apply()


def test_a_topic_that_was_deleted_is_made_anew_with_a_snapshot_of_its_table(connector: Connector, stack: LocalStack) -> None:
    connector.apply()
    delete_topic(stack, "db.public.parts")
    said = connector.apply()
    assert "asking for a snapshot of public.parts" in said
    assert changes(stack, "db.public.parts", 1) == [("r", {"id": 1, "name": "before"})]
    assert "snapshot" not in connector.apply()


def test_applying_again_changes_nothing(connector: Connector) -> None:
    before = connector.configuration()
    said = connector.apply()
    assert "the connector is as it should be" in said
    assert connector.configuration() == before


def test_a_dry_run_shows_and_changes_nothing(connector: Connector, tmp_path: Path) -> None:
    before = connector.configuration()
    more = binding_file(tmp_path / "more.yaml", "public.parts", "public.orders")
    said = connector.apply("--dry-run", TABSTREAM_BINDINGS_FILE=str(more))
    assert r"public\.orders" in said
    assert connector.configuration() == before


def test_what_was_changed_by_hand_is_shown_and_put_back(connector: Connector) -> None:
    connector.change(heartbeat_interval_ms="7000")
    said = connector.apply()
    line = next(line for line in said.splitlines() if "heartbeat.interval.ms" in line)
    assert line.index("7000") < line.index("5000")
    assert connector.configuration()["heartbeat.interval.ms"] == "5000"
    assert connector.states() == ["RUNNING", "RUNNING"]


def test_a_table_that_is_not_there_is_named_and_the_others_go_on(connector: Connector, tmp_path: Path) -> None:
    more = binding_file(tmp_path / "more.yaml", "public.parts", "public.nowhere")
    said = connector.apply(TABSTREAM_BINDINGS_FILE=str(more))
    assert "there is no table 'public.nowhere'" in said
    assert "create it first" in said
    assert connector.states() == ["RUNNING", "RUNNING"]


def test_a_role_that_may_not_replicate_is_refused_with_the_reason_bad(connector: Connector, stack: LocalStack) -> None:
    with stack.database() as database:
        database.execute("DROP DATABASE IF EXISTS weak")
        database.execute("DROP ROLE IF EXISTS weak")
        database.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
        database.execute("CREATE DATABASE weak OWNER weak")
    where = connector.environment["TABSTREAM_DATABASE_URL"].rpartition("@")[2].partition("/")[0]
    said = connector.refused(TABSTREAM_DATABASE_URL=f"postgresql://weak:weak@{where}/weak", TABSTREAM_TOPIC_PREFIX="weak")
    connector.delete("tabstream_weak")
    assert "grant the connector's user REPLICATION" in said
    assert "what to do:" in said


def test_a_task_that_fails_is_explained_with_the_remedy_bad(connector: Connector, stack: LocalStack) -> None:
    """A second connector that wants a slot where none is free."""
    with stack.database() as database:
        free = database.execute(
            "SELECT current_setting('max_replication_slots')::int - count(*) FROM pg_replication_slots"
        ).fetchone()
        names = [f"filler_{n}" for n in range(free[0] if free else 0)]
        for name in names:
            database.execute("SELECT pg_create_physical_replication_slot(%s)", (name,))
        try:
            said = connector.refused(TABSTREAM_TOPIC_PREFIX="late")
        finally:
            for name in names:
                database.execute("SELECT pg_drop_replication_slot(%s)", (name,))
            connector.delete("tabstream_late")
    assert "tabstream_late" in said
    assert "max_replication_slots" in said


def test_a_wrong_password_is_one_message_bad(connector: Connector) -> None:
    url = connector.environment["TABSTREAM_DATABASE_URL"].partition("@")[2]
    said = connector.refused(TABSTREAM_DATABASE_URL=f"postgresql://postgres:wrong@{url}")
    assert "password authentication failed" in said
    assert len(said.strip().splitlines()) <= 3


def test_the_running_configuration_is_the_one_in_the_repository(connector: Connector) -> None:
    running = connector.configuration()
    from_file = json.loads((files("connectors") / "postgres-source.json").read_text())
    assert set(running) - {"name"} == set(from_file)
    fixed = {key: value for key, value in from_file.items() if "{" not in value}
    assert {key: running[key] for key in fixed} == fixed


OUTBOX = """
INSERT INTO tabstream.edit_result (binding, row_key, kind, keys, answers, row_data) VALUES
    ('contract', '', 'claim', '["[1]", "new:t"]', NULL, NULL),
    ('contract', '[1]', 'answer', NULL, %(answers)s, '{"id": "1", "name": "a", "note": null}'),
    ('contract', '', 'truncate', NULL, NULL, NULL)
"""
ANSWERS = [
    {"column": "name", "base": "b", "value": "x", "number": 5, "outcome": "applied", "reason": "why"},
    {"column": None, "number": 6, "outcome": "applied", "key": "[1]"},
]


def test_outbox_rows_are_read_as_results_from_the_topic(stack: LocalStack) -> None:
    """The table is the contract: what is written there comes out of Kafka as the sheet sink reads it."""
    with stack.database() as database:
        database.execute(OUTBOX, {"answers": json.dumps(ANSWERS)})
    mine = [after for _, after in changes(stack, "db.tabstream.edit_result", 3, lambda after: after["binding"] == "contract")]
    claim, answer, truncated = map(read_result, mine)
    assert isinstance(claim, Claim)
    assert claim.keys == {"[1]", "new:t"}
    assert isinstance(answer, EditResult)
    assert answer.cells == (Answer("name", "b", "x", 5, answer.cells[0].outcome, "why"),)
    assert answer.row_answer == RowAnswer(answer.row_answer.outcome, 6, "[1]") if answer.row_answer else False
    assert answer.row == {"id": "1", "name": "a", "note": None}
    assert isinstance(truncated, Truncated)
    assert truncated.lsn >= answer.lsn > 0


def test_the_registered_schema_is_the_outbox_table_s(stack: LocalStack) -> None:
    with stack.database() as database:
        columns = database.execute(
            """SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns
               WHERE table_schema = 'tabstream' AND table_name = 'edit_result' ORDER BY ordinal_position"""
        ).fetchall()
        database.execute("INSERT INTO tabstream.edit_result (binding, row_key, kind) VALUES ('x', '', 'truncate')")
    registry = stack.env()["schema_registry_url"]
    address = f"{registry}/subjects/db.tabstream.edit_result-value/versions/latest"
    until(lambda: httpx.get(address).status_code == 200, "the schema is registered")
    registered = json.loads(httpx.get(address).json()["schema"])
    fields = {field["name"]: field["type"] for field in row_type(registered)["fields"]}
    assert list(fields) == [name for name, _, _ in columns]
    for name, kind, nullable in columns:
        expected = {"bigint": "long"}.get(kind, "string")
        assert avro_type(fields[name]) == (expected, nullable), name


def row_type(envelope: dict[str, Any]) -> dict[str, Any]:
    """The record of a row in Debezium's envelope."""
    before = next(field for field in envelope["fields"] if field["name"] == "before")
    return dict(next(option for option in before["type"] if isinstance(option, dict)))


def avro_type(declared: Any) -> tuple[str, bool]:
    """The type's name, and whether it may be null."""
    options = declared if isinstance(declared, list) else [declared]
    names = [option["type"] if isinstance(option, dict) else option for option in options]
    return next(name for name in names if name != "null"), "null" in names
