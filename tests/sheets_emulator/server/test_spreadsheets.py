"""Spreadsheets as Google's client makes and reads them."""

from typing import Any

import pytest

from tests.sheets_emulator.server.conftest import Book, refused

STRUCTURE = "sheets.properties(sheetId,title,index,gridProperties)"


def test_a_new_spreadsheet_is_as_google_makes_them(sheets: Any) -> None:
    made = sheets.create(body={}).execute()
    properties = made["properties"]
    assert (properties["title"], properties["locale"], properties["timeZone"]) == ("Untitled spreadsheet", "en_US", "Etc/GMT")
    (tab,) = made["sheets"]
    assert tab["properties"]["title"] == "Sheet1"
    assert tab["properties"]["sheetId"] == 0
    assert tab["properties"]["gridProperties"] == {"rowCount": 1000, "columnCount": 26}
    assert made["spreadsheetId"] in made["spreadsheetUrl"]


def test_a_spreadsheet_is_made_with_the_wanted_tabs_and_cells(sheets: Any) -> None:
    data = [{"startRow": 1, "startColumn": 1, "rowData": [{"values": [{"userEnteredValue": {"numberValue": 7}}]}]}]
    tab = {"properties": {"title": "Deals", "gridProperties": {"rowCount": 5, "columnCount": 3}}, "data": data}
    body = {"properties": {"title": "crm", "locale": "de_DE", "timeZone": "Europe/Berlin"}, "sheets": [tab]}
    made = sheets.create(body=body).execute()
    assert made["properties"]["timeZone"] == "Europe/Berlin"
    assert [s["properties"]["title"] for s in made["sheets"]] == ["Deals"]
    found = sheets.values().get(spreadsheetId=made["spreadsheetId"], range="Deals!A1:C5").execute()
    assert found["values"] == [[], ["", "7"]]


def test_a_read_gives_the_cells_of_the_asked_ranges_only(book: Book) -> None:
    book.fill("A1", [["a", "b"], ["c", "d"]])
    book.batch({"addSheet": {"properties": {"title": "Other"}}})
    found = book.get(
        ranges=["Sheet1!B1:B2"], fields="sheets(properties.title,data(startColumn,rowData.values.formattedValue))"
    )
    shown = [{"values": [{"formattedValue": "b"}]}, {"values": [{"formattedValue": "d"}]}]
    assert found == {"sheets": [{"properties": {"title": "Sheet1"}, "data": [{"startColumn": 1, "rowData": shown}]}]}


def test_cells_come_only_when_they_are_asked_for(book: Book) -> None:
    book.fill("A1", [["a"]])
    assert "data" not in book.get()["sheets"][0]
    assert "data" in book.get(includeGridData=True)["sheets"][0]
    assert "data" not in book.get(includeGridData=True, fields="sheets.properties")["sheets"][0]
    assert book.get(fields="spreadsheetId") == {"spreadsheetId": book.id}


def test_a_mask_that_is_none_is_refused(book: Book) -> None:
    status, message = refused(book.sheets.get(spreadsheetId=book.id, fields="sheets(properties"))
    assert (status, "field mask" in message) == (400, True)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("values", {"values": [["a"]]}),
        ("range,majorDimension", {"range": "Sheet1!A1:B1", "majorDimension": "ROWS"}),
    ],
)
def test_a_mask_holds_for_every_method(book: Book, fields: str, expected: dict[str, Any]) -> None:
    book.fill("A1", [["a"]])
    assert book.values.get(spreadsheetId=book.id, range="A1:B1", fields=fields).execute() == expected


def test_a_mask_holds_for_the_answer_of_a_batch(book: Book) -> None:
    body = {"requests": [{"addSheet": {"properties": {"title": "New", "sheetId": 5}}}, {"deleteSheet": {"sheetId": 0}}]}
    fields = "replies.addSheet.properties(sheetId,title)"
    found = book.sheets.batchUpdate(spreadsheetId=book.id, body=body, fields=fields).execute()
    assert found == {"replies": [{"addSheet": {"properties": {"sheetId": 5, "title": "New"}}}, {}]}


def test_data_filters_select_by_grid_by_a1_and_by_metadata(book: Book) -> None:
    book.fill("A1", [["a"], ["b"], ["c"]])
    span = {"sheetId": 0, "dimension": "ROWS", "startIndex": 2, "endIndex": 3}
    location = {"dimensionRange": span}
    wanted = {"metadataKey": "row", "location": location, "visibility": "DOCUMENT"}
    book.batch({"createDeveloperMetadata": {"developerMetadata": wanted}})
    filters = [
        {"gridRange": {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 2}},
        {"a1Range": "Sheet1!A1"},
        {"developerMetadataLookup": {"metadataKey": "row"}},
    ]
    fields = "sheets.data(startRow,rowData.values.formattedValue)"
    call = book.sheets.getByDataFilter(spreadsheetId=book.id, body={"dataFilters": filters}, fields=fields)
    shown = {data.get("startRow", 0): data["rowData"] for data in call.execute()["sheets"][0]["data"]}
    texts = {row: [cell["formattedValue"] for line in lines for cell in line["values"]] for row, lines in shown.items()}
    assert texts == {1: ["b"], 0: ["a"], 2: ["c"]}


def test_metadata_of_a_row_goes_where_its_row_goes(book: Book) -> None:
    span = {"sheetId": 0, "dimension": "ROWS", "startIndex": 3, "endIndex": 4}
    wanted = {"metadataId": 77, "metadataKey": "k", "metadataValue": "v", "location": {"dimensionRange": span}}
    book.batch({"createDeveloperMetadata": {"developerMetadata": {**wanted, "visibility": "DOCUMENT"}}})
    above = {"sheetId": 0, "dimension": "ROWS", "startIndex": 0, "endIndex": 2}
    book.batch({"insertDimension": {"range": above}})
    metadata = book.sheets.developerMetadata()
    found = metadata.get(spreadsheetId=book.id, metadataId=77).execute()
    moved = {"dimension": "ROWS", "startIndex": 5, "endIndex": 6}  # the API leaves out a tab's id of 0 here
    assert found["location"] == {"locationType": "ROW", "dimensionRange": moved}
    search = {"dataFilters": [{"developerMetadataLookup": {"metadataValue": "v"}}]}
    (match,) = metadata.search(spreadsheetId=book.id, body=search).execute()["matchedDeveloperMetadata"]
    assert match["developerMetadata"] == found
    assert match["dataFilters"] == search["dataFilters"]
    nothing = {"dataFilters": [{"developerMetadataLookup": {"metadataValue": "w"}}]}
    assert metadata.search(spreadsheetId=book.id, body=nothing).execute() == {}
    assert refused(metadata.get(spreadsheetId=book.id, metadataId=78)) == (404, "Requested entity was not found.")


def test_a_tab_is_copied_with_what_it_holds_into_another_spreadsheet(book: Book) -> None:
    book.fill("A1", [["kept", 2]])
    book.batch({"updateSheetProperties": {"properties": {"sheetId": 0, "title": "Deals"}, "fields": "title"}})
    target = book.sheets.create(body={}, fields="spreadsheetId").execute()["spreadsheetId"]
    copy = book.sheets.sheets().copyTo(spreadsheetId=book.id, sheetId=0, body={"destinationSpreadsheetId": target})
    properties = copy.execute()
    assert (properties["title"], properties["index"]) == ("Copy of Deals", 1)
    assert properties["sheetId"] != 0
    assert book.values.get(spreadsheetId=target, range="'Copy of Deals'!A1:B1").execute()["values"] == [["kept", "2"]]


def test_the_spreadsheet_in_an_answer_is_as_it_is_after_all_requests(book: Book) -> None:
    write = {
        "start": {"sheetId": 0, "rowIndex": 0, "columnIndex": 0},
        "rows": [{"values": [{"userEnteredValue": {"stringValue": "first"}}]}],
        "fields": "userEnteredValue",
    }
    above = {"sheetId": 0, "dimension": "ROWS", "startIndex": 0, "endIndex": 1}
    answer = book.batch(
        {"updateCells": write},
        {"insertDimension": {"range": above}},
        includeSpreadsheetInResponse=True,
        responseRanges=["Sheet1!A1:A3"],
        responseIncludeGridData=True,
    )
    (data,) = answer["updatedSpreadsheet"]["sheets"][0]["data"]
    assert [line.get("values", [{}])[0].get("formattedValue") for line in data["rowData"]] == [None, "first"]
    assert "updatedSpreadsheet" not in book.batch({"insertDimension": {"range": above}})


def test_drive_counts_changes_and_not_reads(book: Book) -> None:
    before = book.server.version(book.id)
    book.get()
    book.rows("A1")
    assert book.server.version(book.id) == before
    book.fill("A1", [["a"]])
    book.batch({"deleteDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "startIndex": 5, "endIndex": 6}}})
    assert book.server.version(book.id) == before + 2


def test_a_deleted_file_is_gone_for_the_sheets_api_too(book: Book) -> None:
    gone = book.server.http.delete(f"/drive/v3/files/{book.id}")
    assert gone.status_code == 204
    assert book.server.http.get(f"/drive/v3/files/{book.id}").json()["error"]["message"] == f"File not found: {book.id}."
    assert refused(book.sheets.get(spreadsheetId=book.id))[0] == 404
