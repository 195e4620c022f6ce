"""What is written is what is read back, and what is not masked stays."""

from typing import Any

import pytest

from tabstream.core.cells import CellValue
from tabstream.core.types.base import CheckBox, DropDown, NumberFormat
from tabstream.sheets import fields, formats
from tabstream.sheets.answers import read_spreadsheet
from tabstream.sheets.ranges import a1, grid_range
from tabstream.sheets.requests import cell, create_metadata, protect_column, update_cells, update_metadata
from tests.contracts.conftest import COLUMNS, ROWS, Workspace, title

VALUES: list[CellValue] = ["=1+2", "'x", "007", "TRUE", "ä\nö", 1.5, -3.0, 45_000.25, 2.0**53, True, False, None]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_read_back_equal(workspace: Workspace, value: CellValue) -> None:
    workspace.fill([value])
    seen = workspace.cell(workspace.tab, 0, 0)
    assert (seen.value, type(seen.value), seen.formula) == (value, type(value), False)


def test_only_masked_fields_are_written(workspace: Workspace) -> None:
    workspace.write(update_cells(workspace.tab, 0, 0, [[cell("a", note="mine"), cell("b")]], "userEnteredValue,note"))
    workspace.write(update_cells(workspace.tab, 0, 0, [[cell(None)]]))
    first, second = workspace.cell(workspace.tab, 0, 0), workspace.cell(workspace.tab, 0, 1)
    assert (first.value, first.note) == (None, "mine")
    assert second.value == "b"


def test_a_note_is_taken_away_by_an_empty_one(workspace: Workspace) -> None:
    workspace.write(update_cells(workspace.tab, 0, 0, [[cell("a", note="mine")]], "userEnteredValue,note"))
    workspace.write(update_cells(workspace.tab, 0, 0, [[cell(note="")]], "note"))
    assert workspace.cell(workspace.tab, 0, 0).note == ""


def test_a_tab_can_be_dressed_in_one_batch(workspace: Workspace) -> None:
    workspace.fill(["id", "when", "status", "active", "_sync"])
    workspace.write(
        formats.freeze_rows(workspace.tab),
        formats.bold_header(workspace.tab, 0, 5),
        formats.format_column(workspace.tab, 0, NumberFormat("TEXT")),
        formats.format_column(workspace.tab, 1, NumberFormat("DATE", "yyyy-mm-dd")),
        formats.validate_column(workspace.tab, 2, DropDown(("new", "won"))),
        formats.validate_column(workspace.tab, 3, CheckBox()),
        formats.validate_column(workspace.tab, 0, None),
        formats.grey_column(workspace.tab, 0),
        formats.hide_column(workspace.tab, 4),
        protect_column(workspace.tab, 4, "kept by tabstream"),
        update_cells(workspace.tab, 1, 0, [[cell("7"), cell(45_322.0), cell("lost"), cell("yes")]]),
    )
    view = workspace.view(workspace.tab)
    assert view.frozen_rows == 1
    assert [p.whole_tab for p in view.protections] == [False]
    assert [c.shown for c in view.rows[1]][:4] == ["7", "2024-01-31", "lost", "yes"]
    assert [c.value for c in view.rows[1]][:4] == ["7", 45_322.0, "lost", "yes"]


def test_metadata_is_written_with_the_rows_and_read_with_them(workspace: Workspace) -> None:
    workspace.write(create_metadata(workspace.tab, "watermark", "1", sheet_id=workspace.tab))
    workspace.write(update_cells(workspace.tab, 0, 0, [[cell("row")]]), update_metadata(workspace.tab, '{"offsets": [2]}'))
    view = workspace.view(workspace.tab)
    assert [(m.id, m.key, m.value) for m in view.metadata] == [(workspace.tab, "watermark", '{"offsets": [2]}')]
    assert view.rows[0][0].value == "row"


def test_a_read_by_filter_is_a_read_by_ranges(workspace: Workspace) -> None:
    workspace.fill(["a", 1.0], [], ["c"], start=3)
    by_range = workspace.view(workspace.tab)
    filters: list[dict[str, Any]] = [
        {"gridRange": grid_range(workspace.tab, (0, ROWS), (0, COLUMNS))},
        {"a1Range": a1(title(workspace.scratch), (0, 1), (0, 1))},
    ]
    body = workspace.client.get_by_filter(workspace.spreadsheet_id, filters=filters, fields=fields.ROWS).body
    assert read_spreadsheet(body).tab_by_id(workspace.tab) == by_range


def test_an_answer_says_when_google_gave_it(workspace: Workspace) -> None:
    answer = workspace.client.get(workspace.spreadsheet_id, fields=fields.STRUCTURE)
    assert answer.date_ms is not None


def test_drive_counts_every_change(workspace: Workspace) -> None:
    before = workspace.client.drive_version(workspace.spreadsheet_id)
    assert workspace.client.drive_version(workspace.spreadsheet_id) == before
    workspace.fill(["changed"])
    assert int(workspace.client.drive_version(workspace.spreadsheet_id)) > int(before)
