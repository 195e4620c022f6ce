"""Builders of the requests of `spreadsheets.batchUpdate`: plain values in, plain dicts out.

Each docstring names the request's kind: https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/request
Rows and columns are 0-based, ends are exclusive. A range is a GridRange object (`tabstream.sheets.ranges.grid_range`).
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import orjson

from tabstream.core.cells import CellValue
from tabstream.core.plan import KEEP, Keep
from tabstream.sheets.ranges import grid_range

Request: TypeAlias = dict[str, Any]
CellData: TypeAlias = dict[str, Any]
GridRange: TypeAlias = dict[str, int]

VALUE = "userEnteredValue"
NOTE = "note"


def size_of(request: Request | Sequence[Request]) -> int:
    """Bytes that the request, or a list of them, takes in the body."""
    return len(orjson.dumps(request))


def delete_protection(protection_id: int) -> Request:
    """deleteProtectedRange; fails where there is no protection of this id."""
    return {"deleteProtectedRange": {"protectedRangeId": protection_id}}


def protect_tab(sheet_id: int, description: str, warning_only: bool = True) -> Request:
    """addProtectedRange of a whole tab; fails where the tab has one. Google chooses its id (`added_protection`)."""
    return _protect(grid_range(sheet_id), description, warning_only)


def protect_column(sheet_id: int, column: int, description: str, warning_only: bool = True) -> Request:
    """addProtectedRange of a column to the end of the grid: people are warned before they change it."""
    return _protect(grid_range(sheet_id, columns=(column, column + 1)), description, warning_only)


def copy_values(source: GridRange, destination: GridRange) -> Request:
    """copyPaste of values: what is shown stays, formulas become their results, formats and notes stay behind."""
    return _copy(source, destination, "PASTE_VALUES")


def copy_all(source: GridRange, destination: GridRange) -> Request:
    """copyPaste of everything: values, formulas, formats, notes, validation."""
    return _copy(source, destination, "PASTE_NORMAL")


def cell(value: CellValue | Keep = KEEP, note: str | Keep = KEEP) -> CellData:
    """A CellData object; what is kept is absent, what is cleared is empty. Text is never parsed as a formula."""
    data: CellData = {}
    if value is not KEEP:
        data[VALUE] = _extended(value)
    if note is not KEEP:
        data[NOTE] = note
    return data


def update_cells(sheet_id: int, row: int, column: int, rows: Sequence[Sequence[CellData]], fields: str = VALUE) -> Request:
    """updateCells from one corner on: the masked `fields` of every cell, cleared where its CellData lacks them."""
    return {
        "updateCells": {
            "start": {"sheetId": sheet_id, "rowIndex": row, "columnIndex": column},
            "rows": [{"values": [_written(data) for data in cells]} for cells in rows],
            "fields": fields,
        }
    }


def clear_range(bounds: GridRange, fields: str = VALUE) -> Request:
    """updateCells without rows: clears the masked `fields` in the whole range."""
    return {"updateCells": {"range": bounds, "fields": fields}}


def insert_rows(sheet_id: int, start: int, count: int, inherit_from_before: bool = True) -> Request:
    """insertDimension: blank rows before row `start`, formatted as the row above, or as the one below."""
    return {
        "insertDimension": {
            "range": _rows(sheet_id, start, start + count),
            "inheritFromBefore": inherit_from_before and start > 0,
        }
    }


def delete_rows(sheet_id: int, start: int, end: int) -> Request:
    """deleteDimension."""
    return {"deleteDimension": {"range": _rows(sheet_id, start, end)}}


def insert_columns(sheet_id: int, start: int, count: int) -> Request:
    """insertDimension: blank columns before column `start`, formatted as that one."""
    columns = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": start, "endIndex": start + count}
    return {"insertDimension": {"range": columns, "inheritFromBefore": False}}


def delete_column(sheet_id: int, column: int) -> Request:
    """deleteDimension of one column."""
    columns = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": column, "endIndex": column + 1}
    return {"deleteDimension": {"range": columns}}


def append_rows(sheet_id: int, count: int) -> Request:
    """appendDimension: blank rows at the end of the grid."""
    return {"appendDimension": {"sheetId": sheet_id, "dimension": "ROWS", "length": count}}


def append_columns(sheet_id: int, count: int) -> Request:
    """appendDimension: blank columns at the right of the grid."""
    return {"appendDimension": {"sheetId": sheet_id, "dimension": "COLUMNS", "length": count}}


def resize_grid(sheet_id: int, rows: int, columns: int) -> Request:
    """updateSheetProperties: the grid's size; rows and columns beyond it are lost with what they hold."""
    return _properties(
        {"sheetId": sheet_id, "gridProperties": {"rowCount": rows, "columnCount": columns}},
        "gridProperties(rowCount,columnCount)",
    )


def create_metadata(metadata_id: int, key: str, value: str, sheet_id: int | None = None) -> Request:
    """createDeveloperMetadata under an id of our choice, on a tab or (None) on the spreadsheet."""
    location = {"spreadsheet": True} if sheet_id is None else {"sheetId": sheet_id}
    return {
        "createDeveloperMetadata": {
            "developerMetadata": {
                "metadataId": metadata_id,
                "metadataKey": key,
                "metadataValue": value,
                "location": location,
                "visibility": "DOCUMENT",
            }
        }
    }


def update_metadata(metadata_id: int, value: str) -> Request:
    """updateDeveloperMetadata: a new value for the entry of this id."""
    return {
        "updateDeveloperMetadata": {
            "dataFilters": [_by_metadata_id(metadata_id)],
            "developerMetadata": {"metadataValue": value},
            "fields": "metadataValue",
        }
    }


def delete_metadata(metadata_id: int) -> Request:
    """deleteDeveloperMetadata of the entry of this id."""
    return {"deleteDeveloperMetadata": {"dataFilter": _by_metadata_id(metadata_id)}}


def add_tab(title: str, sheet_id: int, hidden: bool = False, rows: int = 1000, columns: int = 26) -> Request:
    """addSheet under an id of our choice."""
    return {
        "addSheet": {
            "properties": {
                "sheetId": sheet_id,
                "title": title,
                "hidden": hidden,
                "gridProperties": {"rowCount": rows, "columnCount": columns},
            }
        }
    }


def hide_tab(sheet_id: int, hidden: bool = True) -> Request:
    """updateSheetProperties: hides a tab or shows it again; the last visible one can't be hidden."""
    return _properties({"sheetId": sheet_id, "hidden": hidden}, "hidden")


def delete_tab(sheet_id: int) -> Request:
    """deleteSheet."""
    return {"deleteSheet": {"sheetId": sheet_id}}


def _properties(properties: dict[str, Any], fields: str) -> Request:
    return {"updateSheetProperties": {"properties": properties, "fields": fields}}


def _protect(bounds: GridRange, description: str, warning_only: bool) -> Request:
    protection = {"range": bounds, "description": description, "warningOnly": warning_only}
    return {"addProtectedRange": {"protectedRange": protection}}


def _copy(source: GridRange, destination: GridRange, kind: str) -> Request:
    return {"copyPaste": {"source": source, "destination": destination, "pasteType": kind}}


def _rows(sheet_id: int, start: int, end: int) -> dict[str, Any]:
    return {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": start, "endIndex": end}


def _by_metadata_id(metadata_id: int) -> dict[str, Any]:
    return {"developerMetadataLookup": {"metadataId": metadata_id}}


def _extended(value: CellValue) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    return {"numberValue": value}


def _written(data: CellData) -> CellData:
    return {name: value for name, value in data.items() if value != {}} if {} in data.values() else data
