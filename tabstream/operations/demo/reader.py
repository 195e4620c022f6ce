"""Reads table and tab for the check, with nothing but psycopg and Google's own client."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tabstream.operations.demo.comparing import TabCell, TabRow
from tabstream.operations.demo.google import service

READER = "demo-reader"  # a quota of its own, so that looking takes nothing from the sheet sink
_FIELDS = "sheets(data(startRow,rowData(values(effectiveValue,formattedValue,note))))"


@dataclass(frozen=True, slots=True)
class Tab:
    """A whole tab: headers from left to right, blank ones included, and all rows that hold anything."""

    headers: tuple[str, ...]
    rows: tuple[TabRow, ...]
    header_notes: Mapping[str, str]

    def keys(self, key: str) -> list[str]:
        """The texts of the key column from top to bottom, blank ones left out."""
        return [row.shown(key) for row in self.rows if row.shown(key)]

    def row_of(self, header: str, text: str) -> TabRow | None:
        """The first row that reads `text` in a column."""
        return next((row for row in self.rows if row.shown(header) == text), None)


class TabReader:
    """Reads a tab through the Sheets API, one call a reading."""

    def __init__(self, sheets_url: str, spreadsheet_id: str, title: str) -> None:
        self._spreadsheets = service(sheets_url).spreadsheets()
        self._spreadsheet_id = spreadsheet_id
        self._title = title

    def close(self) -> None:
        """Gives the connection back."""
        self._spreadsheets.close()

    def read(self) -> Tab:
        """The tab as it is now."""
        request = self._spreadsheets.get(
            spreadsheetId=self._spreadsheet_id, ranges=[f"'{self._title}'"], fields=_FIELDS, quotaUser=READER
        )
        return parse_tab(request.execute(num_retries=0))


def parse_tab(answer: Mapping[str, Any]) -> Tab:
    """Reads the body of `spreadsheets.get` of one tab from its first row on."""
    data = answer["sheets"][0].get("data", [{}])[0]
    grid = [row.get("values", []) for row in data.get("rowData", [])]
    if not grid:
        return Tab((), (), {})
    headers = tuple(cell.get("formattedValue", "") for cell in grid[0])
    rows = [TabRow(index, _cells(headers, values)) for index, values in enumerate(grid[1:], start=1)]
    notes = {header: cell.get("note", "") for header, cell in zip(headers, grid[0], strict=True) if header}
    return Tab(headers, tuple(row for row in rows if row.cells), notes)


def read_table(connection: psycopg.Connection[Any], table: str, key: str) -> list[dict[str, Any]]:
    """All rows of a table in the order of its key, values as psycopg gives them."""
    query = sql.SQL("SELECT * FROM {} ORDER BY {}").format(sql.Identifier(*table.split(".")), sql.Identifier(key))
    with connection.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(query))


def _cells(headers: Sequence[str], values: Sequence[Mapping[str, Any]]) -> dict[str, TabCell]:
    return {header: _cell(cell) for header, cell in zip(headers, values, strict=False) if header and cell}


def _cell(cell: Mapping[str, Any]) -> TabCell:
    effective = cell.get("effectiveValue", {})
    value: bool | float | str | None = None
    if "boolValue" in effective:
        value = effective["boolValue"]
    elif "numberValue" in effective:
        value = float(effective["numberValue"])
    elif "stringValue" in effective:
        value = effective["stringValue"] or None
    elif "errorValue" in effective:
        value = f"error {effective['errorValue'].get('type', '')}"
    return TabCell(value, cell.get("formattedValue", ""), cell.get("note", ""))
