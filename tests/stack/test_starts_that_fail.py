"""A start that fails or is interrupted says what is wrong, once, and leaves nothing running."""

import json
import os
import shutil
import signal
from pathlib import Path

import psutil
import pytest

from tabstream.local.state import State
from tests.stack.local_stack import LocalStack, interrupt, until

REPOSITORY = Path(__file__).parents[2]
JARS = REPOSITORY / "deploy" / "java" / "lib"


def refused(stack: LocalStack, *arguments: str, **environment: str) -> str:
    """What `up` says when it fails; it leaves nothing running, and shows no traceback of ours."""
    done = stack.local("up", *arguments, **environment)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert stack.leftovers() == []
    return done.stderr


def configuration_with(folder: Path, name: str, text: str) -> Path:
    """The shared configuration with a line more in one file."""
    for part in ("deploy/kafka", "deploy/postgres", "connectors"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "deploy" / "java").mkdir()
    shutil.copy(REPOSITORY / "deploy/java/log4j2.properties", folder / "deploy/java")
    with (folder / name).open("a") as file:
        file.write(f"\n{text}\n")
    return folder


def test_missing_jars_are_named_with_the_remedy_bad(spare: LocalStack, tmp_path: Path) -> None:
    said = refused(spare, TABSTREAM_JARS=str(tmp_path / "nowhere"))
    assert f"{tmp_path}/nowhere/kafka is missing" in said
    assert "make setup" in said


def test_broken_jars_are_told_before_anything_runs_bad(spare: LocalStack, tmp_path: Path) -> None:
    shutil.copytree(JARS, tmp_path / "lib", symlinks=True, ignore=shutil.ignore_patterns("*.jar"))
    shutil.copy(JARS / "registry" / "quarkus-run.jar", tmp_path / "lib" / "registry")
    said = refused(spare, TABSTREAM_JARS=str(tmp_path / "lib"))
    assert "Kafka's storage could not be made" in said
    assert "kafka.tools.StorageTool" in said
    assert "what to do:" in said


def test_a_jvm_that_dies_is_told_with_the_end_of_its_log_bad(spare: LocalStack, tmp_path: Path) -> None:
    broken = configuration_with(tmp_path, "deploy/kafka/server.properties", "metric.reporters=no.such.Reporter")
    said = refused(spare, TABSTREAM_CONFIGURATION=str(broken))
    assert "kafka did not start (ended with 1)" in said
    assert str(spare.folder / "logs" / "kafka.log") in said
    assert "no.such.Reporter" in said
    assert "what to do:" in said


def test_a_database_that_refuses_its_settings_is_told_bad(spare: LocalStack, tmp_path: Path) -> None:
    broken = configuration_with(tmp_path, "deploy/postgres/postgresql.conf", "max_connections = 'many'")
    said = refused(spare, TABSTREAM_CONFIGURATION=str(broken))
    assert "postgres did not start" in said
    assert 'invalid value for parameter "max_connections": "many"' in said


def test_a_wrong_bindings_file_is_refused_before_anything_starts_bad(spare: LocalStack, tmp_path: Path) -> None:
    wrong = tmp_path / "bindings.yaml"
    wrong.write_text("version: 1\nspreadsheets: {}\nbindings:\n  - {name: a, tabel: b, spreadsheet: c, tab: d}\n")
    said = refused(spare, "--bindings", str(wrong))
    assert f"{wrong}:4" in said
    assert "tabel" in said and "table" in said
    assert not spare.folder.exists() or not (spare.folder / "bindings.yaml").exists()


def test_a_bindings_file_that_is_not_there_is_named_bad(spare: LocalStack, tmp_path: Path) -> None:
    assert "nowhere.yaml" in refused(spare, "--bindings", str(tmp_path / "nowhere.yaml"))


def test_the_commands_of_a_stack_that_is_down_say_so_bad(spare: LocalStack) -> None:
    for command in (["status"], ["env"], ["stop", "kafka"], ["restart", "kafka"]):
        done = spare.local(*command)
        assert done.returncode == 1
        assert "is not running" in done.stderr
        assert "tabstream local up" in done.stderr
    assert spare.local("down").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["supervisor.json", "logs/connect.log"])
def test_an_interrupted_start_leaves_nothing(spare: LocalStack, number: signal.Signals, moment: str) -> None:
    starting = spare.begin("up")
    until((spare.folder / moment).exists, f"{moment} is there")
    said = interrupt(starting, number)
    assert starting.returncode != 0
    assert "Traceback" not in said
    assert spare.leftovers() == []


def test_a_start_interrupted_while_the_cluster_is_made_can_be_repeated(spare: LocalStack) -> None:
    starting = spare.begin("up")
    until(State(spare.folder).postgres.exists, "the cluster is being made")
    interrupt(starting)
    until(lambda: not spare.leftovers(), "initdb's own processes to see that it is gone")
    again = spare.begin("up")
    until((spare.folder / "logs" / "registry.log").exists, "Kafka is ready")
    interrupt(again)
    assert spare.leftovers() == []


def test_services_whose_supervisor_was_killed_are_ended_by_down(spare: LocalStack) -> None:
    starting = spare.begin("up")
    until((spare.folder / "logs" / "registry.log").exists, "Kafka is ready")
    starting.kill()
    starting.communicate()
    supervisor = json.loads((spare.folder / "supervisor.json").read_text())["pid"]
    orphans = spare.processes() - {psutil.Process(supervisor)}
    os.kill(supervisor, signal.SIGKILL)
    assert [process for process in orphans if process.is_running()]
    assert spare.local("down").returncode == 0
    assert spare.leftovers() == []


def test_wiping_forgets_everything_of_ours_and_nothing_else(spare: LocalStack) -> None:
    starting = spare.begin("up")
    until((spare.folder / "supervisor.json").exists, "services start")
    interrupt(starting)
    (spare.folder / "mine.txt").write_text("kept")
    assert spare.local("down", "--wipe").returncode == 0
    assert [path.name for path in spare.folder.iterdir()] == ["mine.txt"]
    assert not State(spare.folder).postgres.exists()
