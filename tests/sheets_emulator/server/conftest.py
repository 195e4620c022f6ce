from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.sheets_emulator.process import EmulatorProcess, emulator_process, google_client

SETTINGS = {"quotas": False, "read_per_minute": 60, "write_per_minute": 60, "latency_ms": 0, "api_fires_change": False}


@dataclass
class Book:
    """A spreadsheet of one test, with Google's client for it."""

    server: EmulatorProcess
    sheets: Any
    id: str

    @property
    def values(self) -> Any:
        return self.sheets.values()

    def get(self, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.sheets.get(spreadsheetId=self.id, **options).execute()
        return found

    def batch(self, *requests: dict[str, Any], **body: Any) -> dict[str, Any]:
        sent = {"requests": list(requests), **body}
        found: dict[str, Any] = self.sheets.batchUpdate(spreadsheetId=self.id, body=sent).execute()
        return found

    def fill(self, range_: str, rows: list[list[Any]], option: str = "RAW") -> dict[str, Any]:
        found: dict[str, Any] = self.values.update(
            spreadsheetId=self.id, range=range_, valueInputOption=option, body={"values": rows}
        ).execute()
        return found

    def rows(self, range_: str, **options: Any) -> list[list[Any]]:
        found: list[list[Any]] = self.values.get(spreadsheetId=self.id, range=range_, **options).execute().get("values", [])
        return found


@pytest.fixture(scope="package")
def process() -> Iterator[EmulatorProcess]:
    with emulator_process("--no-quotas") as found:
        yield found


@pytest.fixture(scope="package")
def sheets(process: EmulatorProcess) -> Iterator[Any]:
    with google_client(process.url) as found:
        yield found


@pytest.fixture
def book(process: EmulatorProcess, sheets: Any) -> Iterator[Book]:
    """A new spreadsheet; what the test set is taken back."""
    made = sheets.create(body={"properties": {"title": "leads"}}, fields="spreadsheetId").execute()
    yield Book(process, sheets, made["spreadsheetId"])
    process.control(**SETTINGS)
    process.http.delete("/control/faults")


def refused(call: Any) -> tuple[int, str]:
    """Status and message of the error that a call is answered with."""
    with pytest.raises(HttpError) as caught:
        call.execute()
    return caught.value.resp.status, caught.value.reason
