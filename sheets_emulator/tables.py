"""What `values.append` takes for a table: a block of cells that touch each other, with nothing around it.

https://developers.google.com/workspace/sheets/api/guides/values#append_values
"""

from collections.abc import Iterable, Iterator, Sequence

from sheets_emulator.model.ranges import Area
from sheets_emulator.model.values import Value
from sheets_emulator.model.workbook import Sheet


def table_at(sheet: Sheet, area: Area) -> Area | None:
    """The last table that has cells in the area; None where there is none."""
    found = [table for table in tables(row.values for row in sheet.rows.between(0, sheet.used_rows())) if _meet(table, area)]
    return max(found, key=lambda table: (table.end_row, table.end_column), default=None)


def tables(rows: Iterable[Sequence[Value]]) -> Iterator[Area]:
    """The tables of a tab, each when it is complete."""
    growing: list[Area] = []
    for at, values in enumerate(rows):
        for start, end in _runs(values):
            merged = Area(at, at + 1, start, end)
            apart = []
            for table in growing:
                # Cells that touch at a corner belong together too.
                if table.start_column <= merged.end_column and merged.start_column <= table.end_column:
                    merged = _around(table, merged)
                else:
                    apart.append(table)
            growing = [*apart, merged]
        yield from (table for table in growing if table.end_row <= at)
        growing = [table for table in growing if table.end_row > at]
    yield from growing


def _runs(values: Sequence[Value]) -> Iterator[tuple[int, int]]:
    start = None
    for at, value in enumerate(values):
        if value is not None and start is None:
            start = at
        elif value is None and start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, len(values)


def _around(one: Area, other: Area) -> Area:
    return Area(
        min(one.start_row, other.start_row),
        max(one.end_row, other.end_row),
        min(one.start_column, other.start_column),
        max(one.end_column, other.end_column),
    )


def _meet(one: Area, other: Area) -> bool:
    rows = one.start_row < other.end_row and other.start_row < one.end_row
    return rows and one.start_column < other.end_column and other.start_column < one.end_column
