"""copyPaste, cutPaste."""

from random import Random

from sheets_emulator.model import cells
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import Area
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.requests.grid import area_of, inside, sheet_of


def copy_paste(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """copyPaste: the source repeated over the destination where that is a multiple of it."""
    source, area = area_of(workbook, body.get("source", {}))
    target, to = area_of(workbook, body.get("destination", {}))
    transpose = body.get("pasteOrientation") == "TRANSPOSE"
    height, width = (area.width, area.height) if transpose else (area.height, area.width)
    inside(target, Area(to.start_row, to.start_row + height, to.start_column, to.start_column + width))
    return workbook.with_sheet(cells.copied(source, area, target, to, _kind(body), transpose)), {}


def cut_paste(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """cutPaste: everything moves, formulas keep what they name."""
    source, area = area_of(workbook, body.get("source", {}))
    to = body.get("destination", {})
    kind = _kind(body)
    target = sheet_of(workbook, to)
    row, column = to.get("rowIndex", 0), to.get("columnIndex", 0)
    place = inside(target, Area(row, row + area.height, column, column + area.width))
    block = cells.read(source, area)
    emptied = cells.blank_cells(source, area) if kind == cells.NORMAL else cells.cleared(source, area)
    workbook = workbook.with_sheet(emptied)
    return workbook.with_sheet(_moved(workbook.sheet(target.id), place, block, kind)), {}


def _moved(sheet: Sheet, place: Area, block: cells.Grid, kind: str) -> Sheet:
    old = cells.read(sheet, place)
    lines = [
        [cells.pasted(before, cell, kind, 0, 0) for before, cell in zip(line, moved, strict=True)]
        for line, moved in zip(old, block, strict=True)
    ]
    return cells.write(sheet, place.start_row, place.start_column, lines)


def _kind(body: Json) -> str:
    kind = body.get("pasteType", cells.NORMAL)
    if kind not in cells.PASTE_KINDS:
        raise Refused(f"Invalid value for pasteType: {kind!r}")
    return str(kind)
