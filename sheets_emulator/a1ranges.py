"""Ranges in A1 notation against a workbook: which tab and cells they name, refused with Google's text."""

from sheets_emulator.model import a1
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import Area, Rect
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.requests.grid import beyond


def resolve(workbook: Workbook, text: str) -> tuple[Sheet, Area]:
    """The tab and its cells that a range names, clipped to the grid; one that begins past the grid is refused."""
    sheet, rect = resolve_open(workbook, text)
    if (rect.start_row or 0) >= sheet.row_count or (rect.start_column or 0) >= sheet.column_count:
        raise beyond(sheet, rect)
    return sheet, rect.clipped(sheet.row_count, sheet.column_count)


def resolve_open(workbook: Workbook, text: str) -> tuple[Sheet, Rect]:
    """The tab and the rectangle that a range names, open sides kept."""
    try:
        found = a1.parse(text)
    except a1.BadRange:
        raise Refused(f"Unable to parse range: {text}") from None
    if found.title is None:
        return next((sheet for sheet in workbook.sheets if not sheet.hidden), workbook.sheets[0]), Rect(*found[1:])
    sheet = workbook.titled(found.title)
    if sheet is None and found.is_whole:
        for named in workbook.named_ranges:
            if named.name.casefold() == text.casefold():
                return workbook.sheet(named.sheet_id), named.rect
    if sheet is None:
        raise Refused(f"Unable to parse range: {text}")
    return sheet, Rect(*found[1:])


def name_of(sheet: Sheet, area: Area) -> str:
    """The area in A1 notation with its tab."""
    return a1.print_range(sheet.title, *area)
