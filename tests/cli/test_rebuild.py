"""`tabstream rebuild` as it is seen on a terminal and by programs."""

import subprocess
import sys

import pytest

from tabstream.cli.rebuild import rebuilt_json, show_rebuilt
from tabstream.core.audit import Kind
from tabstream.core.binding import Binding
from tabstream.operations.audit_report import Report
from tabstream.operations.rebuild import Rebuilt

LEADS = Binding("leads", "public.leads", "sales", "1AbC", "Leads")
PROOF = Report(LEADS, 1.25, (), 40, 40, 400, "db.public.leads 0/17", ("ab12", "ab12"), 1)
RUN = Report(LEADS, 3, (), 40, 40, 400, "db.public.leads 0/17", ("ab12", "ab12"), 2, before={Kind.CELL: 2, Kind.MISSING: 1})
DONE = Rebuilt(RUN, PROOF, 1_000, writes=1, dropped_deletes=1)


def test_what_differed_and_the_proof_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    show_rebuilt(DONE, dry_run=False)
    told = " ".join(capsys.readouterr().out.split())
    assert "1000 messages read; differed: cell differs: 2, row missing: 1; 1 write call of the owner" in told
    assert "deletes dropped that waited: 1" in told
    assert "leads: equal; 40 rows, 400 cells compared, position db.public.leads 0/17, checksum ab12" in told


def test_a_tab_that_was_right_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_rebuilt(Rebuilt(PROOF, PROOF, 500), dry_run=False)
    assert "nothing differed, nothing was written" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_tab_that_could_not_be_compared_is_not_told_to_be_right_bad(
    capsys: pytest.CaptureFixture[str], dry_run: bool
) -> None:
    failed = Report(LEADS, 1.25, problem="the tab has no header", remedy="put it back")
    show_rebuilt(Rebuilt(failed, failed, 500), dry_run)
    told = capsys.readouterr().out
    assert "500 messages read" in told
    assert "the tab has no header" in told
    assert "nothing" not in told


def test_a_dry_run_says_what_would_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    show_rebuilt(Rebuilt(RUN, RUN, 500), dry_run=True)
    assert "to be put right: cell differs: 2, row missing: 1" in " ".join(capsys.readouterr().out.split())


def test_programs_get_counts_and_both_reports() -> None:
    told = rebuilt_json(DONE)
    assert (told["equal"], told["differed"], told["writes"], told["dropped_deletes"]) == (
        True,
        {"cell": 2, "missing": 1},
        1,
        1,
    )
    assert told["proof"]["checksum"] == {"tab": "ab12", "table": "ab12"}


def test_a_new_tab_without_a_moment_is_a_mistake_bad() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tabstream.cli", "rebuild", "leads", "--into", "X"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "--as-of" in done.stderr) == (2, True)
