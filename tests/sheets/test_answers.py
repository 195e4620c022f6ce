"""Answers are read whole, whatever Google leaves out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.cells import EMPTY_CELL, ObservedCell, observed_cell
from tabstream.sheets.answers import Metadata, Protection, added_protection, read_cells, read_spreadsheet

extended: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"stringValue": st.text(max_size=5)}),
    st.fixed_dictionaries({"numberValue": st.floats(allow_nan=False) | st.integers(-5, 5)}),
    st.fixed_dictionaries({"boolValue": st.booleans()}),
    st.fixed_dictionaries({"errorValue": st.fixed_dictionaries({"type": st.just("REF")})}),
    st.just({}),
)
cell_data = st.fixed_dictionaries(
    {},
    optional={
        "effectiveValue": extended,
        "userEnteredValue": st.one_of(extended, st.just({"formulaValue": "=A1"})),
        "formattedValue": st.text(max_size=5),
        "note": st.text(max_size=5),
    },
)


@given(st.lists(cell_data, max_size=8))
def test_cells_are_read_as_the_vocabulary_says(cells: list[dict[str, Any]]) -> None:
    assert read_cells([{"values": cells}]) == [[observed_cell(data) for data in cells]]


def test_a_tab_is_read_with_all_it_has() -> None:
    view = read_spreadsheet(
        {
            "spreadsheetId": "sheet1",
            "properties": {"title": "Sales", "locale": "de_DE", "timeZone": "Europe/Berlin"},
            "developerMetadata": [{"metadataId": 1, "metadataKey": "k", "metadataValue": "v"}],
            "sheets": [
                {
                    "properties": {
                        "sheetId": 5,
                        "title": "leads",
                        "index": 1,
                        "hidden": True,
                        "gridProperties": {"rowCount": 100, "columnCount": 12, "frozenRowCount": 1},
                    },
                    "protectedRanges": [
                        {"protectedRangeId": 7, "range": {"sheetId": 5, "startColumnIndex": 10}},
                        {"protectedRangeId": 8, "range": {"sheetId": 5}, "description": "uuid", "warningOnly": True},
                    ],
                    "developerMetadata": [{"metadataId": 2, "metadataKey": "w", "metadataValue": "{}"}],
                    "merges": [{"sheetId": 5, "startRowIndex": 1, "endRowIndex": 3}],
                    "data": [
                        {"rowData": [{"values": [{"effectiveValue": {"stringValue": "a"}, "formattedValue": "a"}]}]},
                        {"startRow": 4, "rowData": [{}, {"values": [{}, {"effectiveValue": {"numberValue": 1}}]}]},
                    ],
                }
            ],
        }
    )
    tab = view.tab("leads")
    assert tab is not None
    assert view.tab_by_id(5) is tab
    assert (view.id, view.title, view.locale, view.zone, view.cells) == (
        "sheet1",
        "Sales",
        "de_DE",
        "Europe/Berlin",
        1200,
    )
    assert view.metadata == (Metadata(1, "k", "v"),)
    assert tab.metadata == (Metadata(2, "w", "{}"),)
    assert (tab.hidden, tab.frozen_rows, tab.index, len(tab.merges)) == (True, 1, 1, 1)
    assert tab.protection == Protection(8, "uuid", True, True, {"sheetId": 5})
    assert dict(tab.rows) == {
        0: [ObservedCell("a", "a")],
        4: [],
        5: [EMPTY_CELL, ObservedCell(1.0)],
    }


def test_what_google_leaves_out_reads_as_empty() -> None:
    view = read_spreadsheet({"sheets": [{"properties": {"title": "first"}, "data": [{}], "protectedRanges": [{}]}, {}]})
    tab = view.tab("first")
    assert tab is not None
    assert (tab.sheet_id, tab.hidden, tab.row_count, tab.metadata, dict(tab.rows)) == (0, False, 0, (), {})
    assert tab.protection is not None  # GridRange of sheet 0 without bounds
    assert view.tab("second") is None
    assert read_spreadsheet({}).tabs == ()


def test_a_block_that_begins_further_right_is_no_whole_row() -> None:
    view = read_spreadsheet({"sheets": [{"data": [{"startColumn": 3, "rowData": [{"values": [{}]}]}]}]})
    assert view.tabs[0].blocks[0].start_column == 3
    assert view.tabs[0].rows == {}


def test_the_new_fence_is_in_the_reply() -> None:
    body = {"replies": [{}, {"addProtectedRange": {"protectedRange": {"protectedRangeId": 99}}}]}
    assert added_protection(body, 1) == 99


@pytest.mark.parametrize("body", [{}, {"replies": [{}]}, {"replies": [{}, {}]}])
def test_a_reply_without_a_fence_is_named_bad(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="reply 1 of the batch names no new protection"):
        added_protection(body, 1)
