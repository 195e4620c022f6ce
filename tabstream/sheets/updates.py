"""Single cells, gathered into few `updateCells` requests."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from tabstream.sheets.requests import CellData, Request, update_cells


class _Run(NamedTuple):
    """Cells side by side in one row, of which the same fields are written."""

    row: int
    column: int
    fields: tuple[str, ...]
    cells: list[CellData]


def coalesce_updates(sheet_id: int, updates: Iterable[tuple[int, int, CellData]]) -> list[Request]:
    """Requests that write these (row, column, CellData) and no other cell, from the top down.

    Of each cell the fields that its CellData has are written (see `tabstream.sheets.requests.cell`). Cells side by side
    become a run; runs of the same columns in adjacent rows become one request. The last update of a cell counts.
    """
    by_place = {(row, column): data for row, column, data in updates if data}
    runs = list(_runs(sorted(by_place.items(), key=itemgetter(0))))
    runs.sort(key=lambda run: (run.column, len(run.cells), run.fields, run.row))
    blocks: list[list[_Run]] = []
    for run in runs:
        if blocks and _continues(blocks[-1][-1], run):
            blocks[-1].append(run)
        else:
            blocks.append([run])
    blocks.sort(key=lambda block: (block[0].row, block[0].column))
    return [_request(sheet_id, block) for block in blocks]


def _runs(places: Iterable[tuple[tuple[int, int], CellData]]) -> Iterable[_Run]:
    for row, cells in groupby(places, key=lambda item: item[0][0]):
        run: _Run | None = None
        for (_, column), data in cells:
            fields = tuple(sorted(data))
            if run is not None and run.column + len(run.cells) == column and run.fields == fields:
                run.cells.append(data)
                continue
            if run is not None:
                yield run
            run = _Run(row, column, fields, [data])
        if run is not None:
            yield run


def _continues(above: _Run, run: _Run) -> bool:
    return (
        above.row + 1 == run.row
        and above.column == run.column
        and len(above.cells) == len(run.cells)
        and above.fields == run.fields
    )


def _request(sheet_id: int, block: list[_Run]) -> Request:
    first = block[0]
    return update_cells(sheet_id, first.row, first.column, [run.cells for run in block], ",".join(first.fields))
