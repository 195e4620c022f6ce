"""What a person points at: cells and ranges in A1 notation, rows counted from 1, columns by their letters."""

import re
from collections.abc import Sequence

from sheets_emulator.model import a1
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import Area, Rect
from sheets_emulator.model.workbook import Sheet

_COLUMN = re.compile(r"[A-Za-z]{1,3}")


def cell_at(sheet: Sheet, text: str) -> tuple[int, int]:
    """Row and column (from 0) of a cell such as `B2`; Refused if it is none, or not in the grid."""
    area = range_at(sheet, text)
    if area.height != 1 or area.width != 1:
        raise Refused(f"{text!r} is not one cell, such as B2")
    return area.start_row, area.start_column


def corner_at(text: str) -> tuple[int, int]:
    """As `cell_at`, where the cell may lie past the grid."""
    rect = _rect(text)
    if None in rect or rect.end_row != (rect.start_row or 0) + 1 or rect.end_column != (rect.start_column or 0) + 1:
        raise Refused(f"{text!r} is not one cell, such as B2")
    return rect.start_row or 0, rect.start_column or 0


def range_at(sheet: Sheet, text: str) -> Area:
    """The cells of a range such as `A2:C5`, `B:B` or `3:3`; Refused if it is none, or does not begin in the grid."""
    rect = _rect(text)
    area = rect.clipped(sheet.row_count, sheet.column_count)
    if area.is_empty:
        raise Refused(f"{text!r} is not in the grid, which has {sheet.row_count} rows and {sheet.column_count} columns")
    return area


def column_at(sheet: Sheet, letters: str) -> int:
    """The index of a column such as `C`; Refused if the grid has none."""
    if not _COLUMN.fullmatch(letters):
        raise Refused(f"{letters!r} is not a column, such as C")
    index = a1.column_index(letters)
    if index >= sheet.column_count:
        raise Refused(f"there is no column {letters.upper()}: the last one is {a1.column_name(sheet.column_count - 1)}")
    return index


def rows_at(sheet: Sheet, numbers: Sequence[int]) -> list[int]:
    """The indexes of rows, in order and each once; Refused if the grid has not all of them."""
    for number in numbers:
        if not 1 <= number <= sheet.row_count:
            raise Refused(f"there is no row {number}: the tab has rows 1 to {sheet.row_count}")
    return sorted({number - 1 for number in numbers})


def runs(indexes: Sequence[int]) -> list[tuple[int, int]]:
    """Sorted indexes as half-open runs."""
    found: list[tuple[int, int]] = []
    for index in indexes:
        if found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found


def _rect(text: str) -> Rect:
    try:
        found = a1.parse_cells(text)
    except a1.BadRange:
        raise Refused(f"{text!r} is not a range in A1 notation, such as A2:C5") from None
    if found.title is not None:
        raise Refused(f"{text!r} names a tab: the tab stands in the address")
    return Rect(*found[1:])
