"""Writing, clearing, copying and sorting cells. Sheets in, sheets out; positions are 0-based and inside the grid.

Formulas are not computed here: whoever is done with a batch calls `calculation.recalculated` once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from sheets_emulator.model.formulas import shifted
from sheets_emulator.model.ranges import Area
from sheets_emulator.model.rows import trimmed
from sheets_emulator.model.values import BLANK, PLAIN, Cell, ErrorValue, Formula, Result, Style, Value, effective
from sheets_emulator.model.workbook import Sheet

Grid: TypeAlias = Sequence[Sequence[Cell]]
CellChange: TypeAlias = Callable[[Cell], Cell]

NORMAL, VALUES, FORMULAS, FORMATS, VALIDATION = (
    "PASTE_NORMAL",
    "PASTE_VALUES",
    "PASTE_FORMULA",
    "PASTE_FORMAT",
    "PASTE_DATA_VALIDATION",
)
NO_BORDERS, CONDITIONAL = "PASTE_NO_BORDERS", "PASTE_CONDITIONAL_FORMATTING"
PASTE_KINDS = (NORMAL, VALUES, FORMATS, NO_BORDERS, FORMULAS, VALIDATION, CONDITIONAL)


class SortKey(NamedTuple):
    """A column to sort by, as an index in the sheet."""

    column: int
    descending: bool = False


def read(sheet: Sheet, area: Area) -> list[list[Cell]]:
    """The cells of an area, row by row, blanks included."""
    columns = range(area.start_column, area.end_column)
    return [[row.cell(column) for column in columns] for row in sheet.rows.between(area.start_row, area.end_row)]


def write(sheet: Sheet, row: int, column: int, cells: Grid) -> Sheet:
    """The sheet with these cells from one corner on, rows may be of different lengths."""
    old = sheet.rows.between(row, row + len(cells))
    new = [line.with_cells(column, written) for line, written in zip(old, cells, strict=True)]
    return replace(sheet, rows=sheet.rows.spliced(row, row + len(cells), new))


def write_values(sheet: Sheet, row: int, column: int, values: Sequence[Sequence[Value]]) -> Sheet:
    """As `write`, but formats, notes and validation stay."""
    old = sheet.rows.between(row, row + len(values))
    new = [line.with_values(column, written) for line, written in zip(old, values, strict=True)]
    return replace(sheet, rows=sheet.rows.spliced(row, row + len(values), new))


def changed(sheet: Sheet, area: Area, change: CellChange) -> Sheet:
    """The sheet with `change` applied to every cell of the area."""
    columns = range(area.start_column, area.end_column)
    rows = sheet.rows.between(area.start_row, area.end_row)
    new = [row.with_cells(area.start_column, [change(row.cell(column)) for column in columns]) for row in rows]
    return replace(sheet, rows=sheet.rows.spliced(area.start_row, area.end_row, new))


def restyled(sheet: Sheet, area: Area, change: Callable[[Style], Style]) -> Sheet:
    """The sheet with `change` applied to every style of the area. Rows of equal styles share the new ones, so that
    formatting a column of a big sheet stays cheap."""
    done: dict[int, tuple[Style, ...]] = {}
    seen: dict[int, Style] = {}

    def restyle(style: Style) -> Style:
        if id(style) not in seen:
            seen[id(style)] = change(style)
        return seen[id(style)]

    new = []
    for row in sheet.rows.between(area.start_row, area.end_row):
        styles = done.get(id(row.styles))
        if styles is None:
            styles = done[id(row.styles)] = _restyled(row.styles, area.start_column, area.end_column, restyle)
        new.append(row._replace(styles=styles))
    return replace(sheet, rows=sheet.rows.spliced(area.start_row, area.end_row, new))


def cleared(sheet: Sheet, area: Area) -> Sheet:
    """The sheet with the values of the area gone, formats, notes and validation kept."""
    blank = (None,) * area.width
    rows = sheet.rows.between(area.start_row, area.end_row)
    if not any(value is not None for row in rows for value in row.values[area.start_column : area.end_column]):
        return sheet
    return write_values(sheet, area.start_row, area.start_column, [blank] * len(rows))


def pasted(old: Cell, copied: Cell, kind: str, rows: int, columns: int) -> Cell:
    """The cell after `copied` was pasted over `old`, that many rows down and columns to the right of its source."""
    if kind == VALUES:
        return Cell(_result_only(copied.value), old.style)
    if kind == FORMULAS:
        return Cell(_shifted(copied.value, rows, columns), old.style)
    if kind == FORMATS:
        return Cell(old.value, old.style._replace(format=copied.style.format))
    if kind == VALIDATION:
        return Cell(old.value, old.style._replace(validation=copied.style.validation))
    if kind == CONDITIONAL:
        return old
    return Cell(_shifted(copied.value, rows, columns), copied.style)


def copied(source: Sheet, area: Area, target: Sheet, to: Area, kind: str = NORMAL, transpose: bool = False) -> Sheet:
    """`target` with `area` of `source` pasted, repeated as often as it fits wholly into `to` (at least once)."""
    block = read(source, area)
    if transpose:
        block = [list(line) for line in zip(*block, strict=True)]
    height, width = len(block), len(block[0]) if block else 0
    if not height or not width:
        return target
    down, across = max(to.height // height, 1), max(to.width // width, 1)
    old = read(target, Area(to.start_row, to.start_row + height * down, to.start_column, to.start_column + width * across))
    lines = []
    for line, offset in zip(old, range(height * down), strict=False):
        # How far the pasted row stands from the one it was copied from: relative references move as far.
        rows = to.start_row + offset - area.start_row - offset % height
        source_row = block[offset % height]
        lines.append(
            [
                pasted(cell, source_row[at % width], kind, rows, to.start_column + at - area.start_column - at % width)
                for at, cell in enumerate(line)
            ]
        )
    return write(target, to.start_row, to.start_column, lines)


def sort(sheet: Sheet, area: Area, keys: Sequence[SortKey]) -> Sheet:
    """The sheet with the rows of the area in order: values, formats, notes and validation move, what is outside of the
    area stays. Numbers come before texts before booleans, blanks last either way; equal ones keep their order."""
    rows = sheet.rows.between(area.start_row, area.end_row)
    order: Iterable[int] = range(len(rows))
    for key in reversed(keys):
        order = _ordered(order, [effective(row.cell(key.column).value) for row in rows], key.descending)
    columns = range(area.start_column, area.end_column)
    lines = [[_moved(rows[source].cell(column), target - source) for column in columns] for target, source in enumerate(order)]
    return write(sheet, area.start_row, area.start_column, lines)


def blank_cells(sheet: Sheet, area: Area) -> Sheet:
    """The sheet with nothing left in the area: no value, format, note or validation."""
    return write(sheet, area.start_row, area.start_column, [[BLANK] * area.width] * area.height)


def uncovered(area: Area, height: int) -> Area:
    """The part of the area below its first `height` rows."""
    return area._replace(start_row=min(area.start_row + height, area.end_row))


def _ordered(order: Iterable[int], values: Sequence[Result], descending: bool) -> list[int]:
    order = list(order)
    filled = [index for index in order if values[index] not in (None, "")]
    blank = [index for index in order if values[index] in (None, "")]
    filled.sort(key=lambda index: _rank(values[index]), reverse=descending)
    return filled + blank


def _rank(value: Result) -> tuple[int, float, str]:
    if isinstance(value, bool):
        return 2, float(value), ""
    if isinstance(value, float):
        return 0, value, ""
    if isinstance(value, ErrorValue):
        return 3, 0.0, value.type
    return 1, 0.0, (value or "").casefold()


def _restyled(styles: tuple[Style, ...], start: int, end: int, restyle: Callable[[Style], Style]) -> tuple[Style, ...]:
    filled = list(styles) + [PLAIN] * (end - len(styles))
    filled[start:end] = [restyle(style) for style in filled[start:end]]
    return trimmed(filled, PLAIN)


def _result_only(value: Value) -> Value:
    found = effective(value)
    return found.shown if isinstance(found, ErrorValue) else found


def _shifted(value: Value, rows: int, columns: int) -> Value:
    return Formula(shifted(value.text, rows, columns)) if isinstance(value, Formula) else value


def _moved(cell: Cell, rows: int) -> Cell:
    return cell._replace(value=_shifted(cell.value, rows, 0)) if isinstance(cell.value, Formula) and rows else cell
