"""`tabstream local` on a stack that runs: what it shows, and what it does with one service."""

import json
import os
import signal
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest

from tabstream.local.state import USUAL_PORTS
from tests.stack.conftest import TAKEN
from tests.stack.local_stack import LocalStack, until

SERVICES = ("postgres", "kafka", "registry", "connect", "emulator", "producer", "sheet-sink", "database-sink")
ADDRESSES = ("schema_registry_url", "connect_url", "sheets_url", "person_url", "producer_url")
OTHER_KEYS = ("database_url", "bootstrap_servers", "producer_secret_file", "bindings_file", "spreadsheets", "metrics")


def test_env_says_all_that_is_needed_to_use_the_stack(stack: LocalStack) -> None:
    env = stack.env()
    assert set(env) == {*ADDRESSES, *OTHER_KEYS, "pids", "state_dir"}
    assert set(env["pids"]) == set(SERVICES)
    assert all(psutil.pid_exists(pid) for pid in env["pids"].values())
    assert all(Path(env[name]).exists() for name in ("producer_secret_file", "bindings_file", "state_dir"))


def test_env_without_json_has_the_same_keys(stack: LocalStack) -> None:
    lines = stack.local("env").stdout.splitlines()
    assert {line.partition(":")[0] for line in lines} == set(stack.env())


def test_every_metrics_address_answers(stack: LocalStack) -> None:
    metrics = stack.env()["metrics"]
    assert set(metrics) == {"producer", "sheet-sink", "database-sink"}
    for url in metrics.values():
        assert "# HELP" in httpx.get(url).text
        assert httpx.get(url.replace("/metrics", "/healthz")).status_code == 200


def test_other_ports_are_found_where_the_usual_are_taken(stack: LocalStack) -> None:
    ports = json.loads((stack.folder / "ports.json").read_text())
    assert not {ports[name] for name in TAKEN} & {USUAL_PORTS[name] for name in TAKEN}


def test_nothing_listens_beyond_this_machine(stack: LocalStack) -> None:
    listening = [
        (process.name(), connection.laddr)
        for process in stack.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert [where for where in listening if where[1].ip.removeprefix("::ffff:") not in ("127.0.0.1", "::1")] == []


def test_up_again_changes_nothing(stack: LocalStack) -> None:
    before = stack.env()
    stack.up()
    assert stack.env() == before


def test_status_shows_each_service_with_its_memory(stack: LocalStack) -> None:
    services = stack.services()
    assert set(services) == {*SERVICES, "connector"}
    assert {name: services[name]["condition"] for name in SERVICES} == dict.fromkeys(SERVICES, "ready")
    assert services["connector"]["condition"] == "done"
    table = stack.local("status").stdout
    assert all(name in table for name in services)
    assert sum(service["memory_bytes"] for service in services.values()) < 3e9


def test_the_log_of_each_service_can_be_read(stack: LocalStack) -> None:
    said = stack.local("logs", "kafka", "-n", "2000").stdout
    assert said.strip()
    assert len(stack.local("logs", "connect", "-n", "3").stdout.splitlines()) == 3


@pytest.mark.parametrize("command", ["start", "stop", "restart", "logs"])
def test_an_unknown_service_is_refused_with_the_known_ones_bad(stack: LocalStack, command: str) -> None:
    done = stack.local(command, "zookeeper")
    assert done.returncode == 1
    assert "zookeeper" in done.stderr and "kafka" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stopped_service_stays_stopped_until_it_is_started(stack: LocalStack) -> None:
    before = stack.env()["pids"]["producer"]
    assert stack.local("stop", "producer").returncode == 0
    assert not psutil.pid_exists(before)
    assert stack.services()["producer"]["condition"] == "stopped"
    assert "producer" not in stack.env()["pids"]
    assert stack.local("start", "producer").returncode == 0
    assert httpx.get(f"{stack.env()['producer_url']}/healthz").status_code == 200


def test_up_starts_what_was_stopped(stack: LocalStack) -> None:
    stack.local("stop", "emulator")
    stack.up()
    assert stack.services()["emulator"]["condition"] == "ready"


def test_a_restarted_service_is_another_process_and_answers(stack: LocalStack) -> None:
    before = stack.env()["pids"]["database-sink"]
    assert stack.local("restart", "database-sink").returncode == 0
    env = stack.env()
    assert env["pids"]["database-sink"] != before
    assert httpx.get(env["metrics"]["database-sink"]).status_code == 200


@pytest.mark.parametrize("name", ["emulator", "producer", "sheet-sink", "database-sink", "postgres", "registry"])
def test_a_killed_service_comes_back(stack: LocalStack, name: str) -> None:
    before = stack.services()[name]
    os.kill(before["pid"], signal.SIGKILL)

    def back() -> bool:
        now = stack.services()[name]
        return bool(now["condition"] == "ready" and now["restarts"] == before["restarts"] + 1)

    until(back, f"{name} is ready again")
    assert stack.env()["pids"][name] != before["pid"]


def test_a_service_that_hangs_can_be_restarted(stack: LocalStack) -> None:
    before = stack.env()["pids"]["producer"]
    os.kill(before, signal.SIGSTOP)
    assert stack.local("restart", "producer").returncode == 0
    assert not psutil.pid_exists(before)
    assert httpx.get(f"{stack.env()['producer_url']}/healthz").status_code == 200


def test_two_ups_at_once_don_t_disturb_each_other(stack: LocalStack) -> None:
    before = stack.env()
    both = [stack.begin("up") for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes[0] == 0, said
    assert codes[1] == 0 or any("wait for it to end" in text for text in said)
    assert stack.env() == before


def test_the_database_can_be_used_with_psql_s_url(stack: LocalStack) -> None:
    with stack.database() as database:
        found = database.execute("SHOW wal_level").fetchone()
    assert found == ("logical",)


def test_the_secret_files_are_their_owner_s_alone(stack: LocalStack) -> None:
    for name in ("producer-secret", "database-password", "supervisor.json"):
        assert (stack.folder / name).stat().st_mode & 0o077 == 0


def test_passwords_are_in_no_log_and_no_command_line(stack: LocalStack) -> None:
    secrets = [(stack.folder / name).read_text().strip() for name in ("producer-secret", "database-password")]
    texts = [path.read_text(errors="replace") for path in (stack.folder / "logs").iterdir()]
    texts += [subprocess.list2cmdline(process.cmdline()) for process in stack.processes()]
    assert [text[:200] for text in texts if any(secret in text for secret in secrets)] == []
