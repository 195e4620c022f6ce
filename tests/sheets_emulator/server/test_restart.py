"""What was answered is there after a restart, however the process ended."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.sheets_emulator.process import EmulatorProcess, emulator_process, google_client
from tests.sheets_emulator.running import Person, until


@pytest.fixture
def server() -> Iterator[EmulatorProcess]:
    with emulator_process() as found:
        yield found


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_everything_is_as_it_was(server: EmulatorProcess, how: signal.Signals) -> None:
    with google_client(server.url) as sheets:
        book = filled(server, sheets)
        gone = sheets.create(body={}, fields="spreadsheetId").execute()["spreadsheetId"]
        server.http.delete(f"/drive/v3/files/{gone}")
        before = sheets.get(spreadsheetId=book, includeGridData=True).execute()
    server.role(book, "reader")
    server.control(read_per_minute=77, latency_ms=1)
    server.fault(status=503)
    drive = server.http.get(f"/drive/v3/files/{book}", params={"fields": "*"}).json()

    assert server.stop(how) == -how
    server.start()

    assert server.control()["read_per_minute"] == 77
    assert server.http.get("/control/faults").json() == {"faults": []}
    assert server.http.get(f"/drive/v3/files/{book}", params={"fields": "*"}).json() == drive
    with google_client(server.url) as sheets:
        assert sheets.get(spreadsheetId=book, includeGridData=True).execute() == before
    assert server.http.get(f"/v4/spreadsheets/{gone}").status_code == 404
    body = {"requests": [{"addSheet": {"properties": {"title": "Late"}}}]}
    assert server.http.post(f"/v4/spreadsheets/{book}:batchUpdate", json=body).status_code == 403
    server.role(book, "writer")
    assert server.http.post(f"/v4/spreadsheets/{book}:batchUpdate", json=body).status_code == 200
    assert server.version(book) == int(drive["version"]) + 1


def test_what_was_answered_before_a_kill_in_the_middle_of_writing_is_there(server: EmulatorProcess) -> None:
    server.control(quotas=False)
    book = server.http.post("/v4/spreadsheets", json={}).json()["spreadsheetId"]
    url = f"/v4/spreadsheets/{book}/values/A1:append"
    answered = 0
    for number in range(60):
        body = {"values": [[number]]}
        answered += server.http.post(url, params={"valueInputOption": "RAW"}, json=body).is_success
        if number == 40:
            server.fault(status=200, when="after", delay_ms=600_000)
            with pytest.raises(httpx.ReadTimeout):
                server.http.post(url, params={"valueInputOption": "RAW"}, json={"values": [["unanswered"]]}, timeout=0.3)
            break
    server.stop(signal.SIGKILL)
    server.start()
    rows = server.http.get(f"/v4/spreadsheets/{book}/values/A1:A100").json()["values"]
    assert rows == [*([str(number)] for number in range(answered)), ["unanswered"]]


def test_a_person_goes_on_after_a_restart(server: EmulatorProcess) -> None:
    book = server.http.post("/v4/spreadsheets", json={}).json()["spreadsheetId"]
    person = Person(server.http, book, "Sheet1")
    version = person.act("type", cell="A1", text="before")
    server.stop(signal.SIGKILL)
    server.start()
    assert person.act("type", cell="A2", text="after") == version + 1
    assert [row[0] for row in person.rows()[:2]] == ["before", "after"]


def test_an_order_to_end_waits_for_the_answers_that_are_under_way(server: EmulatorProcess) -> None:
    book = server.http.post("/v4/spreadsheets", json={}).json()["spreadsheetId"]
    server.control(latency_ms=600)
    url = f"/v4/spreadsheets/{book}/values/A1:append"
    body = {"values": [["under way"]]}
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.post, f"{server.url}{url}", params={"valueInputOption": "RAW"}, json=body, trust_env=False)
        until(lambda: True if server.version(book) == 2 else None)
        server.stop()
        assert answer.result().status_code == 200
    server.start()
    assert server.http.get(f"/v4/spreadsheets/{book}/values/A1").json()["values"] == [["under way"]]


def filled(server: EmulatorProcess, sheets: Any) -> str:
    """A spreadsheet with something of everything."""
    book: str = sheets.create(body={"properties": {"title": "kept", "timeZone": "Europe/Berlin"}}).execute()["spreadsheetId"]
    rows = [[1, "=A1*2", "TRUE", "2024-01-31", "'007"], ["ä\nö", "x" * 5000]]
    sheets.values().update(spreadsheetId=book, range="A1", valueInputOption="USER_ENTERED", body={"values": rows}).execute()
    above = {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 3}
    noted = {"start": {"sheetId": 0, "rowIndex": 4, "columnIndex": 1}, "rows": [{"values": [{"note": "mind this"}]}]}
    location = {"dimensionRange": {"sheetId": 0, "dimension": "ROWS", "startIndex": 3, "endIndex": 4}}
    metadata = {"metadataKey": "k", "metadataValue": "v", "location": location, "visibility": "DOCUMENT"}
    column = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 2, "endIndex": 3}
    hidden = {"range": column, "properties": {"hiddenByUser": True}, "fields": "hiddenByUser"}
    requests = [
        {"addSheet": {"properties": {"title": "Second", "hidden": True, "gridProperties": {"frozenRowCount": 1}}}},
        {"insertDimension": {"range": above}},
        {"updateCells": {**noted, "fields": "note"}},
        {"createDeveloperMetadata": {"developerMetadata": metadata}},
        {"addProtectedRange": {"protectedRange": {"range": {"sheetId": 0}, "description": "d", "warningOnly": True}}},
        {"addNamedRange": {"namedRange": {"name": "here", "range": {"sheetId": 0, "endRowIndex": 2}}}},
        {"updateDimensionProperties": hidden},
    ]
    sheets.batchUpdate(spreadsheetId=book, body={"requests": requests}).execute()
    assert server.version(book) == 3
    return book
