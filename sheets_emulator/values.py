"""The `spreadsheets.values` collection: reading, writing, appending and clearing plain values. Pure.

https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sheets_emulator.a1ranges import name_of, resolve
from sheets_emulator.model import cells, dimensions
from sheets_emulator.model.a1 import column_name
from sheets_emulator.model.calculation import recalculated
from sheets_emulator.model.entry import typed
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.formats import DATE_TYPES, shown
from sheets_emulator.model.ranges import ROWS, Area
from sheets_emulator.model.tabs import has_formulas
from sheets_emulator.model.values import Cell, ErrorValue, Formula, Json, Style, Value, effective, plain_number
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.requests.celldata import checked_text
from sheets_emulator.tables import table_at

RENDERINGS = ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA")


@dataclass(frozen=True)
class Rendering:
    """How values are shown: ValueRenderOption, DateTimeRenderOption and the major dimension."""

    value: str = "FORMATTED_VALUE"
    date_time: str = "SERIAL_NUMBER"
    major: str = ROWS


def get(workbook: Workbook, text: str, rendering: Rendering) -> Json:
    """ValueRange of a range: trailing blank rows and cells left out, `values` absent if all is blank."""
    return value_range(workbook, *resolve(workbook, text), rendering)


def value_range(workbook: Workbook, sheet: Sheet, area: Area, rendering: Rendering) -> Json:
    """ValueRange of an area."""
    lines = [[_rendered(cell, rendering, workbook.locale) for cell in line] for line in cells.read(sheet, area)]
    if rendering.major != ROWS:
        lines = [list(column) for column in zip(*lines, strict=True)]
    for line in lines:
        while line and line[-1] == "":
            line.pop()
    while lines and not lines[-1]:
        lines.pop()
    data: Json = {"range": name_of(sheet, area), "majorDimension": rendering.major}
    return {**data, "values": lines} if lines else data


def update(workbook: Workbook, text: str, body: Json, user_entered: bool) -> tuple[Workbook, Json]:
    """The workbook after values.update, and its answer. A single cell is where the values begin; a range holds them."""
    sheet, area = resolve(workbook, text)
    lines = _lines(body)
    height, width = len(lines), max(map(len, lines), default=0)
    _check_written(sheet, area, height, width)
    workbook = workbook.with_sheet(_written(workbook, sheet, area.start_row, area.start_column, lines, user_entered))
    written = Area(area.start_row, area.start_row + max(height, 1), area.start_column, area.start_column + max(width, 1))
    counted = sum(value is not None for line in lines for value in line)
    answer: Json = {"spreadsheetId": workbook.id, "updatedRange": name_of(sheet, written)}
    if height and width:
        answer.update({"updatedRows": height, "updatedColumns": width, "updatedCells": counted})
    return computed(workbook), answer


def append(workbook: Workbook, text: str, body: Json, user_entered: bool, insert_rows: bool) -> tuple[Workbook, Json]:
    """The workbook after values.append, and its answer: after the table that the range is on, the grid grown as needed."""
    sheet, area = resolve(workbook, text)
    table = table_at(sheet, area)
    begin = area.start_row if table is None else table.end_row
    column = area.start_column if table is None else table.start_column
    lines = _lines(body)
    if insert_rows and table is not None and begin < sheet.row_count:
        workbook = dimensions.insert(workbook, sheet.id, ROWS, begin, len(lines), True)
    missing = begin + len(lines) - workbook.sheet(sheet.id).row_count
    if missing > 0:
        workbook = dimensions.append(workbook, sheet.id, ROWS, missing)
    sheet = workbook.sheet(sheet.id)
    width = max(map(len, lines), default=1)
    target = name_of(sheet, Area(begin, begin + max(len(lines), 1), column, column + max(width, 1)))
    workbook, updates = update(workbook, target, body, user_entered)
    answer: Json = {"spreadsheetId": workbook.id, "updates": updates}
    if table is not None:
        answer["tableRange"] = name_of(sheet, table)
    return workbook, answer


def clear(workbook: Workbook, text: str) -> tuple[Workbook, str]:
    """The workbook with the values of a range gone, and the range as it was cleared."""
    sheet, area = resolve(workbook, text)
    return computed(workbook.with_sheet(cells.cleared(sheet, area))), name_of(sheet, area)


def computed(workbook: Workbook) -> Workbook:
    """The workbook with its formulas up to date."""
    return recalculated(workbook) if has_formulas(workbook) else workbook


def _rendered(cell: Cell, rendering: Rendering, locale: str) -> Any:
    if rendering.value == "FORMULA" and isinstance(cell.value, Formula):
        return cell.value.text
    result = effective(cell.value)
    if result is None:
        return ""
    if rendering.value == "FORMATTED_VALUE" or _is_formatted_date(cell.style, result, rendering):
        return shown(result, cell.style.number_format, locale) or ""
    if isinstance(result, ErrorValue):
        return result.shown
    return plain_number(result) if isinstance(result, float) else result


def _is_formatted_date(style: Style, result: object, rendering: Rendering) -> bool:
    is_date = isinstance(result, float) and style.number_format.get("type") in DATE_TYPES
    return is_date and rendering.date_time == "FORMATTED_STRING"


def _lines(body: Json) -> list[list[Any]]:
    lines = body.get("values", [])
    if not all(isinstance(line, list) for line in lines):
        raise Refused("Invalid value at 'data.values': every row must be a list of values.")
    if body.get("majorDimension", ROWS) == ROWS:
        return [list(line) for line in lines]
    width = max(map(len, lines), default=0)
    return [[line[at] if at < len(line) else None for line in lines] for at in range(width)]


def _check_written(sheet: Sheet, area: Area, height: int, width: int) -> None:
    end_row, end_column = area.start_row + height, area.start_column + width
    if end_row > sheet.row_count or end_column > sheet.column_count:
        rows, columns = max(end_row, area.start_row + 1), max(end_column, area.start_column + 1)
        beyond = name_of(sheet, Area(area.start_row, rows, area.start_column, columns))
        raise Refused(f"Range ({beyond}) exceeds grid limits. Max rows: {sheet.row_count}, max columns: {sheet.column_count}")
    if area.height == 1 and area.width == 1:
        return
    within = f"Requested writing within range [{name_of(sheet, area)}], but tried writing to"
    if height > area.height:
        raise Refused(f"{within} row [{area.end_row + 1}]")
    if width > area.width:
        raise Refused(f"{within} column [{column_name(area.end_column)}]")


def _written(
    workbook: Workbook, sheet: Sheet, row: int, column: int, lines: Sequence[Sequence[Any]], user_entered: bool
) -> Sheet:
    old = sheet.rows.between(row, row + len(lines))
    new = [
        [_entered(value, before.cell(column + at), workbook.locale, user_entered) for at, value in enumerate(line)]
        for before, line in zip(old, lines, strict=True)
    ]
    return cells.write(sheet, row, column, new)


def _entered(value: Any, old: Cell, locale: str, user_entered: bool) -> Cell:
    if value is None:
        return old
    if isinstance(value, str) and user_entered:
        return typed(checked_text(value), locale, old)
    return old._replace(value=_raw(value))


def _raw(value: Any) -> Value:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        return checked_text(value) or None
    raise Refused(f"Invalid values: only texts, numbers and booleans can be written, got {value!r}")
