"""POST bodies as the Apps Script would send them for a small tab: id, name, amount, _sync, and the people's own."""

from collections.abc import Mapping
from typing import Any

from tabstream.core.cells import CellValue, digest, row_key
from tabstream.core.marks import Mark, MarkedCell, encode_mark

HEADER = ("id", "name", "amount", "_sync", "my notes")


def cell(value: CellValue, formula: str | None = None) -> dict[str, Any]:
    """A CellData object."""
    if value is None:
        return {}
    kind = "boolValue" if isinstance(value, bool) else "numberValue" if isinstance(value, float) else "stringValue"
    effective = {kind: value}
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    return {
        "effectiveValue": effective,
        "userEnteredValue": {"formulaValue": formula} if formula else effective,
        "formattedValue": shown,
    }


def mark(values: Mapping[str, CellValue], key: str = "id", number: int = 0) -> str:
    """The text of the `_sync` cell of a row that was written with these values at position 0/12."""
    cells = {name: MarkedCell(digest(value), number) for name, value in values.items()}
    return encode_mark(Mark(row_key([values[key]]), 0, 12, cells))


def row(at: int, values: list[CellValue], sync: str | None) -> dict[str, Any]:
    """A row of the tab; `values` are those of id, name and amount."""
    return {"row": at, "values": [*map(cell, values), cell(sync)]}


def post(rows: list[dict[str, Any]], columns: tuple[int, int] = (1, 2), **changes: Any) -> dict[str, Any]:
    """A POST whose touched range is the rows given and these columns (half-open)."""
    return {
        "version": 1,
        "id": "9f-1",
        "spreadsheet_id": "1AbC",
        "sheet_id": 0,
        "tab": "Leads",
        "zone": "Europe/Berlin",
        "event": "edit",
        "change_type": None,
        "read_begin_ms": 1_700_000_000_000,
        "read_end_ms": 1_700_000_000_250,
        "touched": {
            "start_row": rows[0]["row"] if rows else 1,
            "end_row": rows[-1]["row"] + 1 if rows else 2,
            "start_column": columns[0],
            "end_column": columns[1],
        },
        "header": [cell(text) for text in HEADER],
        "rows": rows,
        **changes,
    }


WRITTEN: dict[str, CellValue] = {"id": 17.0, "name": "Ada", "amount": 3.5}
EDITED = row(4, [17.0, "Ada L.", 3.5], mark(WRITTEN, number=5))
