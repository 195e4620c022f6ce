"""Plain values: written, read back, appended after a table, cleared."""

from typing import Any

import pytest

from tests.sheets_emulator.server.conftest import Book, refused

LINES = [["id", "name", "since"], [1, "Ada", "2024-01-31"], [2, "=1+2", ""]]


def append(book: Book, range_: str, rows: list[list[Any]], **options: Any) -> dict[str, Any]:
    """values.append, raw."""
    call = book.values.append(spreadsheetId=book.id, range=range_, valueInputOption="RAW", body={"values": rows}, **options)
    found: dict[str, Any] = call.execute()
    return found


def test_raw_values_stay_what_they_are(book: Book) -> None:
    answer = book.fill("A1", LINES)
    assert answer == {
        "spreadsheetId": book.id,
        "updatedRange": "Sheet1!A1:C3",
        "updatedRows": 3,
        "updatedColumns": 3,
        "updatedCells": 9,
    }
    assert book.rows("A1:C3", valueRenderOption="UNFORMATTED_VALUE") == [*LINES[:2], [2, "=1+2"]]


def test_entered_values_are_read_as_a_person_would_type_them(book: Book) -> None:
    book.fill("A1", [["2024-01-31", "=1+2", "TRUE", "007", "'007", "12.5%"]], "USER_ENTERED")
    assert book.rows("A1:F1") == [["2024-01-31", "3", "TRUE", "7", "007", "12.50%"]]
    raw = book.rows("A1:F1", valueRenderOption="UNFORMATTED_VALUE")
    assert raw == [[45_322, 3, True, 7, "007", 0.125]]
    dates = book.rows("A1:B1", valueRenderOption="UNFORMATTED_VALUE", dateTimeRenderOption="FORMATTED_STRING")
    assert dates == [["2024-01-31", 3]]
    assert book.rows("B1", valueRenderOption="FORMULA") == [["=1+2"]]


def test_null_leaves_a_cell_and_an_empty_text_clears_it(book: Book) -> None:
    book.fill("A1", [["a", "b", "c"]])
    book.fill("A1", [[None, "", "new"]])
    assert book.rows("A1:C1") == [["a", "", "new"]]


def test_what_is_blank_at_the_end_is_left_out(book: Book) -> None:
    book.fill("B2", [["x"]])
    found = book.values.get(spreadsheetId=book.id, range="A1:D9").execute()
    assert found == {"range": "Sheet1!A1:D9", "majorDimension": "ROWS", "values": [[], ["", "x"]]}
    assert "values" not in book.values.get(spreadsheetId=book.id, range="C1:D9").execute()
    columns = book.values.get(spreadsheetId=book.id, range="A1:D9", majorDimension="COLUMNS").execute()
    assert columns["values"] == [[], ["", "x"]]


def test_a_range_is_clipped_to_the_grid_and_one_beyond_it_is_refused(book: Book) -> None:
    assert book.values.get(spreadsheetId=book.id, range="Sheet1").execute()["range"] == "Sheet1!A1:Z1000"
    assert book.values.get(spreadsheetId=book.id, range="Y999:AB2000").execute()["range"] == "Sheet1!Y999:Z1000"
    status, message = refused(book.values.get(spreadsheetId=book.id, range="A1001"))
    assert (status, message) == (400, "Range (Sheet1!A1001) exceeds grid limits. Max rows: 1000, max columns: 26")


def test_several_ranges_are_read_in_their_order(book: Book) -> None:
    book.fill("A1", LINES)
    found = book.values.batchGet(spreadsheetId=book.id, ranges=["B2", "A1:B1", "Z9"]).execute()
    assert [part.get("values") for part in found["valueRanges"]] == [[["Ada"]], [["id", "name"]], None]
    assert found["spreadsheetId"] == book.id


def test_more_ranges_than_an_address_holds_are_read_too(book: Book) -> None:
    book.fill("A1", [[number] for number in range(600)])
    found = book.values.batchGet(spreadsheetId=book.id, ranges=[f"Sheet1!A{n}:A{n}" for n in range(1, 601)]).execute()
    assert [part["values"] for part in found["valueRanges"]] == [[[str(number)]] for number in range(600)]


def test_several_ranges_are_written_at_once_or_not_at_all(book: Book) -> None:
    book.batch({"addSheet": {"properties": {"title": "Other"}}})
    data = [{"range": "A1:B1", "values": [["a", "b"]]}, {"range": "Other!A1:A2", "values": [["c"], ["d"]]}]
    body = {"valueInputOption": "RAW", "data": data, "includeValuesInResponse": True}
    answer = book.values.batchUpdate(spreadsheetId=book.id, body=body).execute()
    totals = ("totalUpdatedRows", "totalUpdatedColumns", "totalUpdatedCells", "totalUpdatedSheets")
    assert [answer[name] for name in totals] == [3, 3, 4, 2]
    assert answer["responses"][1]["updatedData"]["values"] == [["c"], ["d"]]
    bad = {"valueInputOption": "RAW", "data": [{"range": "A1", "values": [["x"]]}, {"range": "A5000", "values": [["y"]]}]}
    assert refused(book.values.batchUpdate(spreadsheetId=book.id, body=bad))[0] == 400
    assert book.rows("A1:B1") == [["a", "b"]]


def test_a_write_does_not_make_the_grid_larger(book: Book) -> None:
    call = book.values.update(
        spreadsheetId=book.id, range="A1000", valueInputOption="RAW", body={"values": [["last"], ["beyond"]]}
    )
    status, message = refused(call)
    assert status == 400
    assert "exceeds grid limits. Max rows: 1000, max columns: 26" in message
    assert book.rows("A1000") == []


def test_rows_are_appended_after_the_table(book: Book) -> None:
    book.fill("A1", LINES)
    answer = append(book, "A1:C1", [[3, "Bo", ""], [4]])
    assert answer["tableRange"] == "Sheet1!A1:C3"
    assert answer["updates"]["updatedRange"] == "Sheet1!A4:C5"
    assert book.rows("A1:B9") == [["id", "name"], ["1", "Ada"], ["2", "=1+2"], ["3", "Bo"], ["4"]]


# Two tables as in Google's guide: A1:C2 and B4:D6.
# https://developers.google.com/workspace/sheets/api/guides/values#append_values
@pytest.mark.parametrize(
    ("range_", "written"),
    [
        ("Sheet1", "B7"),
        ("C5:D5", "B7"),
        ("B2:D4", "B7"),
        ("A3:G10", "B7"),
        ("A1:C2", "A3"),
        ("A1", "A3"),
        ("E4", "E4"),
        ("F9", "F9"),
    ],
)
def test_the_table_is_the_last_one_that_the_range_is_on(book: Book, range_: str, written: str) -> None:
    book.fill("A1", [["x", "y", "z"], ["x", "y", "z"]])
    book.fill("B4", [["x", "y"], ["y", "z"], ["z", "x", "y"]])
    assert append(book, range_, [["new"]])["updates"]["updatedRange"] == f"Sheet1!{written}"


def test_rows_appended_by_insertion_push_down_what_stands_below(book: Book) -> None:
    book.fill("A1", [["a"], ["b"]])
    book.fill("A4", [["below"]])
    append(book, "A1", [["c"], ["d"]], insertDataOption="INSERT_ROWS")
    assert book.rows("A1:A9") == [["a"], ["b"], ["c"], ["d"], [], ["below"]]


def test_an_append_makes_the_grid_larger(book: Book) -> None:
    book.fill("A1", [[number] for number in range(1000)])
    append(book, "A1", [["beyond"]])
    assert book.rows("A1000:A1001") == [["999"], ["beyond"]]
    (tab,) = book.get(fields="sheets.properties.gridProperties")["sheets"]
    assert tab["properties"]["gridProperties"]["rowCount"] == 1001


def test_clearing_takes_the_values_and_leaves_notes(book: Book) -> None:
    book.fill("A1", [["a", "b"]])
    noted = {"start": {"sheetId": 0, "rowIndex": 0, "columnIndex": 0}, "rows": [{"values": [{"note": "mine"}]}]}
    book.batch({"updateCells": {**noted, "fields": "note"}})
    cleared = book.values.clear(spreadsheetId=book.id, range="A1:A5", body={}).execute()
    assert cleared == {"spreadsheetId": book.id, "clearedRange": "Sheet1!A1:A5"}
    assert book.rows("A1:B1") == [["", "b"]]
    (data,) = book.get(ranges=["A1"], fields="sheets.data.rowData.values.note")["sheets"][0]["data"]
    assert data["rowData"][0]["values"] == [{"note": "mine"}]


def test_a_tab_of_any_name_is_reached(book: Book) -> None:
    title = "it's 50% a/b: ä!"
    book.batch({"addSheet": {"properties": {"title": title}}})
    quoted = "'" + title.replace("'", "''") + "'"
    book.fill(f"{quoted}!A1", [["here"]])
    assert book.rows(f"{quoted}!A1:B2") == [["here"]]


@pytest.mark.parametrize(
    ("range_", "options", "text"),
    [
        ("Nowhere!A1", {"valueInputOption": "RAW"}, "Unable to parse range: Nowhere!A1"),
        ("A1", {}, "'valueInputOption' is required but not specified"),
        ("A1:A2", {"valueInputOption": "RAW"}, "tried writing to row [3]"),
    ],
)
def test_a_write_that_cannot_be_says_why(book: Book, range_: str, options: dict[str, str], text: str) -> None:
    body = {"values": [["a"], ["b"], ["c"]]}
    status, message = refused(book.values.update(spreadsheetId=book.id, range=range_, body=body, **options))
    assert (status, text in message) == (400, True), message
