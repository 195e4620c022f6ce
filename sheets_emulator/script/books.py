"""SpreadsheetApp's view of a spreadsheet: names, sizes, cells. What a script writes here fires no trigger.

https://developers.google.com/apps-script/reference/spreadsheet
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sheets_emulator.a1ranges import resolve
from sheets_emulator.model import a1, cells
from sheets_emulator.model.entry import typed
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.formats import DATE_TYPES, shown
from sheets_emulator.model.ranges import Area
from sheets_emulator.model.serials import from_serial, to_serial
from sheets_emulator.model.values import Cell, ErrorValue, Formula, Json, plain_number
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.requests.celldata import checked_text
from sheets_emulator.script.errors import ScriptError
from sheets_emulator.store.store import Store
from sheets_emulator.values import computed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def services(store: Store, active_sheet: int | None) -> Mapping[str, Callable[..., Any]]:
    """What a script can ask about spreadsheets; `active_sheet` is the tab that its event came from."""

    def head(book: str) -> Json:
        workbook = store.read(book)
        sheets = [{"id": sheet.id, "title": sheet.title} for sheet in workbook.sheets]
        return {"title": workbook.title, "zone": workbook.zone, "locale": workbook.locale, "sheets": sheets}

    def active(book: str) -> int:
        workbook = store.read(book)
        if active_sheet is not None and workbook.has_sheet(active_sheet):
            return active_sheet
        return next((sheet.id for sheet in workbook.sheets if not sheet.hidden), workbook.sheets[0].id)

    def named(book: str, text: str, home: int | None) -> Json:
        workbook = store.read(book)
        if home is not None and "!" not in text:
            text = f"{a1.quote(_sheet(workbook, home).title)}!{text}"
        try:
            sheet, area = resolve(workbook, text)
        except Refused:
            raise ScriptError(f"Range not found: {text}") from None
        place = {"row": area.start_row, "column": area.start_column, "rows": area.height, "columns": area.width}
        return {"sheet": sheet.id, **place}

    def read(book: str, sheet_id: int, what: str, *sides: int) -> list[list[Any]]:
        workbook = store.read(book)
        sheet = _sheet(workbook, sheet_id)
        asked = Area(*sides)
        show = _READERS[what]
        return [[show(cell, workbook) for cell in line] for line in cells.read(sheet, asked)]

    def write(book: str, sheet_id: int, row: int, column: int, lines: Sequence[Sequence[Any]]) -> None:
        def change(workbook: Workbook) -> tuple[Workbook, None]:
            sheet = _sheet(workbook, sheet_id)
            if row + len(lines) > sheet.row_count or column + len(lines[0]) > sheet.column_count:
                raise ScriptError("The coordinates of the range are outside the dimensions of the sheet.")
            area = Area(row, row + len(lines), column, column + len(lines[0]))
            old = cells.read(sheet, area)
            new = [
                [_entered(value, cell, workbook) for value, cell in zip(line, before, strict=True)]
                for line, before in zip(lines, old, strict=True)
            ]
            return computed(workbook.with_sheet(cells.write(sheet, row, column, new))), None

        store.edit(book, change)

    return {
        "book.head": head,
        "book.activeSheet": active,
        "book.range": named,
        "sheet.head": lambda book, sheet_id: _head(store.read(book), sheet_id),
        "range.name": _name,
        "range.read": read,
        "range.write": write,
    }


def _sheet(workbook: Workbook, sheet_id: int) -> Sheet:
    if not workbook.has_sheet(sheet_id):
        raise ScriptError(f"Sheet {sheet_id} not found")
    return workbook.sheet(sheet_id)


def _head(workbook: Workbook, sheet_id: int) -> Json:
    sheet = _sheet(workbook, sheet_id)
    return {
        "title": sheet.title,
        "index": workbook.index_of(sheet_id),
        "hidden": sheet.hidden,
        "rows": sheet.row_count,
        "columns": sheet.column_count,
        "frozenRows": sheet.frozen_rows,
        "frozenColumns": sheet.frozen_columns,
        "lastRow": sheet.used_rows(),
        "lastColumn": max((len(row.values) for row in sheet.rows), default=0),
    }


def _name(start_row: int, end_row: int, start_column: int, end_column: int) -> str:
    first, last = a1.cell_name(start_row, start_column), a1.cell_name(end_row - 1, end_column - 1)
    return first if first == last else f"{first}:{last}"


def _value(cell: Cell, workbook: Workbook) -> Any:
    result = cell.effective
    if result is None:
        return ""
    if isinstance(result, ErrorValue):
        return result.shown
    if not isinstance(result, float):
        return result
    if cell.style.number_format.get("type") in DATE_TYPES and (moment := from_serial(result)) is not None:
        return {"date": (moment.replace(tzinfo=_zone(workbook)) - _EPOCH) / timedelta(milliseconds=1)}
    return plain_number(result)


def _shown(cell: Cell, workbook: Workbook) -> str:
    return shown(cell.effective, cell.style.number_format, workbook.locale) or ""


_READERS: Mapping[str, Callable[[Cell, Workbook], Any]] = {
    "values": _value,
    "shown": _shown,
    "formulas": lambda cell, _: cell.value.text if isinstance(cell.value, Formula) else "",
    "notes": lambda cell, _: cell.style.note or "",
}


def _entered(value: Any, old: Cell, workbook: Workbook) -> Cell:
    if isinstance(value, dict):
        moment = (_EPOCH + timedelta(milliseconds=value["date"])).astimezone(_zone(workbook)).replace(tzinfo=None)
        return old._replace(value=to_serial(moment))
    if isinstance(value, bool):
        return old._replace(value=value)
    if isinstance(value, int | float):
        return old._replace(value=float(value))
    return typed(checked_text("" if value is None else str(value)), workbook.locale, old)


def _zone(workbook: Workbook) -> ZoneInfo:
    try:
        return ZoneInfo(workbook.zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("Etc/GMT")
