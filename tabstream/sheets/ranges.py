"""Ranges of a grid, as the API's GridRange objects and as A1 text. Rows and columns are 0-based, ends are exclusive."""

from typing import Any, TypeAlias

Span: TypeAlias = tuple[int, int | None] | None
"""Start and end; an end of None is the end of the grid, a span of None is all of it."""


def grid_range(sheet_id: int, rows: Span = None, columns: Span = None) -> dict[str, int]:
    """A GridRange object."""
    bounds = {"sheetId": sheet_id}
    for name, span in (("Row", rows), ("Column", columns)):
        if span is not None:
            bounds[f"start{name}Index"] = span[0]
            if span[1] is not None:
                bounds[f"end{name}Index"] = span[1]
    return bounds


def a1(title: str, rows: Span = None, columns: Span = None) -> str:
    """The range as text, such as `'my tab'!A2:C` or `'my tab'!2:5`; the whole tab without rows and columns.

    Raises ValueError for what A1 notation can't say: an empty span, or rows to the end of the grid in all columns.
    """
    for span in (rows, columns):
        if span is not None and (span[0] < 0 or (span[1] is not None and span[1] <= span[0])):
            raise ValueError(f"{span!r} is not a range of rows or columns: the start is 0 or more, the end is beyond it")
    tab = quoted(title)
    if rows is None and columns is None:
        return tab
    if columns is None and rows is not None and rows[1] is None:
        raise ValueError(f"rows {rows!r} of all columns have no A1 notation: name the columns")
    if columns is not None and columns[1] is None:
        raise ValueError(f"columns {columns!r} without an end have no A1 notation: name the last one")
    return f"{tab}!{_corner(columns, rows, 0)}:{_corner(columns, rows, 1)}"


def quoted(title: str) -> str:
    """A tab's title as A1 notation takes it, whatever characters it has."""
    return "'" + title.replace("'", "''") + "'"


def column_letters(column: int) -> str:
    """The letters of a 0-based column: 0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def whole_tab(bounds: dict[str, Any]) -> bool:
    """True for a GridRange object without any bound."""
    return not any(name.endswith("Index") for name in bounds)


def _corner(columns: Span, rows: Span, side: int) -> str:
    last = side  # ends are exclusive here and inclusive in A1
    column = None if columns is None else columns[side]
    row = None if rows is None else rows[side]
    letters = "" if column is None else column_letters(column - last)
    return letters + ("" if row is None else str(row - last + 1))
