"""A tab with rows of its own becomes one that its owner knows, and a person's again."""

from dataclasses import replace
from typing import Any

import pytest

from consumers.sheet_sink.adopting import adoption, leaving
from consumers.sheet_sink.opening import without_sync
from consumers.sheet_sink.scratch import SCRATCH_COLUMNS, SCRATCH_ROWS, SCRATCH_SHEET_ID
from tabstream.core.binding import SCRATCH_TAB
from tabstream.core.edits import EditKind
from tabstream.core.first_contact import (
    Choices,
    Differing,
    OnlyInSheet,
    OnlyInTable,
    find_columns,
    meet,
    only,
    prepare,
)
from tabstream.core.tab import Layout, read_row
from tabstream.core.watermark import METADATA_KEY, TopicMark, Watermark, encode_watermark
from tabstream.sheets import requests as build
from tabstream.sheets.answers import TabView
from tabstream.sheets.pages import read_pages, read_structure
from tests.core.tabs import SHAPE, desired, key
from tests.sheet_sink.desk import METADATA_ID, TITLE, TOPICS, ZONE, Desk

TYPED = [
    ["remark", "name", "id", "amount"],
    ["mine", "Ann", "3", "1.5"],
    ["", "Bob", "1", "2"],
    ["keep", "Cid", "", "7"],
    ["", "", "", ""],
    ["other", "Dan", "9", ""],
]
TABLE = [desired(1, "Bob", 2.0, 0), desired(3, "Anna", 1.5, 0), desired(4, "Eve", None, 0)]


@pytest.fixture
def typed(empty_desk: Desk) -> Desk:
    """A tab that a person has filled, in an order and with a column of their own."""
    title = {"properties": {"sheetId": 0, "title": TITLE}, "fields": "title"}
    empty_desk.send({"updateSheetProperties": title})
    empty_desk.person.act("paste", cell="A1", values=TYPED)
    empty_desk.send(build.update_cells(0, 1, 1, [[build.cell(note="call her")]], build.NOTE))
    return empty_desk


def look(desk: Desk) -> tuple[TabView, dict[int, Any]]:
    """The tab and its rows, as the command reads them."""
    tab = read_structure(desk.client, desk.spreadsheet_id).tab(TITLE)
    assert tab is not None
    rows: dict[int, Any] = {}
    for _, page in read_pages(desk.client, desk.spreadsheet_id, tab):
        rows |= page.rows
    return tab, rows


def adopt(desk: Desk, choices: Choices) -> None:
    tab, rows = look(desk)
    columns = find_columns(rows[0], SHAPE)
    there = only(SHAPE, columns.places)
    free = max(map(len, rows.values()))
    read = [read_row(at, cells, Layout(columns.places, free), there) for at, cells in rows.items() if at > 0]
    table = [(d.key, {name: d.values[name] for name in columns.places}) for d in TABLE if d.values is not None]
    prepared = prepare(meet(read, table, there), choices)
    nothing = TopicMark(TOPICS.table_id, {})
    mark = Watermark(desk.tab.binding.name, 0, 0, 0, ZONE, nothing, TopicMark(TOPICS.results_id, {0: -1}))
    desk.send(
        *adoption(tab, free, columns.places, columns.missing, prepared),
        build.create_metadata(METADATA_ID, METADATA_KEY, encode_watermark(mark), 0),
        build.add_tab(SCRATCH_TAB, SCRATCH_SHEET_ID, True, SCRATCH_ROWS, SCRATCH_COLUMNS),
        build.protect_tab(SCRATCH_SHEET_ID, "set up"),
    )


def test_what_is_typed_at_the_right_meanwhile_stays(typed: Desk) -> None:
    tab, rows = look(typed)
    typed.person.act("paste", cell="E1", values=[["phone"], ["0123"]])
    columns = find_columns(rows[0], SHAPE)
    typed.send(*adoption(tab, 4, columns.places, (), prepare(meet([], [], SHAPE), Choices())))
    assert [row[:6] for row in typed.person.rows()[:2]] == [
        [*TYPED[0], "_sync", "phone"],
        [*TYPED[1], "", "123"],
    ]


def test_a_grid_without_a_free_column_grows(typed: Desk) -> None:
    typed.send(build.resize_grid(0, 1000, 4))
    adopt(typed, Choices(OnlyInSheet.INSERT, OnlyInTable.SHOW, Differing.SHEET))
    tab, rows = look(typed)
    assert (tab.column_count, rows[0][4].shown) == (5, "_sync")


def test_a_sink_that_meets_such_a_tab_says_the_command_that_binds_it(typed: Desk) -> None:
    tab, _ = look(typed)
    binding = replace(typed.tab.binding, table="sales.leads", spreadsheet="crm", tab="Our leads")
    assert without_sync(tab, binding).remedy.startswith("tabstream bind sales.leads crm 'Our leads' shows what differs")


def seen(desk: Desk, columns: int = 4) -> list[list[str]]:
    rows = [row[:columns] for row in desk.person.rows()]
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def test_marks_alone_change_nothing_that_a_person_sees(typed: Desk) -> None:
    before = seen(typed, 26)
    adopt(typed, Choices(OnlyInSheet.INSERT, OnlyInTable.SHOW, Differing.SHEET))
    after = [[text for text in row if not text.startswith("t1:") and text != "_sync"] for row in seen(typed, 26)]
    assert [[text for text in row if text] for row in after] == [[text for text in row if text] for row in before]


def test_the_owner_writes_what_the_table_has_in_the_order_and_columns_of_the_person(typed: Desk) -> None:
    adopt(typed, Choices(OnlyInSheet.INSERT, OnlyInTable.SHOW, Differing.TABLE))
    typed.change(*TABLE)
    reading = typed.read()
    plan = typed.plan(reading)
    typed.apply(typed.render(reading, plan), plan)
    assert plan.drafts == []
    assert seen(typed) == [
        ["remark", "name", "id", "amount"],
        ["mine", "Anna", "3", "1.5"],
        ["", "Bob", "1", "2"],
        ["", "Eve", "4", ""],
        ["keep", "Cid", "", "7"],
        ["", "", "", ""],
        ["other", "Dan", "9", ""],
    ]
    assert typed.person.grid()["notes"][1][1] == "call her"


def test_the_sheets_side_becomes_edits_against_what_the_table_has(typed: Desk) -> None:
    adopt(typed, Choices(OnlyInSheet.INSERT, OnlyInTable.SHOW, Differing.SHEET))
    typed.change(*TABLE)
    plan = typed.plan(typed.read())
    assert [(d.row_key, d.kind, [(c.column, c.value) for c in d.cells]) for d in plan.drafts] == [
        (key(3), EditKind.CELLS, [("name", "Ann")])
    ]


def test_a_column_that_the_tab_lacks_is_added_at_the_right_and_filled(empty_desk: Desk) -> None:
    title = {"properties": {"sheetId": 0, "title": TITLE}, "fields": "title"}
    empty_desk.send({"updateSheetProperties": title})
    empty_desk.person.act("paste", cell="A1", values=[["id", "name", "mine"], ["3", "Anna", "x"]])
    adopt(empty_desk, Choices(OnlyInSheet.INSERT, OnlyInTable.SHOW, Differing.SHEET))
    empty_desk.change(desired(3, "Anna", 1.5, 0))
    empty_desk.flush()
    rows = seen(empty_desk)
    assert rows[0] == ["id", "name", "mine", "amount"]
    assert [rows[1][:3], float(rows[1][3])] == [["3", "Anna", "x"], 1.5]


def test_leaving_gives_the_tab_back_as_the_person_had_it(typed: Desk) -> None:
    adopt(typed, Choices(OnlyInSheet.INSERT, OnlyInTable.SHOW, Differing.TABLE))
    ours = build.cell(note="mine\n\n[tabstream] not saved: too long")
    typed.send(build.update_cells(0, 2, 1, [[ours]], build.NOTE))
    tab, rows = look(typed)
    typed.send(*leaving(tab, rows, typed.tab.binding.name, keep_marks=False, is_last=True))
    tab, rows = look(typed)
    assert seen(typed, 26) == [[*row, *[""] * (len(typed.person.rows()[0]) - 4)][:26] for row in TYPED]
    assert (tab.protections, tab.metadata) == ((), ())
    assert [typed.person.grid()["notes"][at][1] for at in (1, 2)] == ["call her", "mine"]
    assert read_structure(typed.client, typed.spreadsheet_id).tab(SCRATCH_TAB) is None


def test_marks_that_are_kept_leave_the_tab_known(typed: Desk) -> None:
    adopt(typed, Choices(OnlyInSheet.INSERT, OnlyInTable.SHOW, Differing.TABLE))
    tab, rows = look(typed)
    assert leaving(tab, rows, typed.tab.binding.name, keep_marks=True, is_last=True) == []
