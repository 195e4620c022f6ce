"""updateCells, repeatCell, appendCells, setDataValidation, sortRange, mergeCells, unmergeCells."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from sheets_emulator.fields import Mask
from sheets_emulator.model import cells, dimensions
from sheets_emulator.model.a1 import column_name
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.formulas import shifted
from sheets_emulator.model.ranges import ROWS, Area, Rect
from sheets_emulator.model.values import Cell, Formula, Json
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.requests.celldata import only_styles, only_values, style_writer, value_of, writer
from sheets_emulator.requests.grid import area_of, inside, mask_of, sheet_of

Lines = Sequence[Sequence[Json]]


def update_cells(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """updateCells. With `range`, cells that `rows` does not cover get the masked fields cleared."""
    mask = mask_of(body)
    lines: Lines = [line.get("values", ()) for line in body.get("rows", ())]
    if "range" in body:
        sheet, area = area_of(workbook, body["range"])
        _check_covered(area, lines)
        covered = [[*line, *({} for _ in range(area.width - len(line)))] for line in lines]
        sheet = _write(sheet, area.start_row, area.start_column, covered, mask)
        return workbook.with_sheet(_clear(sheet, cells.uncovered(area, len(lines)), mask)), {}
    if "start" not in body:
        raise Refused("Must specify 'start' or 'range'.")
    start = body["start"]
    sheet = sheet_of(workbook, start)
    row, column = start.get("rowIndex", 0), start.get("columnIndex", 0)
    if row < 0 or column < 0:
        raise Refused("GridCoordinate indexes must be >= 0")
    width = max(map(len, lines), default=0)
    inside(sheet, Area(row, row + max(len(lines), 1), column, column + max(width, 1)))
    return workbook.with_sheet(_write(sheet, row, column, lines, mask)), {}


def repeat_cell(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """repeatCell: formulas are shifted as if filled from the first cell."""
    mask, data = mask_of(body), body.get("cell", {})
    sheet, area = area_of(workbook, body.get("range", {}))
    writer(mask)
    if only_styles(mask):
        write_style = style_writer(mask)
        return workbook.with_sheet(cells.restyled(sheet, area, lambda style: write_style(style, data))), {}
    write = writer(mask)
    lines = []
    for down, line in enumerate(cells.read(sheet, area)):
        lines.append([_filled(write(cell, data), down, across) for across, cell in enumerate(line)])
    return workbook.with_sheet(cells.write(sheet, area.start_row, area.start_column, lines)), {}


def append_cells(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """appendCells: after the last row with a value; adds rows, never columns."""
    mask = mask_of(body)
    sheet = sheet_of(workbook, body)
    lines: Lines = [line.get("values", ()) for line in body.get("rows", ())]
    width = max(map(len, lines), default=0)
    if width > sheet.column_count:
        last = sheet.column_count
        raise Refused(f"Attempting to write column: {last}, beyond the last requested column of: {last - 1}")
    begin = sheet.used_rows()
    missing = begin + len(lines) - sheet.row_count
    if missing > 0:
        workbook = dimensions.append(workbook, sheet.id, ROWS, missing)
    return workbook.with_sheet(_write(workbook.sheet(sheet.id), begin, 0, lines, mask)), {}


def set_data_validation(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """setDataValidation; without a rule, the cells' rules go."""
    sheet, area = area_of(workbook, body.get("range", {}))
    rule = body.get("rule") or None
    return workbook.with_sheet(cells.restyled(sheet, area, lambda style: style._replace(validation=rule))), {}


def sort_range(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """sortRange."""
    sheet, area = area_of(workbook, body.get("range", {}))
    keys = []
    for spec in body.get("sortSpecs", ()):
        column = spec.get("dimensionIndex", 0)
        if not area.start_column <= column < area.end_column:
            raise Refused(f"The sort column {column_name(column)} is outside of the sorted range.")
        keys.append(cells.SortKey(column, spec.get("sortOrder") == "DESCENDING"))
    if not keys:
        raise Refused("Must specify at least one sort spec.")
    return workbook.with_sheet(cells.sort(sheet, area, keys)), {}


def merge_cells(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """mergeCells: the first cell of each merge keeps its value, the others lose theirs."""
    sheet, area = area_of(workbook, body.get("range", {}))
    merges = _merged(area, body.get("mergeType", "MERGE_ALL"))
    for old in sheet.merges:
        other = old.clipped(sheet.row_count, sheet.column_count)
        if any(new.overlaps(other) and not new.contains(other) for new in merges):
            raise Refused("You must select all cells in a merged range to merge or unmerge them.")
    kept = tuple(
        old
        for old in sheet.merges
        if not any(new.overlaps(old.clipped(sheet.row_count, sheet.column_count)) for new in merges)
    )
    new_merges = tuple(Rect(*new) for new in merges if new.height * new.width > 1)
    for new in merges:
        sheet = _keep_first(sheet, new)
    return workbook.with_sheet(replace(sheet, merges=kept + new_merges)), {}


def unmerge_cells(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """unmergeCells: every merge that the range holds whole."""
    sheet, area = area_of(workbook, body.get("range", {}))
    kept = []
    for old in sheet.merges:
        other = old.clipped(sheet.row_count, sheet.column_count)
        if area.overlaps(other) and not area.contains(other):
            raise Refused("You must select all cells in a merged range to merge or unmerge them.")
        if not area.overlaps(other):
            kept.append(old)
    return workbook.with_sheet(replace(sheet, merges=tuple(kept))), {}


def _write(sheet: Sheet, row: int, column: int, lines: Lines, mask: Mask) -> Sheet:
    if only_values(mask):
        values = [[value_of(data.get("userEnteredValue")) for data in line] for line in lines]
        return cells.write_values(sheet, row, column, values)
    write = writer(mask)
    new = []
    for old, line in zip(sheet.rows.between(row, row + len(lines)), lines, strict=True):
        new.append([write(old.cell(column + at), data) for at, data in enumerate(line)])
    return cells.write(sheet, row, column, new)


def _clear(sheet: Sheet, area: Area, mask: Mask) -> Sheet:
    if not only_styles(mask):
        sheet = cells.cleared(sheet, area)
    if only_values(mask):
        return sheet
    write_style = style_writer(mask)
    return cells.restyled(sheet, area, lambda style: write_style(style, {}))


def _check_covered(area: Area, lines: Lines) -> None:
    if len(lines) > area.height:
        last = area.end_row
        raise Refused(f"Attempting to write row: {last}, beyond the last requested row of: {last - 1}")
    if max(map(len, lines), default=0) > area.width:
        last = area.end_column
        raise Refused(f"Attempting to write column: {last}, beyond the last requested column of: {last - 1}")


def _filled(cell: Cell, down: int, across: int) -> Cell:
    if isinstance(cell.value, Formula):
        return cell._replace(value=Formula(shifted(cell.value.text, down, across)))
    return cell


def _merged(area: Area, kind: str) -> list[Area]:
    if kind == "MERGE_COLUMNS":
        return [area._replace(start_column=at, end_column=at + 1) for at in range(area.start_column, area.end_column)]
    if kind == "MERGE_ROWS":
        return [area._replace(start_row=at, end_row=at + 1) for at in range(area.start_row, area.end_row)]
    return [area]


def _keep_first(sheet: Sheet, area: Area) -> Sheet:
    block = cells.read(sheet, area)
    first = next((cell for line in block for cell in line if cell.value is not None), None)
    if first is None:
        return sheet
    values = [[None] * area.width for _ in range(area.height)]
    blank = cells.write_values(sheet, area.start_row, area.start_column, values)
    return cells.write_values(blank, area.start_row, area.start_column, [[first.value]])
