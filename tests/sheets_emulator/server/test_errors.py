"""Errors as Google words them, and who may do what."""

import json
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.sheets_emulator.server.conftest import Book, refused

DENIED = (403, "The caller does not have permission")
MISSING = (404, "Requested entity was not found.")


def reads(book: Book, spreadsheet_id: str) -> list[Any]:
    return [
        book.sheets.get(spreadsheetId=spreadsheet_id),
        book.sheets.getByDataFilter(spreadsheetId=spreadsheet_id, body={}),
        book.values.get(spreadsheetId=spreadsheet_id, range="A1"),
        book.values.batchGet(spreadsheetId=spreadsheet_id, ranges=["A1"]),
        book.sheets.developerMetadata().search(spreadsheetId=spreadsheet_id, body={}),
    ]


def writes(book: Book, spreadsheet_id: str) -> list[Any]:
    values = {"values": [["never"]]}
    raw = {"valueInputOption": "RAW", "range": "A1", "body": values, "spreadsheetId": spreadsheet_id}
    data = {"valueInputOption": "RAW", "data": [{"range": "A1", **values}]}
    request = {"clearBasicFilter": {"sheetId": 0}}
    return [
        book.sheets.batchUpdate(spreadsheetId=spreadsheet_id, body={"requests": [request]}),
        book.values.update(**raw),
        book.values.append(**raw),
        book.values.batchUpdate(spreadsheetId=spreadsheet_id, body=data),
        book.values.clear(spreadsheetId=spreadsheet_id, range="A1", body={}),
    ]


@pytest.mark.parametrize("calls", [reads, writes])
def test_an_unknown_spreadsheet_is_not_found(book: Book, calls: Callable[[Book, str], list[Any]]) -> None:
    assert {refused(call) for call in calls(book, "nosuchid")} == {MISSING}


def test_the_body_of_an_error_is_googles(book: Book) -> None:
    answer = book.server.http.get("/v4/spreadsheets/nosuchid")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    error = {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}
    assert answer.text == json.dumps({"error": error}, indent=2)


def test_a_reader_reads_and_nobody_else_does(book: Book) -> None:
    book.server.role(book.id, "reader")
    for call in reads(book, book.id):
        call.execute()
    assert {refused(call) for call in writes(book, book.id)} == {DENIED}
    book.server.role(book.id, "none")
    assert {refused(call) for call in (*reads(book, book.id), *writes(book, book.id))} == {DENIED}
    book.server.role(book.id, "writer")
    assert book.rows("A1") == []
    for call in writes(book, book.id):
        call.execute()


def test_a_tab_is_copied_from_what_can_be_read_to_what_can_be_written(book: Book) -> None:
    target = book.sheets.create(body={}, fields="spreadsheetId").execute()["spreadsheetId"]
    copy = book.sheets.sheets().copyTo(spreadsheetId=book.id, sheetId=0, body={"destinationSpreadsheetId": target})
    book.server.role(target, "reader")
    assert refused(copy) == DENIED
    book.server.role(target, "writer")
    book.server.role(book.id, "reader")
    assert copy.execute()["index"] == 1


def test_a_reader_cannot_delete_the_file(book: Book) -> None:
    book.server.role(book.id, "reader")
    assert book.server.http.delete(f"/drive/v3/files/{book.id}").status_code == 403
    assert book.server.version(book.id) > 0
    book.server.role(book.id, "none")
    assert book.server.http.get(f"/drive/v3/files/{book.id}").status_code == 404


@pytest.mark.parametrize("content", [b"{", b"[]", b'"text"', b"\xff\xfe", b'{"requests": [{]}'])
def test_a_body_that_is_no_object_is_refused(book: Book, content: bytes) -> None:
    answer = book.server.http.post(f"/v4/spreadsheets/{book.id}:batchUpdate", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Invalid JSON payload received.")


def test_an_address_that_means_nothing_is_not_found(book: Book) -> None:
    for verb, path in (("GET", f"{book.id}:batchUpdate"), ("POST", book.id), ("PUT", ""), ("GET", f"{book.id}/tea")):
        answer = book.server.http.request(verb, f"/v4/spreadsheets/{path}")
        assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


def test_the_date_of_an_answer_is_the_second_in_which_it_was_given(book: Book) -> None:
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        sent = int(time.time())
        answer = book.server.http.get(f"/v4/spreadsheets/{book.id}", params={"fields": "spreadsheetId"})
        received = time.time()
        assert sent <= parsedate_to_datetime(answer.headers["date"]).timestamp() <= received
    assert len(answer.headers.get_list("date")) == 1


@pytest.mark.parametrize(
    ("verb", "path", "content"),
    [
        ("PUT", "settings", b'{"latency_ms": -1}'),
        ("PUT", "settings", b'{"latency": 5}'),
        ("PUT", "settings", b"[1]"),
        ("PUT", "settings", b"{"),
        ("POST", "faults", b'{"status": 503, "when": "sometimes"}'),
        ("POST", "faults", b"no"),
        ("PUT", "spreadsheets/x/role", b'{"role": "god"}'),
        ("PUT", "spreadsheets/x/role", b"[]"),
        ("GET", "calls?since=-1", b""),
    ],
)
def test_an_operator_who_errs_is_told_so(book: Book, verb: str, path: str, content: bytes) -> None:
    answer = book.server.http.request(verb, f"/control/{path}", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]
