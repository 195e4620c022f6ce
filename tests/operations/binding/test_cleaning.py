"""A bound tab is given back: what is counted as not saved yet, and what stays."""

from dataclasses import replace

from tabstream.core.binding import SCRATCH_TAB, Binding, Direction
from tabstream.operations.binding.cleaning import clean, read_marked
from tabstream.operations.binding.doors import Doors
from tabstream.postgres.connection import Connection
from tabstream.sheets.pages import read_structure
from tests.operations.binding.conftest import MARKED, Desk


def unanswered(opened: Doors, binding: Binding) -> int:
    marked = read_marked(opened, binding)
    assert marked is not None
    return marked.unanswered


def test_edits_and_new_rows_are_counted_as_not_saved(desk: Desk, opened: Doors, bound: Binding) -> None:
    assert unanswered(opened, bound) == 0
    desk.person.act("type", cell="B2", text="Anna")
    desk.person.act("type", cell="B4", text="New")
    desk.person.act("type", cell="A3", text="not bound")
    assert unanswered(opened, bound) == 2
    assert unanswered(opened, replace(bound, direction=Direction.DATABASE_TO_SHEET)) == 0


def test_the_tab_is_as_before_and_the_hidden_tab_goes_with_the_last_binding(desk: Desk, opened: Doors, bound: Binding) -> None:
    desk.person.act("sort", column="C", descending=True)
    rows = [row[:5] for row in desk.person.rows() if any(row)]
    assert clean(opened, bound, is_last=False)
    assert read_structure(opened.client, desk.spreadsheet_id).tab(SCRATCH_TAB) is not None
    assert clean(opened, bound, is_last=True)
    view = read_structure(opened.client, desk.spreadsheet_id)
    assert [tab.title for tab in view.tabs] == ["Sheet1"]
    assert (view.tabs[0].protections, view.tabs[0].metadata) == ((), ())
    assert [row[:5] for row in desk.person.rows() if any(row)] == rows
    assert all(not any(row[5:]) for row in desk.person.rows())


def test_a_tab_whose_table_is_gone_is_cleaned_all_the_same(
    database: Connection, desk: Desk, opened: Doors, bound: Binding
) -> None:
    database.execute("DROP TABLE leads")
    assert unanswered(opened, bound) == 0
    assert clean(opened, bound, is_last=True)
    assert desk.person.rows()[0] == MARKED[0]


def test_a_tab_or_spreadsheet_that_is_gone_needs_no_cleaning(opened: Doors, bound: Binding) -> None:
    assert not clean(opened, replace(bound, spreadsheet_id="nobody"), is_last=True)
    assert not clean(opened, replace(bound, name="other", tab="Gone"), is_last=True)
