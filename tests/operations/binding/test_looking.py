"""`tabstream bind` up to its first write: what it tells of table and tab, and what it refuses."""

import json
from typing import Any

import pytest

from tests.operations.binding.conftest import BINDINGS, Desk

ROWS = [
    ["name", "id", "mine", "amount", "active"],
    ["Ann", "1", "x", "1.50", "yes"],
    ["Rob", "2", "", "2", "FALSE"],
    ["Eve", "7", "", "", ""],
    ["New", "", "", "4", ""],
]


def told(desk: Desk, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = desk.run("bind", *arguments, "--json")
    return done.exit_code, json.loads(done.stdout)


def test_what_differs_is_told_by_kind_and_by_column_and_nothing_is_written(desk: Desk) -> None:
    desk.person.act("paste", cell="A1", values=ROWS)
    before = desk.person.grid()
    code, found = told(desk, "leads", desk.spreadsheet_id, "Sheet1")
    assert code == 3
    assert found["rows"] == {
        "equal": 1,
        "differing": 1,
        "only_in_sheet": [{"row": 4, "key": "[7]"}, {"row": 5, "key": None}],
        "only_in_table": ["[3]"],
        "doubled": {},
    }
    assert found["columns"] == {"name": [{"row": 3, "key": "[2]", "tab": "Rob", "table": "Bob"}]}
    assert [q["remedy"] for q in found["questions"]] == [
        "say --only-in-sheet insert or remove",
        "say --only-in-table show or delete",
        "say --differing table or sheet",
    ]
    assert desk.person.grid() == before
    assert desk.file.read_text(encoding="utf-8") == BINDINGS


def test_a_dry_run_with_every_side_named_has_no_question_and_writes_nothing(desk: Desk) -> None:
    desk.person.act("paste", cell="A1", values=ROWS)
    before = desk.person.grid()
    sides = ("--only-in-sheet", "insert", "--only-in-table", "show", "--differing", "sheet")
    done = desk.run("bind", "leads", desk.spreadsheet_id, "Sheet1", *sides, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "only in the sheet" in done.stdout and "row 4, 7; row 5, no key" in done.stdout
    assert 'row 3: "Rob", table "Bob"' in done.stdout
    assert desk.person.grid() == before
    assert desk.file.read_text(encoding="utf-8") == BINDINGS


@pytest.mark.parametrize(
    ("header", "options", "problem"),
    [
        (["id", "Name", "amount", "active"], (), "the tab has no column headed 'name'"),
        (["id", "name", "amount", "amount"], (), "more than one column is headed 'amount'"),
        (
            ["name", "amount", "active"],
            ("--missing-columns", "add"),
            "the tab has no column headed 'id', which is the table's key",
        ),
    ],
)
def test_headers_that_do_not_fit_are_a_question_bad(
    desk: Desk, header: list[str], options: tuple[str, ...], problem: str
) -> None:
    desk.person.act("paste", cell="A1", values=[header, ["1", "Ann", "", ""]])
    code, found = told(desk, "leads", desk.spreadsheet_id, "Sheet1", *options)
    assert code == 3
    assert problem in [q["problem"] for q in found["questions"]]


def test_columns_are_bound_by_the_headers_that_are_named(desk: Desk) -> None:
    desk.person.act("paste", cell="A1", values=[["No.", "Who"], ["1", "Ann"], ["2", "Bob"], ["3", "Cid"]])
    code, found = told(
        desk, "public.leads", desk.spreadsheet_id, "Sheet1", "--column", "id=No.", "--column", "name=Who", "--dry-run"
    )
    assert (code, found["rows"]["equal"], found["questions"]) == (0, 3, [])


def test_merged_cells_and_doubled_keys_are_questions_bad(desk: Desk) -> None:
    header = ["id", "name", "amount", "active"]
    desk.person.act("paste", cell="A1", values=[header, ["1", "Ann", "1.5", "TRUE"], ["1", "Ann", "1.5", "TRUE"]])
    merged = {"sheetId": 0, "startRowIndex": 4, "endRowIndex": 6, "startColumnIndex": 1, "endColumnIndex": 2}
    desk.api({"mergeCells": {"range": merged, "mergeType": "MERGE_ALL"}})
    _, found = told(desk, "leads", desk.spreadsheet_id, "Sheet1")
    problems = [q["problem"] for q in found["questions"]]
    assert "the key [1] stands in the rows 2, 3" in problems
    assert "cells of columns to be bound are merged in row 5" in problems


def test_an_empty_tab_leaves_nothing_to_ask(desk: Desk) -> None:
    code, found = told(
        desk, "leads", f"https://docs.google.com/spreadsheets/d/{desk.spreadsheet_id}/edit#gid=0", "Sheet1", "--dry-run"
    )
    assert (code, found["found"], found["questions"]) == (0, "empty", [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing", "{id}", "Sheet1"), "there is no table 'nothing' in the database"),
        (("leads", "{id}", "Sheet9"), "has no tab 'Sheet9': it has: 'Sheet1'"),
        (("leads", "nobody", "Sheet1"), "nobody"),
        (("leads", "not an id", "Sheet1"), "'not an id' is no spreadsheet"),
        (("leads", "{id}", "Sheet1", "--column", "id", "--column", "nope"), "table 'leads' has no column 'nope'"),
        (("leads", "{id}", "Sheet1", "--direction", "boht"), "'boht' is no direction: did you mean 'both'?"),
        (("leads", "{id}", "Sheet1", "--differing", "mine"), "'mine' is no side for --differing"),
        (("leads", "{id}", "Sheet1", "--column", "=x"), "'=x' is no column"),
    ],
)
def test_a_mistake_is_told_in_words_bad(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    assert said in desk.refused("bind", *(text.format(id=desk.spreadsheet_id) for text in arguments))
    assert desk.file.read_text(encoding="utf-8") == BINDINGS


def test_what_the_file_binds_already_is_refused_bad(desk: Desk) -> None:
    desk.file.write_text(
        "version: 1\nspreadsheets:\n"
        f"  crm: {{id: {desk.spreadsheet_id}}}\n"
        "bindings:\n  - {name: leads, table: other, spreadsheet: crm, tab: Other}\n",
        encoding="utf-8",
    )
    assert "there is a binding 'leads' already: give this one another name" in desk.refused("bind", "leads", "crm", "Sheet1")
    said = desk.refused("bind", "leads", "crm", "Other")
    assert "tab 'Other' is bound to table 'other' by the binding 'leads'" in said
