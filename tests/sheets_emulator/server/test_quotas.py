"""Quotas per minute: for each user, and for the project as a whole."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.sheets_emulator.process import EmulatorProcess, emulator_process

ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


@pytest.fixture
def metered() -> Iterator[EmulatorProcess]:
    """A server that nobody has called yet, which counts calls."""
    with emulator_process() as found:
        yield found


def create(server: EmulatorProcess, user: str = "") -> httpx.Response:
    return server.http.post("/v4/spreadsheets", json={}, params={"quotaUser": user} if user else {})


def read(server: EmulatorProcess, spreadsheet_id: str, user: str = "", **headers: str) -> httpx.Response:
    parameters = {"fields": "spreadsheetId"} | ({"quotaUser": user} if user else {})
    return server.http.get(f"/v4/spreadsheets/{spreadsheet_id}", params=parameters, headers=headers)


def quota(answer: httpx.Response) -> dict[str, Any]:
    """What a 429 says of the quota."""
    assert answer.status_code == 429
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    (info,) = error["details"]
    assert (info["@type"], info["reason"], info["domain"]) == (ERROR_INFO, "RATE_LIMIT_EXCEEDED", "googleapis.com")
    assert info["metadata"]["service"] == "sheets.googleapis.com"
    found: dict[str, Any] = {**info["metadata"], "message": error["message"]}
    return found


def test_googles_limits_hold_by_default(metered: EmulatorProcess) -> None:
    settings = metered.control()
    assert (settings["quotas"], settings["read_per_minute"], settings["write_per_minute"]) == (True, 60, 60)
    book = create(metered).json()["spreadsheetId"]
    assert [read(metered, book).status_code for _ in range(60)] == [200] * 60
    refused = quota(read(metered, book))
    assert refused["quota_limit"] == "ReadRequestsPerMinutePerUser"
    assert refused["quota_limit_value"] == "60"
    assert "Read requests per minute per user" in refused["message"]
    assert read(metered, book, "somebody else").status_code == 200
    assert read(metered, book, authorization="Bearer other").status_code == 200
    assert create(metered).status_code == 200, "writes are counted apart from reads"


def test_a_refused_call_does_nothing_and_does_not_count(metered: EmulatorProcess) -> None:
    metered.control(write_per_minute=2)
    book = create(metered).json()["spreadsheetId"]
    body = {"requests": [{"addSheet": {"properties": {"title": "One"}}}]}
    assert metered.http.post(f"/v4/spreadsheets/{book}:batchUpdate", json=body).status_code == 200
    version = metered.version(book)
    body = {"requests": [{"addSheet": {"properties": {"title": "Two"}}}]}
    for _ in range(5):
        refused = quota(metered.http.post(f"/v4/spreadsheets/{book}:batchUpdate", json=body))
        assert refused["quota_limit"] == "WriteRequestsPerMinutePerUser"
    assert metered.version(book) == version
    assert metered.http.get("/control/usage").json()["write"] == {"anonymous": 2}
    metered.control(write_per_minute=3)
    assert metered.http.post(f"/v4/spreadsheets/{book}:batchUpdate", json=body).status_code == 200
    assert [call["status"] for call in metered.calls()] == [200, 200, *[429] * 5, 200]


def test_a_project_has_five_times_what_a_user_has(metered: EmulatorProcess) -> None:
    metered.control(read_per_minute=2)
    book = create(metered).json()["spreadsheetId"]
    for user in "abcde":
        assert [read(metered, book, user).status_code for _ in range(2)] == [200, 200]
    refused = quota(read(metered, book, "f"))
    assert refused["quota_limit"] == "ReadRequestsPerMinutePerProject"
    assert refused["quota_limit_value"] == "10"
    assert metered.http.get("/control/usage").json()["read"].get("f", 0) == 0
    metered.control(quotas=False)
    assert read(metered, book, "f").status_code == 200


def test_one_batch_is_one_request_whatever_is_in_it(metered: EmulatorProcess) -> None:
    book = create(metered).json()["spreadsheetId"]
    requests = [{"addSheet": {"properties": {"title": str(number)}}} for number in range(100)]
    assert metered.http.post(f"/v4/spreadsheets/{book}:batchUpdate", json={"requests": requests}).status_code == 200
    assert metered.http.get("/control/usage").json() == {"read": {}, "write": {"anonymous": 2}}
    assert metered.calls()[-1]["requests"] == 100
