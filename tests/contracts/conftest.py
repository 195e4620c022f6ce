"""The same suite for Google and for the stand-in.

By default the Sheets emulator is started as a process. With TABSTREAM_CONTRACT_CREDENTIALS_FILE (a service account's JSON
key) the suite runs against Google, in a new spreadsheet or in the one that TABSTREAM_CONTRACT_SPREADSHEET_ID names.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tabstream.clock import SystemClock
from tabstream.core.cells import ObservedCell
from tabstream.sheets import fields
from tabstream.sheets.answers import SheetView, TabView, added_protection, read_spreadsheet
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.credentials import load_credentials
from tabstream.sheets.pacing import policy_of
from tabstream.sheets.quota import Quota
from tabstream.sheets.ranges import a1
from tabstream.sheets.requests import add_tab, cell, delete_tab, protect_tab
from tabstream.sheets.updates import coalesce_updates
from tests.sheets_emulator.process import emulator_process

ROWS, COLUMNS = 40, 12


@dataclass
class Workspace:
    """A visible tab and a hidden, protected one, in a spreadsheet of the suite."""

    client: SheetsClient
    spreadsheet_id: str
    tab: int
    scratch: int
    fence: int

    def write(self, *requests: dict[str, Any]) -> dict[str, Any]:
        """One batch; its body."""
        return self.client.batch_update(self.spreadsheet_id, requests).body

    def fill(self, *rows: list[Any], start: int = 0) -> None:
        """Writes values from column A on."""
        updates = [(start + i, j, cell(value)) for i, values in enumerate(rows) for j, value in enumerate(values)]
        self.write(*coalesce_updates(self.tab, updates))

    def look(self) -> SheetView:
        """Both tabs with all their cells."""
        ranges = [a1(title(sheet), (0, ROWS), (0, COLUMNS)) for sheet in (self.tab, self.scratch)]
        return read_spreadsheet(self.client.get(self.spreadsheet_id, ranges=ranges, fields=fields.ROWS).body)

    def view(self, sheet_id: int) -> TabView:
        """One of the tabs."""
        tab = self.look().tab_by_id(sheet_id)
        assert tab is not None
        return tab

    def cell(self, sheet_id: int, row: int, column: int) -> ObservedCell:
        """One cell."""
        cells = self.view(sheet_id).rows.get(row, ())
        return cells[column] if column < len(cells) else ObservedCell()

    def values(self, sheet_id: int, row: int) -> list[Any]:
        """The values of a row, without blank ones at its end."""
        values = [c.value for c in self.view(sheet_id).rows.get(row, ())]
        while values and values[-1] is None:
            values.pop()
        return values


def title(sheet_id: int) -> str:
    """A title with characters that need quoting."""
    return f"tab's {sheet_id}"


@pytest.fixture(scope="session")
def client() -> Iterator[SheetsClient]:
    quota = Quota(policy_of(60), SystemClock())
    if path := os.environ.get("TABSTREAM_CONTRACT_CREDENTIALS_FILE"):
        made = SheetsClient(load_credentials(Path(path)), None, quota, SystemClock())
        yield made
        made.close()
        return
    with emulator_process("--no-quotas") as process:
        made = SheetsClient(None, process.url, Quota(policy_of(60_000), SystemClock()), SystemClock())
        yield made
        made.close()


@pytest.fixture(scope="session")
def spreadsheet_id(client: SheetsClient) -> str:
    named = os.environ.get("TABSTREAM_CONTRACT_SPREADSHEET_ID")
    return named or str(client.create("tabstream contract suite").body["spreadsheetId"])


@pytest.fixture
def workspace(client: SheetsClient, spreadsheet_id: str) -> Iterator[Workspace]:
    tab = uuid4().int % 1_000_000_000 + 1
    scratch = tab + 1
    body = client.batch_update(
        spreadsheet_id,
        [
            add_tab(title(tab), tab, rows=ROWS, columns=COLUMNS),
            add_tab(title(scratch), scratch, hidden=True, rows=ROWS, columns=COLUMNS),
            protect_tab(scratch, "set up"),
        ],
    ).body
    yield Workspace(client, spreadsheet_id, tab, scratch, added_protection(body, 2))
    client.batch_update(spreadsheet_id, [delete_tab(tab), delete_tab(scratch)])
