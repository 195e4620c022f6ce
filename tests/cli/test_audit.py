"""`tabstream audit` as it is seen on a terminal and by programs."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tabstream.cli.audit import as_json_text, show
from tabstream.core.audit import Finding, Kind
from tabstream.core.binding import Binding
from tabstream.operations.audit_report import Judged, Report, Standing
from tests.core.tabs import key

LEADS = Binding("lea[d]s", "public.leads", "sales", "1AbC", "Leads")
DRIFT = Judged(Finding(Kind.CELL, key(7), 6, "amount", 1.0, "x[y]", 42), Standing.DRIFT)
EDIT = Judged(Finding(Kind.EDIT, key(1), 3, "done", True, None, 42), Standing.EDIT)
MISSING = Judged(Finding(Kind.MISSING, key(9), None), Standing.DRIFT)
EQUAL = Report(LEADS, 1.25, (), 40, 40, 400, "0/16B3748", ("ab12", "ab12"), 1)
DRIFTED = Report(LEADS, 7, (EDIT, DRIFT, MISSING), 39, 40, 390, "0/16B3748", ("ab12", "cd34"), 3)
FAILED = Report(LEADS, 0.1, problem="there is no tab 'x'", remedy="make one")


def shown(report: Report) -> list[str]:
    text = io.StringIO()
    show(report, Console(file=text, width=160))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_an_equal_tab_is_one_line() -> None:
    assert shown(EQUAL) == [
        "lea[d]s: equal; 40 rows, 400 cells compared, position 0/16B3748, checksum ab12, 1.2 s",
    ]


def test_findings_stand_in_a_table_drift_first() -> None:
    head, *rows, sums = shown(DRIFTED)
    assert head.split("  ")[0] == "finding"
    assert [line.split() for line in rows] == [
        ["cell", "differs", "drift", "[7]", "7", "amount", "1", "'x[y]'"],
        ["row", "missing", "drift", "[9]"],
        ["edit", "under", "way", "edit", "under", "way", "[1]", "4", "done", "TRUE", "(empty)"],
    ]
    assert sums == (
        "lea[d]s: 2 drift, 1 edit under way; 39 rows in the tab, 40 in the table, 390 cells compared, position 0/16B3748, "
        "checksum of the tab ab12, of the table cd34, 7.0 s"
    )


def test_many_findings_are_shown_in_part_and_counted() -> None:
    many = Report(LEADS, 7, (DRIFT,) * 120, 39, 40, 390, "0/16B3748", ("ab12", "cd34"), 3)
    lines = shown(many)
    assert sum("cell differs" in line for line in lines) == 50
    assert "and 70 more: --json lists them all" in lines


def test_what_kept_it_from_being_audited_stands_with_its_remedy() -> None:
    assert shown(FAILED) == ["lea[d]s: failed", "    there is no tab 'x'", "    make one"]


def test_programs_get_every_finding_with_rows_as_the_sheet_counts_them() -> None:
    answer = json.loads(as_json_text([DRIFTED, FAILED]))
    assert answer["equal"] is False
    drifted, failed = answer["bindings"]
    assert drifted["findings"][1] == {
        "kind": "cell",
        "counts_as": "drift",
        "key": "[7]",
        "row": 7,
        "column": "amount",
        "tab": 1,
        "table": "x[y]",
    }
    assert (drifted["outcome"], drifted["position"], drifted["checksum"]) == (
        "drift",
        "0/16B3748",
        {"tab": "ab12", "table": "cd34"},
    )
    assert (drifted["rows"], drifted["cells"], drifted["counts"]) == (
        {"tab": 39, "table": 40},
        390,
        {"drift": 2, "edit": 1},
    )
    assert (failed["outcome"], failed["problem"], failed["position"]) == ("failed", "there is no tab 'x'", None)
    assert json.loads(as_json_text([EQUAL]))["equal"] is True


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TABSTREAM_")}
    return subprocess.run(
        [sys.executable, "-m", "tabstream.cli", "audit", *arguments],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """A database and Google that are away."""
    file = tmp_path / "bindings.yaml"
    binding = "{name: leads, table: leads, spreadsheet: s, tab: Leads}"
    file.write_text(f"version: 1\nspreadsheets: {{s: {{id: {'x' * 44}}}}}\nbindings: [{binding}]\n", encoding="utf-8")
    return {
        "TABSTREAM_BINDINGS_FILE": str(file),
        "TABSTREAM_DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "TABSTREAM_SHEETS_URL": "http://127.0.0.1:1",
    }


def test_a_binding_that_is_not_there_is_refused_with_those_that_are_bad(settings: dict[str, str]) -> None:
    done = run("nobody", "--json", **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "error: there is no binding 'nobody' in the bindings file",
        "what to do: choose of: leads",
    ]


def test_a_wrong_configuration_ends_with_2_bad(settings: dict[str, str]) -> None:
    for changed in ({"TABSTREAM_DATABASE_URL": ""}, {"TABSTREAM_BINDINGS_FILE": "/none"}, {"TABSTREAM_SHEETS_URL": ""}):
        done = run("--all", **settings | changed)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")
        assert len(done.stderr.splitlines()) == 1
