"""Requests say exactly what is meant, and nothing that Google could take for a formula."""

import orjson
import pytest

from tabstream.core.cells import CellValue
from tabstream.sheets import requests
from tabstream.sheets.ranges import grid_range


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+2", {"stringValue": "=1+2"}),
        ("'007", {"stringValue": "'007"}),
        ("12", {"stringValue": "12"}),
        (12.0, {"numberValue": 12.0}),
        (True, {"boolValue": True}),
        (False, {"boolValue": False}),
        (None, {}),
        ("", {}),
    ],
)
def test_a_value_is_written_as_what_it_is(value: CellValue, expected: dict[str, object]) -> None:
    assert requests.cell(value) == {"userEnteredValue": expected}


def test_what_is_kept_is_absent() -> None:
    assert requests.cell(note="a note") == {"note": "a note"}
    assert requests.cell() == {}


def test_a_cleared_cell_is_masked_and_left_empty() -> None:
    request = requests.update_cells(5, 2, 1, [[requests.cell(None), requests.cell("x")]])
    assert request["updateCells"] == {
        "start": {"sheetId": 5, "rowIndex": 2, "columnIndex": 1},
        "rows": [{"values": [{}, {"userEnteredValue": {"stringValue": "x"}}]}],
        "fields": "userEnteredValue",
    }


def test_a_range_is_cleared_without_rows() -> None:
    bounds = grid_range(5, rows=(1, 3))
    assert requests.clear_range(bounds) == {"updateCells": {"range": bounds, "fields": "userEnteredValue"}}


def test_the_fence_is_a_deletion_and_an_addition() -> None:
    assert requests.delete_protection(17) == {"deleteProtectedRange": {"protectedRangeId": 17}}
    assert requests.protect_tab(9, "batch-uuid") == {
        "addProtectedRange": {"protectedRange": {"range": {"sheetId": 9}, "description": "batch-uuid", "warningOnly": True}}
    }


def test_copies_name_what_they_paste() -> None:
    source, destination = grid_range(1, rows=(0, 1)), grid_range(2, rows=(5, 6))
    assert requests.copy_values(source, destination)["copyPaste"]["pasteType"] == "PASTE_VALUES"
    assert requests.copy_all(source, destination) == {
        "copyPaste": {"source": source, "destination": destination, "pasteType": "PASTE_NORMAL"}
    }


def test_rows_come_and_go() -> None:
    assert requests.insert_rows(3, 4, 2) == {
        "insertDimension": {
            "range": {"sheetId": 3, "dimension": "ROWS", "startIndex": 4, "endIndex": 6},
            "inheritFromBefore": True,
        }
    }
    assert requests.delete_rows(3, 4, 6) == {
        "deleteDimension": {"range": {"sheetId": 3, "dimension": "ROWS", "startIndex": 4, "endIndex": 6}}
    }
    assert requests.append_rows(3, 10) == {"appendDimension": {"sheetId": 3, "dimension": "ROWS", "length": 10}}


def test_rows_before_the_first_inherit_from_below() -> None:
    assert requests.insert_rows(3, 0, 1)["insertDimension"]["inheritFromBefore"] is False


def test_metadata_is_found_by_its_id() -> None:
    created = requests.create_metadata(4, "k", "v", sheet_id=0)["createDeveloperMetadata"]["developerMetadata"]
    assert (created["metadataId"], created["location"]) == (4, {"sheetId": 0})
    assert requests.create_metadata(4, "k", "v")["createDeveloperMetadata"]["developerMetadata"]["location"] == {
        "spreadsheet": True
    }
    assert requests.update_metadata(4, "new") == {
        "updateDeveloperMetadata": {
            "dataFilters": [{"developerMetadataLookup": {"metadataId": 4}}],
            "developerMetadata": {"metadataValue": "new"},
            "fields": "metadataValue",
        }
    }


def test_the_size_is_that_of_the_body() -> None:
    request = requests.update_cells(5, 2, 1, [[requests.cell("ä")]])
    assert requests.size_of(request) == len(orjson.dumps(request))
    assert requests.size_of([request, request]) == len(orjson.dumps([request, request]))
