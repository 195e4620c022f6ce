"""appendDimension, insertDimension, deleteDimension, moveDimension, updateDimensionProperties, insertRange, deleteRange."""

from random import Random
from typing import Any

from sheets_emulator.fields import covers
from sheets_emulator.model import cells, dimensions
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import COLUMNS, ROWS, Area
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import MAX_CELLS, Sheet, Workbook
from sheets_emulator.requests.grid import area_of, mask_of, sheet_of, span_of


def append_dimension(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """appendDimension."""
    sheet, dimension, length = sheet_of(workbook, body), body.get("dimension"), body.get("length", 0)
    if dimension not in (ROWS, COLUMNS):
        raise Refused("No dimension specified.")
    if length < 1:
        raise Refused("Length must be greater than 0.")
    _check_room(workbook, sheet, dimension, length)
    return dimensions.append(workbook, sheet.id, dimension, length), {}


def insert_dimension(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """insertDimension."""
    data = body.get("range", {})
    sheet = sheet_of(workbook, data)
    dimension, start, end = span_of(sheet, data)
    _check_room(workbook, sheet, dimension, end - start)
    from_before = bool(body.get("inheritFromBefore", False))
    return dimensions.insert(workbook, sheet.id, dimension, start, end - start, from_before), {}


def delete_dimension(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """deleteDimension."""
    data = body.get("range", {})
    sheet = sheet_of(workbook, data)
    return dimensions.delete(workbook, sheet.id, *span_of(sheet, data)), {}


def move_dimension(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """moveDimension; destinationIndex counts as it stands before the move."""
    data = body.get("source", {})
    sheet = sheet_of(workbook, data)
    return dimensions.move(workbook, sheet.id, *span_of(sheet, data), body.get("destinationIndex", 0)), {}


def update_dimension_properties(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """updateDimensionProperties: hiddenByUser and pixelSize."""
    mask, data, wanted = mask_of(body), body.get("range", {}), body.get("properties", {})
    sheet = sheet_of(workbook, data)
    dimension, start, end = span_of(sheet, data)
    if start >= dimensions.count(sheet, dimension):
        raise Refused(f"Cannot update {dimension.lower()} past the end of the sheet.")
    changes: dict[str, Any] = {}
    if covers(mask, "hiddenByUser"):
        changes["hidden"] = bool(wanted.get("hiddenByUser", False))
    if covers(mask, "pixelSize") and "pixelSize" in wanted:
        changes["size"] = int(wanted["pixelSize"])
    if dimension == ROWS:
        changed = dimensions.set_row_properties(sheet, start, end, lambda row: row._replace(**changes))
    else:
        changed = dimensions.set_column_properties(sheet, start, end, lambda column: column._replace(**changes))
    return workbook.with_sheet(changed), {}


def insert_range(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """insertRange: blank cells, what stood there shifted down or to the right; the grid grows if values need it."""
    sheet, area = area_of(workbook, body.get("range", {}))
    if _direction(body) == ROWS:
        moved = area._replace(end_row=max(sheet.used_rows(), area.start_row))
        missing = moved.end_row + area.height - sheet.row_count if moved.height else 0
        target = moved._replace(start_row=area.end_row, end_row=moved.end_row + area.height)
    else:
        moved = area._replace(end_column=sheet.column_count)
        blanks = _blank_columns(sheet, moved)
        missing = max(area.width - blanks, 0)
        moved = moved._replace(end_column=sheet.column_count - min(blanks, area.width))
        target = moved._replace(start_column=area.end_column, end_column=moved.end_column + area.width)
    if missing > 0:
        workbook = dimensions.append(workbook, sheet.id, _direction(body), missing)
        sheet = workbook.sheet(sheet.id)
    block = cells.read(sheet, moved)
    sheet = cells.blank_cells(sheet, area)
    return workbook.with_sheet(cells.write(sheet, target.start_row, target.start_column, block)), {}


def delete_range(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """deleteRange: the cells below or to the right move up."""
    sheet, area = area_of(workbook, body.get("range", {}))
    if _direction(body) == ROWS:
        rest = area._replace(start_row=area.end_row, end_row=sheet.row_count)
        hole = area._replace(start_row=sheet.row_count - area.height, end_row=sheet.row_count)
    else:
        rest = area._replace(start_column=area.end_column, end_column=sheet.column_count)
        hole = area._replace(start_column=sheet.column_count - area.width, end_column=sheet.column_count)
    block = cells.read(sheet, rest)
    sheet = cells.write(sheet, area.start_row, area.start_column, block)
    return workbook.with_sheet(cells.blank_cells(sheet, hole)), {}


def auto_resize(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """autoResizeDimensions: accepted; what things measure on a screen is not modelled."""
    data = body.get("dimensions", {})
    span_of(sheet_of(workbook, data), data)
    return workbook, {}


def _direction(body: Json) -> str:
    dimension = body.get("shiftDimension")
    if dimension not in (ROWS, COLUMNS):
        raise Refused("Must specify a shiftDimension of ROWS or COLUMNS.")
    return str(dimension)


def _blank_columns(sheet: Sheet, area: Area) -> int:
    block = cells.read(sheet, area)
    blanks = 0
    while blanks < area.width and all(line[area.width - blanks - 1].value is None for line in block):
        blanks += 1
    return blanks


def _check_room(workbook: Workbook, sheet: Sheet, dimension: str, number: int) -> None:
    # Before anything is built: a request for a billion rows must not take memory first.
    across = sheet.column_count if dimension == ROWS else sheet.row_count
    if workbook.cell_count + number * across > MAX_CELLS:
        raise Refused(f"This action would increase the number of cells in the workbook above the limit of {MAX_CELLS} cells.")
