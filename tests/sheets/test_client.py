"""The client sends what is asked, once, and says what became of it."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import REGISTRY

from tabstream.clock import SystemClock
from tabstream.errors import TabstreamError
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.errors import (
    FenceLost,
    InvalidRequest,
    PermissionLost,
    QuotaRefused,
    SheetsOutage,
    SpreadsheetMissing,
    Uncertain,
)
from tabstream.sheets.pacing import Priority, QuotaPolicy
from tabstream.sheets.quota import CallKind, Quota
from tests.sheets.scripted_google import DATE_MS, Reply, ScriptedGoogle, error

POLICY = QuotaPolicy(window_ms=1_000, pause_ms=1)


@pytest.fixture
def google() -> Iterator[ScriptedGoogle]:
    server = ScriptedGoogle()
    yield server
    server.close()


@pytest.fixture
def quota() -> Quota:
    return Quota(POLICY, SystemClock())


@pytest.fixture
def client(google: ScriptedGoogle, quota: Quota) -> Iterator[SheetsClient]:
    made = SheetsClient(None, google.url, quota, SystemClock())
    yield made
    made.close()


def read(client: SheetsClient) -> object:
    return client.get("1AbC", ranges=["'leads'!A1:C1"], fields="sheets.data")


def write(client: SheetsClient) -> object:
    return client.batch_update("1AbC", [{"deleteSheet": {"sheetId": 1}}])


def test_a_read_asks_for_ranges_and_fields(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies.append(Reply({"spreadsheetId": "1AbC"}))
    answer = client.get("1AbC", ranges=["'leads'!A1:C1", "'leads'!A7:C9"], fields="sheets.data")
    [call] = google.calls
    assert (call.method, call.path) == ("GET", "/v4/spreadsheets/1AbC")
    assert call.query["ranges"] == ["'leads'!A1:C1", "'leads'!A7:C9"]
    assert call.query["fields"] == ["sheets.data"]
    assert call.headers["user-agent"].startswith("tabstream/")
    assert "gzip" in call.headers["accept-encoding"]
    assert answer.body == {"spreadsheetId": "1AbC"}
    assert answer.date_ms == DATE_MS
    assert answer.sent_ms <= answer.received_ms


def test_more_ranges_than_an_address_holds_are_asked_for_by_filter(google: ScriptedGoogle, client: SheetsClient) -> None:
    ranges = [f"'leads'!A{n}:K{n}" for n in range(1, 200)]
    client.get("1AbC", ranges=ranges, fields="sheets.data")
    [call] = google.calls
    assert (call.method, call.path) == ("POST", "/v4/spreadsheets/1AbC:getByDataFilter")
    assert call.query["fields"] == ["sheets.data"]
    assert [entry["a1Range"] for entry in call.body["dataFilters"]] == ranges


def test_a_write_sends_its_requests_in_order(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies.append(Reply({"replies": [{}, {}]}))
    answer = client.batch_update("1AbC", [{"first": {"text": "ä=1"}}, {"second": {}}])
    [call] = google.calls
    assert (call.method, call.path) == ("POST", "/v4/spreadsheets/1AbC:batchUpdate")
    assert call.body == {"requests": [{"first": {"text": "ä=1"}}, {"second": {}}]}
    assert answer.body == {"replies": [{}, {}]}


def test_a_spreadsheet_is_created_with_its_title(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies.append(Reply({"spreadsheetId": "new"}))
    assert client.create("Sales").body["spreadsheetId"] == "new"
    assert google.calls[0].body == {"properties": {"title": "Sales"}}


def test_drive_tells_the_version_and_costs_no_sheets_quota(google: ScriptedGoogle, client: SheetsClient, quota: Quota) -> None:
    google.replies.append(Reply({"version": "42"}))
    assert client.drive_version("1AbC") == "42"
    assert google.calls[0].path == "/drive/v3/files/1AbC"
    assert google.calls[0].query["fields"] == ["version"]
    assert quota.used(CallKind.READ) == 0


def test_no_access_to_drive_is_told(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies.append(error(403, "Insufficient Permission"))
    with pytest.raises(PermissionLost):
        client.drive_version("1AbC")


@pytest.mark.parametrize("reply", [error(503, "unavailable"), error(500, "internal"), Reply(drop=True), error(429, "q")])
def test_a_read_is_sent_again_after_an_outage(google: ScriptedGoogle, client: SheetsClient, reply: Reply) -> None:
    google.replies += [reply, Reply({"spreadsheetId": "1AbC"})]
    assert client.get("1AbC", fields="spreadsheetId").body == {"spreadsheetId": "1AbC"}
    assert len(google.calls) == 2


@pytest.mark.parametrize("reply", [error(503, "unavailable"), error(500, "internal"), Reply(drop=True)])
def test_a_write_that_may_have_been_applied_is_not_sent_again(
    google: ScriptedGoogle, client: SheetsClient, reply: Reply
) -> None:
    google.replies.append(reply)
    with pytest.raises(Uncertain):
        write(client)
    assert len(google.calls) == 1


def test_a_write_is_sent_again_after_a_refused_quota(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies += [error(429, "Quota exceeded"), Reply({"replies": []})]
    write(client)
    assert len(google.calls) == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(400, "Invalid requests[3].updateCells: no"), InvalidRequest),
        (error(400, "Invalid requests[0].deleteProtectedRange: No protected range with id: 5"), FenceLost),
        (error(403, "The caller does not have permission"), PermissionLost),
        (error(404, "Requested entity was not found."), SpreadsheetMissing),
    ],
)
@pytest.mark.parametrize("call", [read, write])
def test_what_would_fail_again_is_not_sent_again(
    google: ScriptedGoogle,
    client: SheetsClient,
    call: Callable[[SheetsClient], object],
    reply: Reply,
    kind: type[TabstreamError],
) -> None:
    google.replies.append(reply)
    with pytest.raises(kind):
        call(client)
    assert len(google.calls) == 1


@pytest.mark.parametrize("call", [read, write])
def test_a_server_that_is_not_there_is_an_outage(quota: Quota, call: Callable[[SheetsClient], object]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = SheetsClient(None, f"http://127.0.0.1:{port}", quota, SystemClock(), limit_seconds=0)
    with pytest.raises(SheetsOutage, match="can't be reached"):
        call(client)


def test_a_stop_ends_the_retries(google: ScriptedGoogle, quota: Quota) -> None:
    stop = threading.Event()
    stop.set()
    client = SheetsClient(None, google.url, quota, SystemClock(), stop)
    google.replies.append(error(429, "Quota exceeded", **{"Retry-After": "3600"}))
    with pytest.raises(QuotaRefused):
        write(client)
    client.close()


def test_a_connection_that_the_server_has_closed_is_not_written_to(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies += [Reply(leave=True), Reply({"replies": []})]
    read(client)
    assert google.left.wait(10)
    write(client)
    assert [call.method for call in google.calls] == ["GET", "POST"]


def test_an_answer_that_is_not_json_is_uncertain(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies.append(Reply(b"<html>"))
    with pytest.raises(Uncertain):
        write(client)


def test_a_budget_pays_for_the_calls_inside_and_gives_back_the_rest(
    google: ScriptedGoogle, client: SheetsClient, quota: Quota
) -> None:
    with client.budget(reads=2, writes=1, priority=Priority.BACKGROUND):
        read(client)
        assert (quota.used(CallKind.READ), quota.used(CallKind.WRITE)) == (2, 1)
    assert (quota.used(CallKind.READ), quota.used(CallKind.WRITE)) == (1, 0)


def test_every_attempt_costs_quota(google: ScriptedGoogle, client: SheetsClient, quota: Quota) -> None:
    google.replies += [error(503, "unavailable"), Reply()]
    with client.budget(reads=1):
        read(client)
    assert quota.used(CallKind.READ) == 2


def test_attempts_are_counted_by_outcome(google: ScriptedGoogle, client: SheetsClient) -> None:
    before = {name: _counted("batchUpdate", name) for name in ("ok", "quota", "uncertain")}
    google.replies += [error(429, "Quota exceeded"), Reply({"replies": []}), error(503, "unavailable")]
    write(client)
    with pytest.raises(Uncertain):
        write(client)
    after = {name: _counted("batchUpdate", name) for name in before}
    assert {name: after[name] - before[name] for name in before} == {"ok": 1, "quota": 1, "uncertain": 1}


def _counted(method: str, outcome: str) -> float:
    return REGISTRY.get_sample_value("tabstream_api_calls_total", {"method": method, "outcome": outcome}) or 0.0
