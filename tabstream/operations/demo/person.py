"""What a person does in a spreadsheet of the stand-in, over its person API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from tabstream.errors import OperatorError

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Grid:
    """A tab as a person sees it: formatted texts, row 1 first; `version` grows with each change."""

    version: int
    rows: Sequence[Sequence[str]]
    notes: Sequence[Sequence[str | None]]


class Person:
    """Somebody who works in one tab. Rows are counted from 1, cells and ranges are in A1 notation."""

    def __init__(self, person_url: str, spreadsheet_id: str, tab: str) -> None:
        self._spreadsheet = f"/spreadsheets/{quote(spreadsheet_id, safe='')}"
        self._tab = f"{self._spreadsheet}/tabs/{quote(tab, safe='')}"
        self._http = httpx.Client(base_url=person_url, timeout=_SECONDS)

    def close(self) -> None:
        """Gives the connection back."""
        self._http.close()

    def type(self, cell: str, text: str) -> None:
        """Types into a cell, as at a keyboard."""
        self._act("type", {"cell": cell, "text": text})

    def paste(self, cell: str, block: Sequence[Sequence[str]]) -> None:
        """Pastes texts, the upper left one into the cell; the grid grows as needed."""
        self._act("paste", {"cell": cell, "values": [list(row) for row in block]})

    def clear(self, area: str) -> None:
        """Presses the delete key on a range."""
        self._act("clear", {"range": area})

    def delete_rows(self, rows: Sequence[int]) -> None:
        """Deletes whole rows."""
        self._act("delete-rows", {"rows": list(rows)})

    def insert_rows(self, before: int, count: int = 1) -> None:
        """Inserts blank rows above a row."""
        self._act("insert-rows", {"before": before, "count": count})

    def sort(self, column: str, descending: bool = False) -> None:
        """Sorts the whole tab by a column; the frozen header stays."""
        self._act("sort", {"column": column, "descending": descending})

    def sort_range(self, area: str, column: str, descending: bool = False) -> None:
        """Sorts a selected range only, by one of its columns."""
        self._act("sort-range", {"range": area, "column": column, "descending": descending})

    def undo(self) -> None:
        """Takes the last action back."""
        self._post(f"{self._spreadsheet}/undo", {})

    def grid(self) -> Grid:
        """What the person sees."""
        seen = self._checked(self._http.get(f"{self._tab}/grid"))
        return Grid(int(seen["version"]), seen["rows"], seen.get("notes", []))

    def changed_since(self, version: int, timeout_seconds: float) -> int:
        """Waits until the tab is newer than the version, or the time is over; the version that it has now."""
        query = {"since": version, "timeout": timeout_seconds}
        seen = self._checked(self._http.get(f"{self._tab}/events", params=query, timeout=timeout_seconds + 10))
        return int(seen["version"])

    def put_script(self, files: Mapping[str, str]) -> None:
        """Stores the spreadsheet's Apps Script, by file names."""
        self._checked(self._http.put(f"{self._spreadsheet}/script", json={"files": dict(files)}))

    def run_script(self, function: str, *arguments: Any) -> None:
        """Runs a function of the script as the person would from its editor."""
        self._post(f"{self._spreadsheet}/script/run", {"function": function, "arguments": list(arguments)})

    def settings(self, trigger_delay_ms: int, queue_limit: int) -> None:
        """How late triggers fire, and how many events wait at most while one is under way."""
        self._checked(self._http.put("/settings", json={"trigger_delay_ms": trigger_delay_ms, "queue_limit": queue_limit}))

    def _act(self, action: str, body: Mapping[str, Any]) -> None:
        self._post(f"{self._tab}/{action}", body)

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._checked(self._http.post(path, json=body))

    def _checked(self, answer: httpx.Response) -> Any:
        if answer.is_error:
            asked = f"{answer.request.method} {answer.request.url.path}"
            raise OperatorError(
                f"the spreadsheet refused {asked}: {answer.status_code} {answer.text}",
                "look at: tabstream local logs emulator",
            )
        return answer.json() if answer.content else None
