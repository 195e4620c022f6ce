"""`tabstream status` as it is seen on a terminal and by programs."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tabstream.cli.status import as_record, duration, exit_code, show
from tabstream.operations.status import BindingReport, Overview, Unreachable

NOW_MS = 1_700_000_000_000
LEADS = BindingReport("leads", "1AbC", "Leads", "public.leads", "RUNNING", "sink-1", 40, 7, 2.5, NOW_MS - 90_000, 1, 2, 3, 4)
PAUSED = BindingReport("old[er]", "1AbC", None, None, "PAUSED", problem="no tab 'x'", remedy="make a tab 'x'")


def shown(overview: Overview) -> str:
    text = io.StringIO()
    show(overview, NOW_MS, Console(file=text, width=200))
    return text.getvalue()


def test_a_binding_is_one_line_of_the_table() -> None:
    [line] = [line for line in shown(Overview((LEADS,))).splitlines() if "leads" in line]
    assert line.split() == ["leads", "RUNNING", "40", "7", "2", "s", "90", "s", "ago", "1", "2", "3", "4", "sink-1"]


def test_the_numbers_fit_into_a_terminal_of_eighty_columns() -> None:
    text = io.StringIO()
    show(Overview((LEADS,)), NOW_MS, Console(file=text, width=80))
    assert "leads   RUNNING 40   7   2 s 90 s ago   1     2          3    4" in text.getvalue()


def test_problems_stand_below_with_their_remedies() -> None:
    overview = Overview((LEADS, PAUSED), (Unreachable("registry", "no answer", "start it"),))
    lines = shown(overview).splitlines()
    assert "old[er]: no tab 'x'" in lines
    assert "    make a tab 'x'" in lines
    assert lines[-2:] == ["registry: no answer", "    start it"]


def test_what_somebody_wrote_does_not_steer_the_terminal() -> None:
    assert "\x1b" not in shown(Overview((replace(PAUSED, problem="no tab '\x1b[2Jx'"),)))


def test_no_binding_at_all_says_what_to_set() -> None:
    assert "TABSTREAM_BINDINGS_FILE" in shown(Overview(()))


def test_a_bindings_file_without_bindings_is_told() -> None:
    text = shown(Overview((), has_file=True))
    assert "the bindings file names none" in text
    assert "TABSTREAM_BINDINGS_FILE" not in text


def test_programs_get_every_field() -> None:
    answer = as_record(Overview((LEADS,)))
    [binding] = answer["bindings"]
    assert (answer["well"], binding["held"], binding["quiet"], binding["oldest_change_seconds"]) == (False, 3, False, 2.5)
    assert answer["unreachable"] == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 ms"), (0.85, "850 ms"), (12.9, "12 s"), (300, "5 min"), (10_800, "3 h"), (200_000, "2 d")],
)
def test_lengths_of_time_are_rough(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_several_sheet_sinks_are_named_with_what_each_owns() -> None:
    other = replace(LEADS, binding="orders", spreadsheet_id="2", owner="sink-2")
    third = replace(LEADS, binding="parts", owner="sink-2")
    silent = replace(LEADS, binding="old", owner="sink-3", state="SILENT")
    assert "2 sheet sinks share the spreadsheets: sink-1 owns 1, sink-2 owns 2" in shown(
        Overview((LEADS, other, third, silent))
    )
    assert "sheet sinks" not in shown(Overview((LEADS, silent)))


def test_a_warning_needs_an_operator_and_is_told_once() -> None:
    well = replace(LEADS, held=0, parked=0)
    overview = Overview((well, replace(well, binding="orders")), warnings=("the bindings file is refused",))
    assert shown(overview).count("warning: the bindings file is refused") == 1
    assert exit_code(overview) == 1
    assert exit_code(Overview((well,))) == 0


def test_a_wrong_bindings_file_hides_nothing_of_what_is_reported() -> None:
    overview = Overview((LEADS,), file_problem="bindings.yaml:3: key 'table' is missing")
    assert "RUNNING" in shown(overview)
    assert "bindings file: bindings.yaml:3: key 'table' is missing" in shown(overview)
    assert exit_code(overview) == 2
