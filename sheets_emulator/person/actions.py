"""What a person does to cells: values in, values out. Each gives the workbook after it, and what it fires.

Refused says why something can't be done. Protections with a warning are no hindrance, nor are others: the person owns
the spreadsheet. Typing into a cell with a strict rule is refused as the browser does it; pasting is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sheets_emulator.model import cells, dimensions
from sheets_emulator.model.entry import typed
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.formats import general
from sheets_emulator.model.ranges import COLUMNS, ROWS, Area
from sheets_emulator.model.values import Cell, ErrorValue, Result
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.person import bodies
from sheets_emulator.person.places import cell_at, column_at, corner_at, range_at
from sheets_emulator.requests.celldata import checked_text
from sheets_emulator.values import computed


@dataclass(frozen=True, slots=True)
class Fired:
    """What triggers hear: an edit of `area`, or a change of some type. `value` and `old_value` for one typed cell."""

    sheet_id: int
    area: Area | None = None
    change_type: str | None = None
    value: str | None = None
    old_value: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The workbook after an action."""

    workbook: Workbook
    fired: tuple[Fired, ...] = ()


def type_text(workbook: Workbook, sheet: Sheet, body: bodies.TypeText) -> Done:
    """Types into a cell."""
    row, column = cell_at(sheet, body.cell)
    old = sheet.cell(row, column)
    new = typed(checked_text(body.text), workbook.locale, old)
    _check_rule(new, body.cell)
    changed = _with_cells(workbook, sheet, row, column, [[new]])
    seen = changed.sheet(sheet.id).cell(row, column).effective
    area = Area(row, row + 1, column, column + 1)
    return Done(changed, (Fired(sheet.id, area, value=_told(seen), old_value=_told(old.effective)),))


def paste(workbook: Workbook, sheet: Sheet, body: bodies.Paste) -> Done:
    """Pastes texts; the grid grows as needed."""
    row, column = corner_at(body.cell)
    height, width = len(body.values), max(map(len, body.values))
    if not width:
        raise Refused("'values' holds no cell")
    workbook = grown(workbook, sheet.id, row + height, column + width)
    sheet = workbook.sheet(sheet.id)
    area = Area(row, row + height, column, column + width)
    lines = [
        [typed(checked_text(text), workbook.locale, cell) for text, cell in zip(texts, before, strict=False)]
        for texts, before in zip(body.values, cells.read(sheet, area), strict=True)
    ]
    return _edited(_with_cells(workbook, sheet, row, column, lines), sheet, area)


def fill(workbook: Workbook, sheet: Sheet, body: bodies.Fill) -> Done:
    """Fills a range from another one, as dragging the corner does."""
    source, target = range_at(sheet, body.source), range_at(sheet, body.target)
    block, old = cells.read(sheet, source), cells.read(sheet, target)
    lines = []
    for down, before in enumerate(old):
        line = []
        for across, cell in enumerate(before):
            from_row, from_column = down % source.height, across % source.width
            rows = target.start_row + down - source.start_row - from_row
            columns = target.start_column + across - source.start_column - from_column
            line.append(cells.pasted(cell, block[from_row][from_column], cells.NORMAL, rows, columns))
        lines.append(line)
    return _edited(_with_cells(workbook, sheet, target.start_row, target.start_column, lines), sheet, target)


def clear(workbook: Workbook, sheet: Sheet, body: bodies.Cells) -> Done:
    """Presses the delete key on a range; formats and notes stay."""
    area = range_at(sheet, body.range)
    changed = cells.cleared(sheet, area)
    if changed is sheet:
        return Done(workbook)
    old = sheet.cell(area.start_row, area.start_column).effective if area.height == area.width == 1 else None
    return Done(computed(workbook.with_sheet(changed)), (Fired(sheet.id, area, old_value=_told(old)),))


def note(workbook: Workbook, sheet: Sheet, body: bodies.Note) -> Done:
    """Writes a cell's note."""
    row, column = cell_at(sheet, body.cell)
    area = Area(row, row + 1, column, column + 1)
    changed = cells.restyled(sheet, area, lambda style: style._replace(note=body.text or None))
    return Done(workbook.with_sheet(changed), (Fired(sheet.id, change_type="OTHER"),))


def sort(workbook: Workbook, sheet: Sheet, body: bodies.Sort) -> Done:
    """Sorts the whole tab by a column; frozen rows stay. What it fires is the caller's to choose."""
    column = column_at(sheet, body.column)
    area = Area(sheet.frozen_rows, max(sheet.used_rows(), sheet.frozen_rows), 0, sheet.column_count)
    return _sorted(workbook, sheet, area, column, body.descending)


def sort_range(workbook: Workbook, sheet: Sheet, body: bodies.SortRange) -> Done:
    """Sorts a selected range; the columns beside it stay where they are."""
    area = range_at(sheet, body.range)
    column = column_at(sheet, body.column)
    if not area.start_column <= column < area.end_column:
        raise Refused(f"column {body.column.upper()} is not in {body.range}: a range is sorted by one of its own columns")
    return _sorted(workbook, sheet, area, column, body.descending)


def grown(workbook: Workbook, sheet_id: int, rows: int, columns: int) -> Workbook:
    """The workbook with the tab's grid at least that large."""
    for dimension, wanted in ((ROWS, rows), (COLUMNS, columns)):
        missing = wanted - dimensions.count(workbook.sheet(sheet_id), dimension)
        if missing > 0:
            workbook = dimensions.append(workbook, sheet_id, dimension, missing)
    return workbook


def _sorted(workbook: Workbook, sheet: Sheet, area: Area, column: int, descending: bool) -> Done:
    if area.is_empty:
        return Done(workbook)
    changed = cells.sort(sheet, area, [cells.SortKey(column, descending)])
    return Done(computed(workbook.with_sheet(changed)), (Fired(sheet.id, area),))


def _with_cells(workbook: Workbook, sheet: Sheet, row: int, column: int, lines: Sequence[Sequence[Cell]]) -> Workbook:
    return computed(workbook.with_sheet(cells.write(sheet, row, column, lines)))


def _edited(workbook: Workbook, sheet: Sheet, area: Area) -> Done:
    return Done(workbook, (Fired(sheet.id, area),))


def _told(value: Result) -> str | None:
    """How an event tells a value: as text; a date is its serial number."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, ErrorValue):
        return value.shown
    return str(value).upper() if isinstance(value, bool) else general(value)


def _check_rule(cell: Cell, name: str) -> None:
    rule = cell.style.validation
    if rule is None or not rule.get("strict") or cell.value is None:
        return
    condition = rule.get("condition", {})
    allowed = [item.get("userEnteredValue", "") for item in condition.get("values", [])]
    kind = condition.get("type")
    if kind == "BOOLEAN" and not allowed:
        allowed = ["TRUE", "FALSE"]
    if kind in ("BOOLEAN", "ONE_OF_LIST") and _told(cell.effective) not in allowed:
        raise Refused(f"the data you entered in cell {name} violates the validation rules set on it: {', '.join(allowed)}")
