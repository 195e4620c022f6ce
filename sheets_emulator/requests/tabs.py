"""addSheet, deleteSheet, duplicateSheet, updateSheetProperties, updateSpreadsheetProperties."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sheets_emulator.fields import Mask, below, covers, paths
from sheets_emulator.model import dimensions, tabs
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import (
    DEFAULT_COLUMNS,
    DEFAULT_ROWS,
    MAX_CELLS,
    Sheet,
    Workbook,
    free_title,
    new_sheet,
)
from sheets_emulator.present.structure import sheet_properties
from sheets_emulator.requests.grid import drawn_id, mask_of, titled_sheet

_STORED_PROPERTIES = ("tabColor", "tabColorStyle", "rightToLeft")
_STORED_GRID = ("hideGridlines", "rowGroupControlAfter", "columnGroupControlAfter")
_SIZES = ("rowCount", "columnCount")


def add_sheet(workbook: Workbook, body: Json, random: Random) -> tuple[Workbook, Json]:
    """addSheet; the id and the title are chosen here if the request does not."""
    wanted = body.get("properties", {})
    grid = wanted.get("gridProperties", {})
    rows, columns = grid.get("rowCount", DEFAULT_ROWS), grid.get("columnCount", DEFAULT_COLUMNS)
    if rows < 1 or columns < 1:
        raise Refused("A sheet must have at least one row and one column.")
    _check_cells(workbook, rows * columns)
    sheet_id = wanted.get("sheetId", drawn_id(random))
    if sheet_id < 0:
        raise Refused(f"sheetId must be non-negative, got {sheet_id}.")
    sheet = new_sheet(sheet_id, wanted.get("title") or free_title(workbook), rows, columns)
    workbook = tabs.add(workbook, sheet, wanted.get("index"))
    frozen = {name: grid[name] for name in ("frozenRowCount", "frozenColumnCount", *_STORED_GRID) if name in grid}
    if frozen:
        workbook = _grid_properties(workbook, sheet_id, frozen, {name: {} for name in frozen})
    workbook = _stored(workbook, sheet_id, wanted, {name: {} for name in _STORED_PROPERTIES if name in wanted})
    if wanted.get("hidden"):
        workbook = tabs.hide(workbook, sheet_id, True)
    return workbook, {"addSheet": {"properties": _properties(workbook, sheet_id)}}


def delete_sheet(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """deleteSheet."""
    return tabs.delete(workbook, titled_sheet(workbook, body.get("sheetId", 0)).id), {}


def duplicate_sheet(workbook: Workbook, body: Json, random: Random) -> tuple[Workbook, Json]:
    """duplicateSheet."""
    source = titled_sheet(workbook, body.get("sourceSheetId", 0))
    sheet_id = body.get("newSheetId", drawn_id(random))
    title = body.get("newSheetName") or tabs.copy_title(workbook, source.title)
    _check_cells(workbook, source.row_count * source.column_count)
    index = body.get("insertSheetIndex", 0)
    workbook = tabs.add(workbook, tabs.copy_of(source, sheet_id, title), index)
    return workbook, {"duplicateSheet": {"properties": _properties(workbook, sheet_id)}}


def update_sheet_properties(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """updateSheetProperties: the grid grows and shrinks with its counts."""
    mask, wanted = mask_of(body), body.get("properties", {})
    sheet_id = titled_sheet(workbook, wanted.get("sheetId", 0)).id
    if covers(mask, "gridProperties"):
        grid, grid_mask = wanted.get("gridProperties", {}), below(mask, "gridProperties")
        workbook = _grid_properties(workbook, sheet_id, grid, grid_mask)
    if covers(mask, "title"):
        kept = "" if mask else _title(workbook, sheet_id)
        workbook = tabs.rename(workbook, sheet_id, wanted.get("title", kept))
    if covers(mask, "index") and "index" in wanted:
        workbook = tabs.move(workbook, sheet_id, wanted["index"])
    if covers(mask, "hidden"):
        workbook = tabs.hide(workbook, sheet_id, bool(wanted.get("hidden")))
    return _stored(workbook, sheet_id, wanted, mask or {name: {} for name in _STORED_PROPERTIES}), {}


def update_spreadsheet_properties(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """updateSpreadsheetProperties: title, locale, time zone, recalculation."""
    mask, wanted = mask_of(body), body.get("properties", {})
    for path in paths(mask):
        if path.partition(".")[0] not in ("title", "locale", "timeZone", "autoRecalc", "defaultFormat", "spreadsheetTheme"):
            raise Refused(f"Invalid field: {path}")
    if covers(mask, "title") and wanted.get("title"):
        workbook = replace(workbook, title=wanted["title"])
    if covers(mask, "locale") and wanted.get("locale"):
        workbook = replace(workbook, locale=wanted["locale"])
    if covers(mask, "timeZone") and wanted.get("timeZone"):
        workbook = replace(workbook, zone=_zone(wanted["timeZone"]))
    if covers(mask, "autoRecalc") and wanted.get("autoRecalc"):
        workbook = replace(workbook, auto_recalc=wanted["autoRecalc"])
    return workbook, {}


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(f"Invalid time zone: {name}") from None
    return name


def _title(workbook: Workbook, sheet_id: int) -> str:
    return workbook.sheet(sheet_id).title


def _properties(workbook: Workbook, sheet_id: int) -> Json:
    return sheet_properties(workbook.sheet(sheet_id), workbook.index_of(sheet_id))


def _grid_properties(workbook: Workbook, sheet_id: int, wanted: Mapping[str, Any], mask: Mask) -> Workbook:
    sheet = workbook.sheet(sheet_id)
    rows, columns = sheet.row_count, sheet.column_count
    if covers(mask, "rowCount"):
        rows = wanted.get("rowCount", 0 if mask else rows)
    if covers(mask, "columnCount"):
        columns = wanted.get("columnCount", 0 if mask else columns)
    if rows < 1 or columns < 1:
        raise Refused(f"You can't delete all the {'rows' if rows < 1 else 'columns'} on the sheet.")
    frozen_rows = wanted.get("frozenRowCount", 0) if covers(mask, "frozenRowCount") else sheet.frozen_rows
    frozen_columns = wanted.get("frozenColumnCount", 0) if covers(mask, "frozenColumnCount") else sheet.frozen_columns
    _check_frozen(frozen_rows, rows, "rows")
    _check_frozen(frozen_columns, columns, "columns")
    _check_cells(workbook, rows * columns - sheet.row_count * sheet.column_count)
    workbook = workbook.with_sheet(replace(sheet, frozen_rows=frozen_rows, frozen_columns=frozen_columns))
    workbook = dimensions.resize(workbook, sheet_id, rows, columns)
    kept = {name: wanted[name] for name in _STORED_GRID if covers(mask, name) and name in wanted}
    return _store(workbook, workbook.sheet(sheet_id), "gridProperties", kept) if kept else workbook


def _check_frozen(frozen: int, size: int, word: str) -> None:
    if frozen < 0:
        raise Refused(f"The number of frozen {word} can't be negative, got {frozen}.")
    if frozen >= size:
        raise Refused(f"You can't freeze all visible {word} on the sheet.")


def _check_cells(workbook: Workbook, more: int) -> None:
    if more > 0 and workbook.cell_count + more > MAX_CELLS:
        raise Refused(f"This action would increase the number of cells in the workbook above the limit of {MAX_CELLS} cells.")


def _stored(workbook: Workbook, sheet_id: int, wanted: Mapping[str, Any], mask: Mask) -> Workbook:
    kept = {name: wanted.get(name) for name in _STORED_PROPERTIES if name in mask}
    return _store(workbook, workbook.sheet(sheet_id), "properties", kept) if kept else workbook


def _store(workbook: Workbook, sheet: Sheet, part: str, kept: Mapping[str, Any]) -> Workbook:
    merged = {**sheet.stored.get(part, {}), **kept}
    merged = {name: value for name, value in merged.items() if value is not None}
    return workbook.with_sheet(replace(sheet, stored={**sheet.stored, part: merged}))
