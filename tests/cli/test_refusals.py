"""What an operator's mistake, or an outage, is answered with: what is wrong, and what to do, and no secret."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sheets_emulator.process import emulator_process

FILE = "version: 1\nspreadsheets: {s: {id: 1AbC}}\nbindings: [{name: leads, table: leads, spreadsheet: s, tab: Leads}]\n"


@pytest.fixture
def away(tmp_path: Path) -> dict[str, str]:
    """Settings whose parts are all away, with passwords where there may be some."""
    file = tmp_path / "bindings.yaml"
    file.write_text(FILE, encoding="utf-8")
    return {
        "TABSTREAM_BINDINGS_FILE": str(file),
        "TABSTREAM_DATABASE_URL": "postgresql://u:tulip@127.0.0.1:1/none",
        "TABSTREAM_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "TABSTREAM_SCHEMA_REGISTRY_URL": "http://u:tulip@127.0.0.1:1",
        "TABSTREAM_CONNECT_URL": "http://u:tulip@127.0.0.1:1",
    }


def refused(*arguments: str, **environment: str) -> tuple[int, list[str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TABSTREAM_")}
    command = [sys.executable, "-m", "tabstream.cli", *arguments]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=False)
    assert "tulip" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["written", "dry run"])
def test_a_spreadsheet_that_is_not_there_is_told_when_its_past_is_asked_for_bad(
    away: dict[str, str], more: tuple[str, ...]
) -> None:
    with emulator_process() as server:
        code, [said, remedy] = refused("rebuild", "leads", "--as-of", "5", *more, **away, TABSTREAM_SHEETS_URL=server.url)
    assert (code, said) == (1, "error: spreadsheet '1AbC' is not there")
    assert remedy.startswith("what to do: check its id in the bindings file")


@pytest.mark.parametrize(
    ("command", "variable"),
    [
        ("tail edits", "TABSTREAM_BOOTSTRAP_SERVERS"),
        ("conflicts", "TABSTREAM_DATABASE_URL"),
        ("schemas list", "TABSTREAM_SCHEMA_REGISTRY_URL"),
        ("connectors status --json", "TABSTREAM_CONNECT_URL"),
    ],
)
def test_an_outage_is_told_with_the_setting_to_look_at_bad(away: dict[str, str], command: str, variable: str) -> None:
    code, [said, remedy] = refused(*command.split(), **away)
    assert code == 1
    assert said.startswith("error: ")
    assert remedy.startswith("what to do: start ")
    assert variable in remedy


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("orders", "s", "Orders", "--name", "a b"), "'a b' is not a binding's name"),
        (("a.b.c", "s", "Orders"), "'a.b.c' is not a table"),
        (("orders", "s", ""), "tab is '', and must be text that is not empty"),
        (("orders", "s", "_tabstream"), "'_tabstream' is kept for tabstream's own use"),
        (("orders", "s", "Orders", "--column", "a", "--column", "a"), "column 'a' is there twice"),
    ],
)
def test_what_the_bindings_file_can_t_have_is_refused_before_the_tab_is_touched_bad(
    away: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    code, told = refused("bind", *arguments, TABSTREAM_SHEETS_URL="http://127.0.0.1:1", **away)
    assert code == 1
    assert told[0].startswith("error: it can't be bound so: ")
    assert said in told[0]
    assert told[1:] == ["what to do: correct the command"]


@pytest.mark.parametrize("url", ["mysql://u:tulip@h/d", "postgresql://u:tulip%zz@h/d", "postgresql://u:tulip@[::1/d"])
def test_a_wrong_database_url_ends_with_2_and_is_not_shown_bad(away: dict[str, str], url: str) -> None:
    code, [said] = refused("conflicts", **away | {"TABSTREAM_DATABASE_URL": url})
    assert code == 2
    assert "TABSTREAM_DATABASE_URL can't be read: it must look like postgresql://" in said


@pytest.mark.parametrize(
    "command",
    [
        "schemas show edit --version 0",
        "schemas show edit --own --version 3",
        "status --wait inf",
        "status --every inf",
        "demo --port 99999",
        "local logs kafka --lines -5",
    ],
)
def test_an_option_that_makes_no_sense_ends_with_2_bad(command: str) -> None:
    code, said = refused(*command.split())
    assert code == 2
    assert "Invalid value for" in "".join(said)


def test_a_past_moment_that_is_empty_does_not_rebuild_the_tab_bad(away: dict[str, str]) -> None:
    code, [said, remedy] = refused("rebuild", "leads", "--as-of", "", TABSTREAM_SHEETS_URL="http://127.0.0.1:1", **away)
    assert (code, said) == (1, "error: '' is no place in a topic")
    assert remedy.startswith("what to do: write beginning, ")


def test_status_tells_of_every_part_that_is_away(away: dict[str, str]) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TABSTREAM_")}
    command = [sys.executable, "-m", "tabstream.cli", "status", "--json"]
    done = subprocess.run(command, env=clean | away, capture_output=True, text=True, check=False)
    assert (done.returncode, [part["part"] for part in json.loads(done.stdout)["unreachable"]]) == (1, ["kafka", "database"])
