"""What the parts of requests name: tabs, areas of cells, rows and columns. Refused with Google's text if they don't exist."""

from collections.abc import Mapping
from random import Random
from typing import Any

from sheets_emulator.fields import BadMask, Mask, parse
from sheets_emulator.model.a1 import cell_name, column_name, quote
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import COLUMNS, ROWS, Area, Rect, from_json
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Sheet, Workbook


def drawn_id(random: Random) -> int:
    """An id as the server chooses them: positive, 31 bits."""
    return random.randrange(1, 2**31)


def mask_of(body: Json) -> Mask:
    """The request's field mask; it must have one."""
    text = body.get("fields")
    if not text:
        raise Refused("At least one field must be listed in 'fields'. (Use '*' to indicate all fields.)")
    try:
        return parse(text)
    except BadMask:
        raise Refused(f"Invalid field mask: {text}") from None


def sheet_of(workbook: Workbook, data: Mapping[str, Any]) -> Sheet:
    """The tab that a range or coordinate is on; the one with id 0 if it says none."""
    return workbook.sheet(data.get("sheetId", 0))


def titled_sheet(workbook: Workbook, sheet_id: int) -> Sheet:
    """The tab that a request about tabs names."""
    if not workbook.has_sheet(sheet_id):
        raise Refused(f"No sheet with id: {sheet_id}")
    return workbook.sheet(sheet_id)


def rect_of(sheet: Sheet, data: Mapping[str, Any]) -> Rect:
    """The rectangle of a GridRange, checked against itself and the grid."""
    rect = from_json(data)
    for start, end, word in ((rect.start_row, rect.end_row, "Row"), (rect.start_column, rect.end_column, "Column")):
        if (start or 0) < 0 or (end is not None and end < 0):
            raise Refused(f"GridRange indexes must be >= 0, got start{word}Index {start} and end{word}Index {end}.")
        if end is not None and end < (start or 0):
            raise Refused(f"start{word}Index[{start}] must not be greater than end{word}Index[{end}].")
    if (rect.start_row or 0) >= sheet.row_count or (rect.start_column or 0) >= sheet.column_count:
        raise beyond(sheet, rect)
    return rect


def area_of(workbook: Workbook, data: Mapping[str, Any]) -> tuple[Sheet, Area]:
    """The tab and the cells of a GridRange, clipped to the grid."""
    sheet = sheet_of(workbook, data)
    return sheet, rect_of(sheet, data).clipped(sheet.row_count, sheet.column_count)


def inside(sheet: Sheet, area: Area) -> Area:
    """The area itself, if all of it is in the grid."""
    if area.end_row > sheet.row_count or area.end_column > sheet.column_count:
        raise beyond(sheet, Rect(*area))
    return area


def span_of(sheet: Sheet, data: Mapping[str, Any]) -> tuple[str, int, int]:
    """Dimension, start and end of a DimensionRange; open ends are the grid's."""
    dimension = data.get("dimension")
    if dimension not in (ROWS, COLUMNS):
        raise Refused("No dimension specified.")
    size = sheet.row_count if dimension == ROWS else sheet.column_count
    start, end = data.get("startIndex", 0), data.get("endIndex", size)
    if start < 0 or end < 0:
        raise Refused("DimensionRange indexes must be >= 0")
    if end <= start:
        raise Refused(f"startIndex[{start}] must be less than endIndex[{end}].")
    return dimension, start, end


def beyond(sheet: Sheet, rect: Rect) -> Refused:
    """The refusal of a range that is not in the grid."""
    return Refused(
        f"Range ({range_name(sheet, rect)}) exceeds grid limits. "
        f"Max rows: {sheet.row_count}, max columns: {sheet.column_count}"
    )


def range_name(sheet: Sheet, rect: Rect) -> str:
    """A rectangle in A1 notation, open where it is open."""
    row, column = rect.start_row or 0, rect.start_column or 0
    last_row = "" if rect.end_row is None else str(rect.end_row)
    last_column = "" if rect.end_column is None else column_name(rect.end_column - 1)
    first, last = cell_name(row, column), f"{last_column}{last_row}"
    return f"{quote(sheet.title)}!{first}" + (f":{last}" if last and last != first else "")
