"""What an operator makes go wrong, how long calls take, and what the log says of them."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.sheets_emulator.server.conftest import Book, refused


def append(book: Book, text: str) -> Any:
    """A call that adds a line, so that its effect can be counted."""
    return book.values.append(spreadsheetId=book.id, range="A1", valueInputOption="RAW", body={"values": [[text]]})


@pytest.mark.parametrize(
    ("status", "word", "message"),
    [
        (429, "RESOURCE_EXHAUSTED", "Quota exceeded."),
        (500, "INTERNAL", "Internal error encountered."),
        (503, "UNAVAILABLE", "The service is currently unavailable."),
    ],
)
@pytest.mark.parametrize(("when", "kept"), [("before", []), ("after", [["a"]])])
def test_a_fault_comes_before_or_after_the_call_is_applied(
    book: Book, status: int, word: str, message: str, when: str, kept: list[list[str]]
) -> None:
    book.server.fault(status=status, when=when)
    assert refused(append(book, "a")) == (status, message)
    assert book.rows("A1:A9") == kept
    append(book, "b").execute()
    assert book.rows("A1:A9") == [*kept, ["b"]]


@pytest.mark.parametrize(("when", "kept"), [("before", []), ("after", [["a"]])])
def test_a_connection_is_cut_before_or_after_the_call_is_applied(book: Book, when: str, kept: list[list[str]]) -> None:
    book.server.fault(status=0, when=when)
    url = f"/v4/spreadsheets/{book.id}/values/A1:append"
    with pytest.raises(httpx.RemoteProtocolError):
        book.server.http.post(url, params={"valueInputOption": "RAW"}, json={"values": [["a"]]})
    assert book.rows("A1:A9") == kept
    assert [call["status"] for call in book.server.calls()[-2:]] == [0, 200]


def test_a_fault_hits_as_often_as_it_says_and_only_what_it_names(book: Book) -> None:
    book.server.fault(status=503, method="values.append", count=2, skip=1, spreadsheet_id=book.id, message="no")
    other = book.sheets.create(body={}, fields="spreadsheetId").execute()["spreadsheetId"]
    append(Book(book.server, book.sheets, other), "elsewhere").execute()
    append(book, "a").execute()
    assert book.rows("A1") == [["a"]]
    assert [refused(append(book, text)) for text in "bc"] == [(503, "no"), (503, "no")]
    append(book, "d").execute()
    assert book.rows("A1:A9") == [["a"], ["d"]]
    assert book.server.http.get("/control/faults").json() == {"faults": []}


def test_faults_wait_in_their_order_and_can_be_taken_back(book: Book) -> None:
    for status in (500, 503):
        book.server.fault(status=status)
    assert [fault["status"] for fault in book.server.http.get("/control/faults").json()["faults"]] == [500, 503]
    assert refused(append(book, "a"))[0] == 500
    book.server.http.delete("/control/faults")
    append(book, "b").execute()


def test_calls_take_as_long_as_is_set(book: Book) -> None:
    book.server.control(latency_ms=300)
    began = time.time() * 1000
    append(book, "a").execute()
    ended = time.time() * 1000
    assert 300 <= ended - began < 1500
    call = book.server.calls()[-1]
    assert began + 150 <= call["at_ms"] <= ended - 140, "half of it passes before the call is applied"
    assert call["milliseconds"] >= 300


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_can_be_late_once(book: Book, when: str) -> None:
    book.server.fault(status=200, when=when, delay_ms=200)
    append(book, "a").execute()
    append(book, "b").execute()
    late, quick = book.server.calls()[-2:]
    assert 200 <= late["milliseconds"] < 390
    assert quick["milliseconds"] < 150
    assert book.rows("A1:A2") == [["a"], ["b"]]


def test_slow_calls_do_not_hold_up_those_of_others(book: Book) -> None:
    book.server.fault(status=200, delay_ms=2_000, method="values.get")
    url = f"/v4/spreadsheets/{book.id}/values/A1"
    with pytest.raises(httpx.ReadTimeout):
        book.server.http.get(url, timeout=0.1)
    assert book.server.http.get(url, timeout=1).status_code == 200


def test_the_log_tells_every_call(book: Book) -> None:
    before = book.server.last_call()
    append(book, "a").execute()
    book.get()
    refused(book.sheets.get(spreadsheetId="nosuchid"))
    found = book.server.calls(before)
    assert [(c["method"], c["kind"], c["status"]) for c in found] == [
        ("values.append", "write", 200),
        ("get", "read", 200),
        ("get", "read", 404),
    ]
    assert [c["spreadsheet_id"] for c in found] == [book.id, book.id, "nosuchid"]
    assert [c["number"] for c in found] == [before + 1, before + 2, before + 3]
    assert found[0]["bytes"] > 0
    assert book.server.calls(before + 3) == []
    assert [c["at_ms"] for c in found] == sorted(c["at_ms"] for c in found)


def test_a_read_is_of_one_moment_while_others_write(book: Book) -> None:
    """Whoever reads sees all of a batch or nothing of it."""

    def write(number: int) -> int:
        cell = {"userEnteredValue": {"numberValue": number}}
        update = {"range": {"sheetId": 0, "endRowIndex": 50, "endColumnIndex": 1}, "fields": "userEnteredValue"}
        requests = [{"updateCells": {**update, "rows": [{"values": [cell]}] * 50}}]
        return book.server.http.post(f"/v4/spreadsheets/{book.id}:batchUpdate", json={"requests": requests}).status_code

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, number) for number in range(60)]
        seen = [{line[0] for line in book.rows("A1:A50")} for _ in range(40)]
        assert {done.result() for done in writing} == {200}
    assert {len(values) for values in seen} <= {0, 1}
    assert book.server.version(book.id) == 61
