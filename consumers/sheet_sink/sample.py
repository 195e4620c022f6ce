"""A sample of the table, written to the scratch tab when a binding is set up: what does not read back equal would be lost.

It stands below the rows that hold the last write's pre-image, and goes with the next write.
"""

from collections.abc import Mapping, Sequence

from consumers.sheet_sink.scratch import SCRATCH_ROWS, SCRATCH_SHEET_ID
from tabstream.core.binding import BoundColumn, TableShape
from tabstream.core.cells import EMPTY_CELL, CellValue, ObservedCell, as_json_value, digest
from tabstream.errors import BindingProblem
from tabstream.sheets import requests as build
from tabstream.sheets.requests import Request

SAMPLE_ROWS = 20
FIRST_ROW = SCRATCH_ROWS


def values_of(texts: Sequence[Mapping[str, str | None]], shape: TableShape) -> list[list[CellValue]]:
    """The sample's cell values, column by column of the shape."""
    return [[column.type.from_text(row.get(column.name)) for column in shape.columns] for row in texts]


def write_requests(rows: Sequence[Sequence[CellValue]], grid: tuple[int, int]) -> list[Request]:
    """Writes the sample below what the scratch tab of this size (rows, columns) holds otherwise."""
    width = max(map(len, rows), default=0)
    grown: list[Request] = []
    if grid[0] < FIRST_ROW + len(rows):
        grown.append(build.append_rows(SCRATCH_SHEET_ID, FIRST_ROW + len(rows) - grid[0]))
    if grid[1] < width:
        grown.append(build.append_columns(SCRATCH_SHEET_ID, width - grid[1]))
    cells = [[build.cell(value) for value in row] for row in rows]
    return [*grown, build.update_cells(SCRATCH_SHEET_ID, FIRST_ROW, 0, cells)]


def compare(written: Sequence[Sequence[CellValue]], read: Mapping[int, Sequence[ObservedCell]], shape: TableShape) -> None:
    """Raises BindingProblem for the first column whose values don't come back as they were written."""
    for number, row in enumerate(written):
        cells = read.get(FIRST_ROW + number, ())
        for at, (column, value) in enumerate(zip(shape.columns, row, strict=True)):
            back = column.type.from_cell(cells[at] if at < len(cells) else EMPTY_CELL)
            if digest(back) != digest(value):
                raise _lossy(column, value, back)


def _lossy(column: BoundColumn, value: CellValue, back: CellValue) -> BindingProblem:
    return BindingProblem(
        f"column {column.name!r} ({column.pg_type}): {as_json_value(value)!r} reads back as {as_json_value(back)!r}",
        "leave the column out of the bindings file, or give it `type: text` and `read_only: true` there",
    )
