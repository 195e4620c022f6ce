"""The parts of a workbook but its cells, as Google's JSON."""

from typing import Any

from sheets_emulator.model.ranges import COLUMNS, Rect, to_json
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Metadata, NamedRange, Protection, Sheet, Workbook

_DEFAULT_FORMAT: Json = {
    "backgroundColor": {"red": 1, "green": 1, "blue": 1},
    "padding": {"top": 2, "right": 3, "bottom": 2, "left": 3},
    "verticalAlignment": "BOTTOM",
    "wrapStrategy": "OVERFLOW_CELL",
    "textFormat": {
        "foregroundColor": {},
        "fontFamily": "arial,sans,sans-serif",
        "fontSize": 10,
        "bold": False,
        "italic": False,
        "strikethrough": False,
        "underline": False,
        "foregroundColorStyle": {"rgbColor": {}},
    },
    "backgroundColorStyle": {"rgbColor": {"red": 1, "green": 1, "blue": 1}},
}


def spreadsheet_properties(workbook: Workbook) -> Json:
    """SpreadsheetProperties."""
    return {
        "title": workbook.title,
        "locale": workbook.locale,
        "autoRecalc": workbook.auto_recalc,
        "timeZone": workbook.zone,
        "defaultFormat": _DEFAULT_FORMAT,
    }


def sheet_properties(sheet: Sheet, index: int) -> Json:
    """SheetProperties; what has its default is left out, but sheetId and index are always there."""
    grid: Json = {"rowCount": sheet.row_count, "columnCount": sheet.column_count}
    if sheet.frozen_rows:
        grid["frozenRowCount"] = sheet.frozen_rows
    if sheet.frozen_columns:
        grid["frozenColumnCount"] = sheet.frozen_columns
    grid.update(sheet.stored.get("gridProperties", {}))
    properties: Json = {
        "sheetId": sheet.id,
        "title": sheet.title,
        "index": index,
        "sheetType": "GRID",
        "gridProperties": grid,
    }
    if sheet.hidden:
        properties["hidden"] = True
    properties.update(sheet.stored.get("properties", {}))
    return properties


def protection(sheet: Sheet, item: Protection) -> Json:
    """ProtectedRange."""
    data: Json = {"protectedRangeId": item.id, "range": to_json(sheet.id, item.rect)}
    if item.description is not None:
        data["description"] = item.description
    if item.warning_only:
        data["warningOnly"] = True
    return {**data, "requestingUserCanEdit": True, **item.rest}


def metadata(item: Metadata, sheet_id: int | None) -> Json:
    """DeveloperMetadata; `sheet_id` None is the spreadsheet's own."""
    data: Json = {"metadataId": item.id, "metadataKey": item.key}
    if item.value is not None:
        data["metadataValue"] = item.value
    return {**data, "location": _location(item, sheet_id), "visibility": item.visibility}


def named_range(item: NamedRange) -> Json:
    """NamedRange."""
    return {"namedRangeId": item.id, "name": item.name, "range": to_json(item.sheet_id, item.rect)}


def sheet_parts(sheet: Sheet, index: int) -> Json:
    """Sheet without its `data`."""
    data: Json = {"properties": sheet_properties(sheet, index)}
    if sheet.merges:
        data["merges"] = [to_json(sheet.id, rect) for rect in sheet.merges]
    if sheet.basic_filter is not None:
        data["basicFilter"] = sheet.basic_filter
    if sheet.protections:
        data["protectedRanges"] = [protection(sheet, item) for item in sheet.protections]
    attached = [metadata(item, sheet.id) for item in sheet.metadata if item.dimension is None]
    if attached:
        data["developerMetadata"] = attached
    for name in ("conditionalFormats", "bandedRanges", "filterViews"):
        if sheet.stored.get(name):
            data[name] = sheet.stored[name]
    return data


def spreadsheet_parts(workbook: Workbook) -> Json:
    """Spreadsheet without its `sheets`."""
    data: Json = {"spreadsheetId": workbook.id, "properties": spreadsheet_properties(workbook)}
    if workbook.named_ranges:
        data["namedRanges"] = [named_range(item) for item in workbook.named_ranges]
    if workbook.metadata:
        data["developerMetadata"] = [metadata(item, None) for item in workbook.metadata]
    data["spreadsheetUrl"] = f"https://docs.google.com/spreadsheets/d/{workbook.id}/edit"
    return data


def dimension_range(sheet_id: int, dimension: str, start: int, end: int) -> Json:
    """DimensionRange."""
    data: Json = {"sheetId": sheet_id} if sheet_id else {}
    return {**data, "dimension": dimension, "startIndex": start, "endIndex": end}


def grid_range(sheet: Sheet, rect: Rect) -> Json:
    """GridRange of a tab."""
    return to_json(sheet.id, rect)


def _location(item: Metadata, sheet_id: int | None) -> dict[str, Any]:
    if sheet_id is None:
        return {"locationType": "SPREADSHEET", "spreadsheet": True}
    if item.dimension is None:
        return {"locationType": "SHEET", "sheetId": sheet_id}
    kind = "COLUMN" if item.dimension == COLUMNS else "ROW"
    return {
        "locationType": kind,
        "dimensionRange": dimension_range(sheet_id, item.dimension, item.start, item.end),
    }
