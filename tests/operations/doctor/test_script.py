"""The way from the Apps Script to Kafka: a real producer, run by the printed command, on librdkafka's mock broker."""

import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sheet_producer.post import SCRIPT_VERSION
from tabstream.bindings_file import load_bindings
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.edits import Edit, EditKind, How, SeenCell
from tabstream.kafka.publisher import Publisher
from tabstream.operations.demo.installing import script_files
from tabstream.operations.doctor.asking_producer import ask_producer, ask_scripts, read_secret
from tabstream.operations.doctor.findings import Finding, Verdict
from tabstream.operations.doctor.script import judge_producer, judge_scripts, judge_secret, judge_unused
from tests.kafka.registry_server import RegistryServer

NOW_MS = 1_700_000_000_000
BINDINGS = """
version: 1
spreadsheets:
  crm: {id: 1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg}
  erp: {id: 2AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg}
bindings:
  - {name: doctored, table: public.leads, spreadsheet: crm, tab: Leads}
"""


@pytest.fixture
def environment(tmp_path: Path, bootstrap_servers: str, registry: RegistryServer) -> dict[str, str]:
    (tmp_path / "bindings.yaml").write_text(BINDINGS)
    (tmp_path / "secret file").write_text("tulip-tulip-tulip\n")
    (tmp_path / "secret file").chmod(0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        "TABSTREAM_BOOTSTRAP_SERVERS": bootstrap_servers,
        "TABSTREAM_SCHEMA_REGISTRY_URL": registry.url,
        "TABSTREAM_BINDINGS_FILE": str(tmp_path / "bindings.yaml"),
        "TABSTREAM_PRODUCER_SECRET_FILE": str(tmp_path / "secret file"),
        "TABSTREAM_PRODUCER_PORT": str(port),
    }


@pytest.fixture
def settings(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def secret_file(settings: Settings) -> Path:
    return settings.required_path("producer_secret_file")


def producer(settings: Settings) -> Finding:
    return judge_producer(ask_producer(settings, read_secret(secret_file(settings))[1], SystemClock()))


@contextmanager
def running(remedy: str) -> Iterator[None]:
    """The process that a remedy starts, for as long as the block lasts."""
    program, *arguments = shlex.split(remedy)
    assert program == "tabstream"
    command = [sys.executable, "-m", "tabstream.cli", *arguments]
    process = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def becomes(settings: Settings, verdict: Verdict) -> Finding:
    end = time.monotonic() + 30
    while (found := producer(settings)).verdict is not verdict:
        assert time.monotonic() < end, found
        threading.Event().wait(0.1)
    return found


def test_a_producer_that_does_not_run_is_started_by_the_printed_command(settings: Settings) -> None:
    found = producer(settings)
    assert (found.verdict, "nobody answers" in found.found) == (Verdict.WARNING, True)
    with running(found.steps[0].text):
        becomes(settings, Verdict.OK)


def test_a_producer_with_another_secret_is_told(settings: Settings, tmp_path: Path) -> None:
    with running("tabstream run producer"):
        becomes(settings, Verdict.OK)
        other = tmp_path / "other"
        other.write_text("crocus-crocus-crocus\n")
        found = producer(settings.model_copy(update={"producer_secret_file": other}))
        assert (found.verdict, "signature does not match" in found.found) == (Verdict.WRONG, True)


def test_a_producer_that_waits_for_the_registry_is_told_with_its_reasons(settings: Settings, registry: RegistryServer) -> None:
    registry.fault = (503, {"message": "not now"})
    with running("tabstream run producer"):
        becomes(settings, Verdict.WRONG)
        assert "the schema registry gives no answer" in becomes(settings, Verdict.WRONG).found
        registry.fault = None
        becomes(settings, Verdict.OK)


@pytest.mark.parametrize(
    ("damage", "verdict", "said"),
    [
        ("rm '{}'", Verdict.WRONG, "can't be read"),
        ("> '{}'", Verdict.WRONG, "is empty"),
        ("echo short > '{}'", Verdict.WARNING, "can be guessed"),
        ("chmod 644 '{}'", Verdict.WARNING, "every user"),
    ],
)
def test_a_secret_that_is_no_good_is_made_anew_by_the_printed_command(
    settings: Settings, damage: str, verdict: Verdict, said: str
) -> None:
    path = secret_file(settings)
    subprocess.run(damage.format(path), shell=True, check=True)
    found = judge_secret(read_secret(path)[0])
    assert (found.verdict, said in found.found) == (verdict, True)
    subprocess.run(found.steps[0].text, shell=True, check=True)
    assert judge_secret(read_secret(path)[0]).verdict is Verdict.OK
    assert path.stat().st_mode & 0o077 == 0


def test_without_a_secret_no_script_is_expected() -> None:
    assert judge_unused().verdict is Verdict.OK


def edit(how: How, version: int = SCRIPT_VERSION) -> Edit:
    cell = SeenCell("name", "Ada", "Ada", "digest", 1)
    return Edit("doctored", "[1]", EditKind.CELLS, NOW_MS, NOW_MS, how, "post", "Etc/UTC", 0, 1, (cell,), version)


def test_a_spreadsheet_is_well_once_an_edit_has_come_from_its_script(settings: Settings) -> None:
    bindings = load_bindings(settings.bindings_file or "")
    clock = SystemClock()
    publisher = Publisher(settings)
    publisher.edit(edit(How.SWEEP)).result(10)
    crm, erp = judge_scripts(ask_scripts(settings, bindings), clock.now_ms())
    assert (crm.verdict, erp.verdict) == (Verdict.WARNING, Verdict.WARNING)
    publisher.edit(edit(How.TRIGGER, SCRIPT_VERSION - 1)).result(10)
    crm, _ = judge_scripts(ask_scripts(settings, bindings), clock.now_ms())
    assert (crm.verdict, "a version before 1 of the script" in crm.found) == (Verdict.WARNING, True)
    assert "Code.gs" in crm.steps[0].text
    publisher.edit(edit(How.TRIGGER)).result(10)
    publisher.close()
    crm, erp = judge_scripts(ask_scripts(settings, bindings), clock.now_ms())
    assert (crm.verdict, crm.subject, "seconds ago" in crm.found) == (Verdict.OK, "crm", True)
    assert (erp.verdict, "run install" in erp.steps[0].text) == (Verdict.WARNING, True)


def test_the_script_names_the_version_that_the_doctor_looks_for() -> None:
    assert f"var SCRIPT_VERSION = {SCRIPT_VERSION};" in script_files()["Code.gs"]
