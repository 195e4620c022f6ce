"""What is found on this machine: settings, the bindings file, and packages that bear our names."""

import json
import os
import site
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from tabstream.config import Settings
from tabstream.operations.doctor.findings import Verdict
from tabstream.operations.doctor.machine import judge_settings

REPOSITORY = Path(__file__).parents[3]
NOWHERE = {
    "TABSTREAM_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "TABSTREAM_SCHEMA_REGISTRY_URL": "http://127.0.0.1:1",
    "TABSTREAM_CONNECT_URL": "http://127.0.0.1:1",
}


def doctor(python: Path | str, **changes: str) -> dict[str, Any]:
    """What the command tells programs."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TABSTREAM_")}
    done = subprocess.run(
        [str(python), "-m", "tabstream.cli", "doctor", "--json"],
        env={**inherited, **NOWHERE, **changes},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def clashes(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding for finding in found["findings"] if finding["check"] == "package names" and finding["verdict"] == "wrong"]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """An environment of its own, which sees what is installed here."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    packages = next((tmp_path / "venv" / "lib").glob("python*")) / "site-packages"
    (packages / "beside.pth").write_text("\n".join([*site.getsitepackages(), str(REPOSITORY)]))
    return packages


def test_another_distribution_of_one_of_our_names_is_named_and_its_remedy_takes_it_away(elsewhere: Path) -> None:
    python = elsewhere.parents[2] / "bin" / "python"
    info = elsewhere / "kitchen-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kitchen\nVersion: 2.0\n")
    (info / "INSTALLER").write_text("pip\n")
    (elsewhere / "connectors").mkdir()
    (elsewhere / "connectors" / "__init__.py").touch()
    files = ("connectors/__init__.py", *(f"{info.name}/{name}" for name in ("METADATA", "INSTALLER", "RECORD")))
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    [found] = clashes(told := doctor(python))
    assert (found["subject"], str(elsewhere / "connectors") in found["found"]) == ("connectors", True)
    assert {finding["group"] for finding in told["findings"]} == {"this machine"}, "nothing runs on another's packages"
    remedy = next(step["text"] for step in found["remedy"] if step["how"] == "shell")
    subprocess.run(remedy, shell=True, check=True, capture_output=True)
    assert clashes(doctor(python)) == []


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "__init__.py").touch()
    [found] = clashes(doctor(sys.executable, PYTHONPATH=str(tmp_path)))
    assert str(tmp_path / "schemas") in found["remedy"][0]["text"]


def test_a_wrong_bindings_file_is_told_with_its_lines_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "bindings.yaml"
    file.write_text("version: 1\nspreadsheets: {}\nbindings:\n  - {name: leads}\n")
    told = doctor(sys.executable, TABSTREAM_BINDINGS_FILE=str(file), TABSTREAM_DATABASE_URL="postgresql://u@127.0.0.1:1/x")
    by_check = {(finding["group"], finding["check"]): finding for finding in told["findings"]}
    assert f"{file}:4: binding 'leads': key 'table' is missing" in by_check["this machine", "bindings file"]["found"]
    assert by_check["connector", "state"]["verdict"] == "not looked at"
    assert by_check["database", "reachable"]["verdict"] == "wrong"


def test_what_is_not_there_is_told_once_and_what_depends_on_it_is_not_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "bindings.yaml"
    binding = "{name: leads, table: leads, spreadsheet: s, tab: Leads}"
    file.write_text(f"version: 1\nspreadsheets: {{s: {{id: {'x' * 44}}}}}\nbindings: [{binding}]\n")
    told = doctor(
        sys.executable,
        TABSTREAM_BINDINGS_FILE=str(file),
        TABSTREAM_DATABASE_URL="postgresql://u@127.0.0.1:1/x",
        TABSTREAM_SHEETS_URL="http://127.0.0.1:1",
    )
    wrong = [(finding["group"], finding["check"]) for finding in told["findings"] if finding["verdict"] == "wrong"]
    assert wrong == [
        ("database", "reachable"),
        ("kafka", "reachable"),
        ("connector", "reachable"),
        ("schema registry", "reachable"),
        ("google sheets", "reachable"),
    ]
    assert all(finding["remedy"] for finding in told["findings"] if finding["verdict"] == "wrong")
    assert told["well"] is False


def test_settings_that_are_not_set_are_named_with_what_they_are() -> None:
    found = list(judge_settings(Settings(), None, 0))
    assert [finding.found.split()[0] for finding in found if finding.verdict is Verdict.WRONG] == [
        "TABSTREAM_DATABASE_URL",
        "TABSTREAM_BINDINGS_FILE",
        "TABSTREAM_GOOGLE_CREDENTIALS_FILE",
    ]
    assert "it is the service account's JSON key" in found[2].steps[0].text


def test_a_setting_that_is_not_allowed_ends_with_2_bad() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tabstream.cli", "doctor"],
        env={**os.environ, "TABSTREAM_QUOTA_SHARE": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: TABSTREAM_QUOTA_SHARE")
