"""The demo's tab as somebody with access to the spreadsheet reads it and writes to it, past everybody."""

from typing import Any

import httpx

from tabstream.core.cells import digest
from tabstream.core.marks import Mark, MarkedCell, decode_mark, encode_mark
from tabstream.operations.demo.google import TAB
from tabstream.operations.demo.installing import Place
from tabstream.sheets import requests as build


class RawTab:
    """Rows are counted from 0, the header is row 0."""

    def __init__(self, place: Place, title: str = TAB) -> None:
        self._url = f"{place.sheets_url}/v4/spreadsheets/{place.spreadsheet_id}"
        self._title = title
        tabs = httpx.get(self._url, params={"fields": "sheets.properties"}).raise_for_status().json()["sheets"]
        found = {tab["properties"]["title"]: tab["properties"].get("sheetId", 0) for tab in tabs}
        self.titles = list(found)
        self.sheet_id = int(found[title])

    def rows(self, shown: bool = False) -> list[list[Any]]:
        """All rows down to the last that holds anything; `shown` as texts, as people see them."""
        params = {"valueRenderOption": "FORMATTED_VALUE" if shown else "UNFORMATTED_VALUE"}
        answer = httpx.get(f"{self._url}/values/{self._title}!A1:Z2000", params=params).raise_for_status().json()
        found: list[list[Any]] = answer.get("values", [])
        return found

    def by_key(self) -> dict[str, dict[str, Any]]:
        """The rows that have a key, by it, as cells by header."""
        header, *rows = self.rows()
        named = [dict(zip(header, row, strict=False)) for row in rows]
        return {str(row["lead_id"]): row for row in named if row.get("lead_id")}

    def column(self, header: str) -> int:
        """Where a column is."""
        return int(self.rows()[0].index(header))

    def row_of(self, key: str) -> int:
        """Where the row of a key is."""
        at = self.column("lead_id")
        return next(n for n, row in enumerate(self.rows()) if len(row) > at and str(row[at]) == key)

    def write(self, row: int, header: str, value: Any) -> None:
        """Writes one cell."""
        self.send(build.update_cells(self.sheet_id, row, self.column(header), [[build.cell(value)]]))

    def damage(self, key: str, column: str, text: str) -> None:
        """Writes a wrong value, and a mark that says it was written so."""
        row = self.row_of(key)
        mark = decode_mark(self.rows()[row][self.column("_sync")])
        assert isinstance(mark, Mark)
        made = mark._replace(cells={**mark.cells, column: MarkedCell(digest(text), mark.cells[column].number)})
        self.write(row, column, text)
        self.write(row, "_sync", encode_mark(made))

    def delete(self, *keys: str) -> None:
        """Deletes rows."""
        for row in sorted((self.row_of(key) for key in keys), reverse=True):
            self.send(build.delete_rows(self.sheet_id, row, row + 1))

    def forge(self, like: str, key: int) -> None:
        """Inserts a row of a key that is nobody's, whole and with a mark, as a copy of another."""
        row = self.row_of(like)
        cells = self.rows()[row]
        at, sync = self.column("lead_id"), self.column("_sync")
        mark = decode_mark(cells[sync])
        assert isinstance(mark, Mark)
        made = mark._replace(key=f"[{key}]", cells={**mark.cells, "lead_id": MarkedCell(digest(float(key)))})
        values = [*cells]
        values[at], values[sync] = key, encode_mark(made)
        self.send(
            build.insert_rows(self.sheet_id, row, 1),
            build.update_cells(self.sheet_id, row, 0, [[build.cell(None if v == "" else v) for v in values]]),
        )

    def send(self, *requests: dict[str, Any]) -> None:
        """A batch of requests."""
        answer = httpx.post(f"{self._url}:batchUpdate", json={"requests": list(requests)})
        assert answer.status_code == 200, answer.text
