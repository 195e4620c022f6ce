"""A spreadsheet as `spreadsheets.get` answers it: the parts that the mask takes, with the cells of the asked ranges."""

from collections.abc import Mapping, Sequence
from typing import Any

from sheets_emulator.fields import Mask, below, covers, select
from sheets_emulator.model.ranges import COLUMNS, ROWS, Area
from sheets_emulator.model.rows import Row
from sheets_emulator.model.values import PLAIN, Json
from sheets_emulator.model.workbook import Column, Sheet, Workbook
from sheets_emulator.present import structure
from sheets_emulator.present.cells import Reader, reader

DEFAULT_HEIGHT, DEFAULT_WIDTH = 21, 100


def spreadsheet(
    workbook: Workbook, mask: Mask, asked: Sequence[tuple[Sheet, Area]] | None = None, with_cells: bool = False
) -> Json:
    """Spreadsheet. `asked` None is every tab whole, else only tabs that a range is on. A mask decides about the cells
    by itself; `with_cells` counts only without one, as Google documents it."""
    data: Json = select(structure.spreadsheet_parts(workbook), mask)
    if not covers(mask, "sheets"):
        return data
    wanted = _areas(workbook, asked)
    with_data = "data" in below(mask, "sheets") or ("sheets" in mask and not mask["sheets"]) if mask else with_cells
    sheets = []
    for index, sheet in enumerate(workbook.sheets):
        if sheet.id in wanted:
            areas = wanted[sheet.id] if with_data else []
            sheets.append(_sheet(sheet, index, below(mask, "sheets"), areas, workbook.locale))
    # Google's order of names: sheets before what follows them is not promised to anybody.
    return {**data, "sheets": sheets}


def grid_data(sheet: Sheet, area: Area, mask: Mask, locale: str) -> Json:
    """GridData of an area: trailing blank rows and cells are left out, zeros too."""
    data: Json = {}
    if area.start_row and covers(mask, "startRow"):
        data["startRow"] = area.start_row
    if area.start_column and covers(mask, "startColumn"):
        data["startColumn"] = area.start_column
    if covers(mask, "rowData"):
        lines = _row_data(sheet, area, below(mask, "rowData"), locale)
        if lines:
            data["rowData"] = lines
    if covers(mask, "rowMetadata"):
        rows = sheet.rows.between(area.start_row, area.end_row)
        attached = _attached(sheet, ROWS)
        data["rowMetadata"] = [
            _dimension(row, DEFAULT_HEIGHT, attached.get(area.start_row + at), below(mask, "rowMetadata"))
            for at, row in enumerate(rows)
        ]
    if covers(mask, "columnMetadata"):
        columns = sheet.columns[area.start_column : area.end_column]
        attached = _attached(sheet, COLUMNS)
        data["columnMetadata"] = [
            _dimension(column, DEFAULT_WIDTH, attached.get(area.start_column + at), below(mask, "columnMetadata"))
            for at, column in enumerate(columns)
        ]
    return data


def _areas(workbook: Workbook, asked: Sequence[tuple[Sheet, Area]] | None) -> dict[int, list[Area]]:
    wanted: dict[int, list[Area]] = {}
    if asked is None:
        return {sheet.id: [Area(0, sheet.row_count, 0, sheet.column_count)] for sheet in workbook.sheets}
    for sheet, area in asked:
        wanted.setdefault(sheet.id, []).append(area)
    return wanted


def _sheet(sheet: Sheet, index: int, mask: Mask, areas: Sequence[Area], locale: str) -> Json:
    data: Json = select(structure.sheet_parts(sheet, index), mask)
    if areas and covers(mask, "data"):
        data = {**data, "data": [grid_data(sheet, area, below(mask, "data"), locale) for area in areas]}
    return data


def _row_data(sheet: Sheet, area: Area, mask: Mask, locale: str) -> list[Json]:
    if not covers(mask, "values"):
        return []
    read = reader(below(mask, "values"), locale)
    lines = [_line(row, area.start_column, area.end_column, read) for row in sheet.rows.between(area.start_row, area.end_row)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _line(row: Row, start: int, end: int, read: Reader) -> Json:
    values, styles = row.values, row.styles
    last = min(max(len(values), len(styles)), end)
    if start >= last:
        return {}
    known_values, known_styles = len(values), len(styles)
    cells = [
        read(values[at] if at < known_values else None, styles[at] if at < known_styles else PLAIN)
        for at in range(start, last)
    ]
    while cells and not cells[-1]:
        cells.pop()
    return {"values": cells} if cells else {}


def _attached(sheet: Sheet, dimension: str) -> dict[int, list[Json]]:
    found: dict[int, list[Json]] = {}
    for item in sheet.metadata:
        if item.dimension == dimension:
            found.setdefault(item.start, []).append(structure.metadata(item, sheet.id))
    return found


def _dimension(line: Row | Column, size: int, attached: list[Json] | None, mask: Mask) -> Mapping[str, Any]:
    data: Json = {"pixelSize": line.size or size}
    if line.hidden:
        data["hiddenByUser"] = True
    if attached:
        data["developerMetadata"] = attached
    selected: Mapping[str, Any] = select(data, mask)
    return selected
