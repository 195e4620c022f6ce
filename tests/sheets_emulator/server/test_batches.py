"""A batch is applied wholly or not at all, and an error says which request is to blame."""

from typing import Any

import pytest

from tests.sheets_emulator.server.conftest import Book, refused

CELL = {"userEnteredValue": {"stringValue": "never"}}


def write(text: str, row: int = 0, **start: Any) -> dict[str, Any]:
    """An updateCells of one cell in column A."""
    at = {"sheetId": 0, "rowIndex": row, "columnIndex": 0, **start}
    rows = [{"values": [{"userEnteredValue": {"stringValue": text}}]}]
    return {"updateCells": {"start": at, "rows": rows, "fields": "userEnteredValue"}}


def rows(start: int, end: int) -> dict[str, Any]:
    """A DimensionRange of rows."""
    return {"sheetId": 0, "dimension": "ROWS", "startIndex": start, "endIndex": end}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"deleteProtectedRange": {"protectedRangeId": 7}}, "No protected range with id: 7"),
    ({"addSheet": {"properties": {"title": "Sheet1"}}}, 'A sheet with the name "Sheet1" already exists'),
    ({"deleteDimension": {"range": {"sheetId": 0, "dimension": "ROWS"}}}, "You can't delete all the rows on the sheet."),
    (
        {"updateSheetProperties": {"properties": {"sheetId": 0, "hidden": True}, "fields": "hidden"}},
        "You can't hide all the sheets in a document.",
    ),
    ({"updateNamedRange": {"namedRange": {"namedRangeId": "n"}, "fields": "name"}}, "No NamedRange with id: n"),
    (
        {"appendCells": {"sheetId": 0, "rows": [{"values": [CELL] * 27}], "fields": "userEnteredValue"}},
        "Attempting to write column: 26, beyond the last requested column of: 25",
    ),
    ({"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 400_000}}, "above the limit of 10000000 cells."),
]


@pytest.mark.parametrize(("bad", "text"), BAD, ids=[next(iter(bad)) for bad, _ in BAD])
def test_one_bad_request_leaves_everything_as_it_was(book: Book, bad: dict[str, Any], text: str) -> None:
    book.fill("A1", [["before"]])
    version = book.server.version(book.id)
    requests = [write("never"), {"insertDimension": {"range": rows(0, 3)}}, bad, write("neither", 5)]
    status, message = refused(book.sheets.batchUpdate(spreadsheetId=book.id, body={"requests": requests}))
    assert status == 400
    assert message.startswith(f"Invalid requests[2].{next(iter(bad))}: ")
    assert text in message
    assert book.rows("A1:A10") == [["before"]]
    assert book.server.version(book.id) == version


def test_a_second_protection_of_a_whole_tab_is_refused(book: Book) -> None:
    protect = {"addProtectedRange": {"protectedRange": {"range": {"sheetId": 0}, "warningOnly": True}}}
    book.batch(protect)
    status, message = refused(book.sheets.batchUpdate(spreadsheetId=book.id, body={"requests": [protect]}))
    expected = 'Invalid requests[0].addProtectedRange: Sheet "Sheet1" already has sheet protection.'
    assert (status, message) == (400, expected)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"requests": []}, "Must specify at least one request."),
        ({}, "Must specify at least one request."),
        ({"requests": [{}]}, "Invalid requests[0]"),
        ({"requests": [write("a"), {"makeCoffee": {}}]}, "Unknown name \"makeCoffee\" at 'requests[1]'"),
        ({"requests": [{**write("a"), "deleteSheet": {"sheetId": 0}}]}, "requests[0]"),
        ({"requests": 5}, "Invalid"),
        ({"requests": ["updateCells"]}, "Invalid requests[0]"),
        ({"requests": [{"updateCells": [1]}]}, "requests[0]"),
        ({"requests": [{"updateCells": {"start": {"sheetId": "zero"}, "fields": "*"}}]}, "requests[0]"),
    ],
)
def test_what_is_no_batch_is_refused(book: Book, body: dict[str, Any], text: str) -> None:
    answer = book.server.http.post(f"/v4/spreadsheets/{book.id}:batchUpdate", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert text in answer.json()["error"]["message"]
    assert book.rows("A1:A10") == []


def test_a_text_that_is_too_long_is_refused_and_the_rest_with_it(book: Book) -> None:
    requests = [write("never"), write("x" * 50_001, 1)]
    status, message = refused(book.sheets.batchUpdate(spreadsheetId=book.id, body={"requests": requests}))
    expected = "Your input contains more than the maximum of 50000 characters in a single cell."
    assert (status, message) == (400, expected)
    assert book.rows("A1:A10") == []


def test_there_is_a_limit_of_requests_in_a_batch(book: Book) -> None:
    body = {"requests": [{"clearBasicFilter": {"sheetId": 0}}] * 100_001}
    status, message = refused(book.sheets.batchUpdate(spreadsheetId=book.id, body=body))
    assert (status, message) == (400, "Cannot exceed 100000 requests in a single batch.")


def test_replies_stand_in_the_order_of_the_requests(book: Book) -> None:
    answer = book.batch(write("a"), {"addSheet": {"properties": {"title": "New"}}}, write("b", 1))
    assert [list(reply) for reply in answer["replies"]] == [[], ["addSheet"], []]
    assert answer["spreadsheetId"] == book.id
