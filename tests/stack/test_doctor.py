"""`tabstream doctor` on a real stack: each damage is found, and the printed remedies, run as they are, cure it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from tabstream.config import Settings
from tabstream.kafka.topic_settings import Lack, bring_to, describe
from tabstream.kafka.topics import DEAD_LETTERS
from tests.stack.local_stack import LocalStack, until
from tests.stack.topics import changes

NAME = "tabstream_db"
TOPIC = "db.public.patients"
LONGEST_SECONDS = 15  # on a machine that does other things too


class Patient:
    """An installation of one binding on the stack, its doctor, and hands to damage it."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self.stack = stack
        env = stack.env()
        made = (
            httpx.post(f"{env['sheets_url']}/v4/spreadsheets", json={"properties": {"title": "Ward"}})
            .raise_for_status()
            .json()
        )
        file = folder / "bindings.yaml"
        tab = made["sheets"][0]["properties"]["title"]
        binding = {"name": "patients", "table": "public.patients", "spreadsheet": "ward", "tab": tab}
        spreadsheets = {"ward": {"id": made["spreadsheetId"]}}
        file.write_text(yaml.safe_dump({"version": 1, "spreadsheets": spreadsheets, "bindings": [binding]}))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = stack.settings(TABSTREAM_BINDINGS_FILE=str(file), PATH=path)
        self.connect = httpx.Client(base_url=env["connect_url"], timeout=30)
        self.registry = httpx.Client(base_url=env["schema_registry_url"] + "/", timeout=30)
        self.admin = AdminClient({"bootstrap.servers": env["bootstrap_servers"]})

    def close(self) -> None:
        """Lets go of the stack."""
        self.connect.close()
        self.registry.close()

    def findings(self) -> list[dict[str, Any]]:
        """What needs somebody, by the command line."""
        done = self.stack.command("doctor", "--json", **self.environment)
        assert done.returncode in (0, 3), done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
        ill = [finding for finding in found if finding["verdict"] in ("wrong", "warning")]
        assert (done.returncode == 3) == any(finding["verdict"] == "wrong" for finding in ill)
        return ill

    def run(self, step: dict[str, str]) -> None:
        """Takes a step as it is printed."""
        if step["how"] == "sql":
            with self.stack.database() as database:
                database.execute(step["text"].encode())
        else:
            assert step["how"] == "shell", step
            environment = {**self.stack.environment, **self.environment}
            done = subprocess.run(step["text"], shell=True, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{step['text']}: {done.stdout}{done.stderr}"

    def cured(self, *expected: str) -> None:
        """Finds exactly this (`check: part of what is found`), takes the steps of each in turn, and then finds nothing."""
        found = self.findings()
        seen = [f"{finding['check']}: {finding['found']}" for finding in found]
        assert len(seen) == len(expected), seen
        for told, wanted in zip(seen, expected, strict=True):
            check, _, part = wanted.partition(": ")
            assert told.startswith(f"{check}: "), seen
            assert part in told, seen
        for step in {step["text"]: step for finding in found for step in finding["remedy"]}.values():
            self.run(step)
        self.becomes_well()

    def becomes_well(self) -> None:
        """A connector that was started needs a moment until it reads its slot."""
        left: list[dict[str, Any]] = []

        def is_well() -> bool:
            left[:] = self.findings()
            return not left

        try:
            until(is_well, "the doctor finds nothing")
        except AssertionError as problem:
            raise AssertionError(f"the doctor still finds {left}") from problem

    def sql(self, statement: str) -> None:
        with self.stack.database() as database:
            database.execute(statement.encode())

    def set_topic(self, **settings: str) -> None:
        changes = [
            ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for name, value in settings.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, TOPIC, incremental_configs=changes)
        for future in self.admin.incremental_alter_configs([resource]).values():
            future.result(30)

    def stop_connector(self) -> None:
        self.connect.put(f"/connectors/{NAME}/stop").raise_for_status()
        until(lambda: not self.slot_is_read(), "nobody reads the slot")

    def slot_is_read(self) -> bool:
        with self.stack.database() as database:
            row = database.execute("SELECT active FROM pg_replication_slots WHERE slot_name = %s", (NAME,)).fetchone()
        return bool(row and row[0])


@pytest.fixture(scope="module")
def patient(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """Set up by the remedies of its first examination; the stack's own connector is applied again at the end."""
    made = Patient(stack, tmp_path_factory.mktemp("doctor"))
    made.sql("CREATE TABLE IF NOT EXISTS patients (id int PRIMARY KEY, name text)")
    # The sheet sink registers the schema of its statuses with the first one, and has no binding here.
    assert stack.command("schemas", "register", **made.environment).returncode == 0
    yield made
    made.close()
    made.sql("DROP TABLE patients CASCADE")
    stack.local("restart", "connector")


def test_a_new_binding_is_set_up_by_the_printed_remedies(patient: Patient) -> None:
    patient.cured(
        "publication: lacks public.patients",
        "truncate trigger: a TRUNCATE would not be noticed",
        "topic: there is no such topic",
        "configuration: table.include.list",
    )


def test_it_takes_a_few_seconds_and_says_on_a_terminal_what_it_found(patient: Patient) -> None:
    began = time.monotonic()
    done = patient.stack.command("doctor", **patient.environment)
    assert time.monotonic() - began < LONGEST_SECONDS
    assert done.returncode == 0, done.stdout + done.stderr
    assert "wal level: logical" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].endswith(" ok")


def test_settings_of_a_topic(patient: Patient) -> None:
    patient.set_topic(cleanup_policy="delete", min_compaction_lag_ms="0", delete_retention_ms="1000")
    patient.cured("topic: cleanup.policy is delete")


def test_more_replicas_wanted_than_there_are(patient: Patient) -> None:
    patient.set_topic(min_insync_replicas="2")
    patient.cured("replication: nothing can be written")


def test_a_topic_of_our_own_that_is_deleted(patient: Patient) -> None:
    for future in patient.admin.delete_topics([DEAD_LETTERS]).values():
        future.result(30)
    patient.cured("topic: there is no such topic")


def test_a_topic_gets_the_partitions_that_it_lacks(patient: Patient) -> None:
    for future in patient.admin.create_topics([NewTopic("few", 1, 1)]).values():
        future.result(30)
    settings = Settings(bootstrap_servers=patient.environment["TABSTREAM_BOOTSTRAP_SERVERS"])
    bring_to(settings, "few", [Lack("partitions", "1", "3")])
    until(lambda: describe(settings, ["few"]).topics["few"].partitions == 3, "there are three partitions")
    patient.admin.delete_topics(["few"])["few"].result(30)


def test_a_topic_that_is_not_tabstream_s_is_refused_with_those_that_are_bad(patient: Patient) -> None:
    done = patient.stack.command("connectors", "topics", "nowhere", **patient.environment)
    assert done.returncode == 1
    first, second = done.stderr.strip().splitlines()
    assert "there is no topic 'nowhere' of tabstream" in first
    assert TOPIC in second


def test_a_rule_of_the_registry(patient: Patient) -> None:
    patient.registry.put("config/tabstream.edits-value", json={"compatibility": "NONE"}).raise_for_status()
    patient.cured("schema: its rule is NONE")


def test_a_table_that_is_not_published(patient: Patient) -> None:
    patient.sql(f"ALTER PUBLICATION {NAME} DROP TABLE patients")
    patient.cured("publication: lacks public.patients")


def paused(patient: Patient) -> None:
    """It goes on to read its slot, and does nothing with what it reads."""
    patient.connect.put(f"/connectors/{NAME}/pause").raise_for_status()
    until(lambda: _state(patient) == ["PAUSED", "PAUSED"], "connector and task are paused")


def _state(patient: Patient) -> list[str]:
    """The states of connector and tasks."""
    status = patient.connect.get(f"/connectors/{NAME}/status").json()
    return [part["state"] for part in (status["connector"], *status["tasks"])]


def stopped(patient: Patient) -> None:
    patient.stop_connector()


def without_slot(patient: Patient) -> None:
    patient.stop_connector()
    patient.sql(f"SELECT pg_drop_replication_slot('{NAME}')")


def deleted(patient: Patient) -> None:
    patient.connect.delete(f"/connectors/{NAME}").raise_for_status()
    until(lambda: not patient.slot_is_read(), "nobody reads the slot")


def failed(patient: Patient) -> None:
    """It does not start without its publication, and its configuration was changed behind our back."""
    patient.stop_connector()
    patient.sql(f"DROP PUBLICATION {NAME}")
    config = patient.connect.get(f"/connectors/{NAME}/config").json()
    patient.connect.put(f"/connectors/{NAME}/config", json={**config, "heartbeat.interval.ms": "7000"}).raise_for_status()
    patient.connect.put(f"/connectors/{NAME}/resume").raise_for_status()
    until(lambda: "FAILED" in _state(patient), "the connector has failed")
    until(lambda: not patient.slot_is_read(), "nobody reads the slot")


ROWS = (paused, stopped, without_slot, deleted, failed)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (paused, ["state: is PAUSED"]),
        (stopped, ["replication slot: nobody reads", "state: is STOPPED"]),
        (without_slot, ["replication slot: there is no slot", "state: is STOPPED"]),
        (deleted, ["replication slot: nobody reads", "state: there is no connector"]),
        (
            failed,
            [
                "publication: there is no publication",
                "replication slot: nobody reads",
                "state: has failed",
                "configuration: heartbeat.interval.ms is '7000', not '5000'",
            ],
        ),
    ],
    ids=["paused", "stopped", "without slot", "deleted", "failed"],
)
def test_a_connector_that_does_not_run_runs_again_and_has_missed_nothing(
    patient: Patient, damage: Callable[[Patient], None], expected: list[str]
) -> None:
    damage(patient)
    patient.sql(f"INSERT INTO patients VALUES ({ROWS.index(damage)}, '{damage.__name__}')")
    patient.cured(*expected)
    [(_, row)] = changes(patient.stack, TOPIC, 1, lambda after: after["name"] == damage.__name__)
    assert row["id"] == ROWS.index(damage)


def test_a_part_that_is_away_is_told_once(patient: Patient) -> None:
    patient.stack.local("stop", "registry")
    try:
        [found] = patient.findings()
        assert (found["group"], found["check"]) == ("schema registry", "reachable")
    finally:
        patient.stack.local("start", "registry")
    patient.becomes_well()
