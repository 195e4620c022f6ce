from typing import Any

import pytest

from tests.sheets_emulator.running import Emulator, Person

ROWS = [["id", "name", "_sync"], *([str(n), f"name {n}", f"mark {n}"] for n in range(1, 6))]


@pytest.fixture
def sheet(emulator: Emulator, person: Person) -> Person:
    person.act("paste", cell="A1", values=ROWS)
    return person


def written(row: int, column: int, text: str) -> dict[str, Any]:
    """A request of the API that writes one cell."""
    start = {"sheetId": 0, "rowIndex": row, "columnIndex": column}
    values = [{"values": [{"userEnteredValue": {"stringValue": text}}]}]
    return {"updateCells": {"start": start, "rows": values, "fields": "userEnteredValue"}}


def inserted(at: int, number: int = 1) -> dict[str, Any]:
    span = {"sheetId": 0, "dimension": "ROWS", "startIndex": at, "endIndex": at + number}
    return {"insertDimension": {"range": span}}


ACTIONS: list[tuple[str, dict[str, Any]]] = [
    ("type", {"cell": "B3", "text": "changed"}),
    ("paste", {"cell": "B5", "values": [["p", "q", "r"], ["s"], ["t"]]}),
    ("paste", {"cell": "Z1000", "values": [["1", "2"], ["3", "4"]]}),
    ("fill", {"source": "A1:C1", "target": "A2:C6"}),
    ("type", {"cell": "A2", "text": "TRUE"}),  # over the number 1
    ("clear", {"range": "A2:C4"}),
    ("note", {"cell": "B2", "text": "a note"}),
    ("sort", {"column": "A", "descending": True}),
    ("sort-range", {"range": "A2:B6", "column": "A", "descending": True}),
    ("insert-rows", {"before": 3, "count": 2}),
    ("delete-rows", {"rows": [1]}),
    ("delete-rows", {"rows": [2, 3, 5]}),
    ("move-rows", {"rows": [2, 3], "before": 6}),
    ("move-rows", {"rows": [5, 6], "before": 1}),
    ("copy-rows", {"rows": [2, 3], "to": 5}),
    ("copy-rows", {"rows": [2, 3], "to": 5, "insert": True}),
    ("hide-rows", {"rows": [2, 4]}),
    ("insert-columns", {"before": "B"}),
    ("delete-columns", {"columns": ["A", "C"]}),
    ("hide-columns", {"columns": ["B"]}),
]


def seen(person: Person) -> dict[str, Any]:
    return {name: value for name, value in person.grid().items() if name != "version"}


@pytest.mark.parametrize(("action", "body"), ACTIONS, ids=[f"{name}-{at}" for at, (name, _) in enumerate(ACTIONS)])
def test_undo_and_redo_give_back_what_was_there(sheet: Person, action: str, body: dict[str, Any]) -> None:
    before = seen(sheet)
    sheet.act(action, **body)
    after = seen(sheet)
    assert after != before
    sheet.undo()
    assert seen(sheet) == before
    sheet.redo()
    assert seen(sheet) == after
    sheet.undo()
    assert seen(sheet) == before


@pytest.mark.parametrize("tab", ["Sheet1", "Renamed"])
def test_a_renamed_tab_gets_its_title_back(emulator: Emulator, sheet: Person, tab: str) -> None:
    sheet.act("rename", title="Renamed")
    if tab == "Sheet1":
        sheet.undo()
    assert emulator.person(tab).rows() == ROWS


def test_actions_are_undone_one_by_one(sheet: Person) -> None:
    for text in "abc":
        sheet.act("type", cell="A1", text=text)
    shown = []
    for _ in range(3):
        sheet.undo()
        shown.append(sheet.column("A")[0])
    assert shown == ["b", "a", "id"]


def test_a_new_action_ends_what_could_be_redone(emulator: Emulator, sheet: Person) -> None:
    sheet.act("type", cell="A1", text="a")
    sheet.undo()
    sheet.act("type", cell="A1", text="b")
    answer = emulator.http.post(f"/person/v1/spreadsheets/{emulator.book}/redo")
    assert (answer.status_code, answer.json()) == (409, {"reason": "there is nothing to redo"})


def test_a_deleted_row_comes_back_with_its_mark_where_its_neighbours_are_now(emulator: Emulator, sheet: Person) -> None:
    sheet.act("delete-rows", rows=[3])
    emulator.api(inserted(1), written(1, 1, "by the api"), written(4, 1, "later"))
    sheet.undo()
    assert sheet.rows() == [
        ROWS[0],
        ["", "by the api", ""],
        ROWS[1],
        ROWS[2],
        ROWS[3],
        ["4", "later", "mark 4"],
        ROWS[5],
    ]


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("type", {"cell": "B3", "text": "changed"}, [*ROWS[:2], ["2", "name 2", "new"], *ROWS[3:]]),
        ("clear", {"range": "A3:B3"}, [*ROWS[:2], ["2", "name 2", "new"], *ROWS[3:]]),
        ("insert-rows", {"before": 6}, [*ROWS[:2], ["2", "name 2", "new"], *ROWS[3:]]),
    ],
)
def test_what_others_wrote_elsewhere_since_stays(
    emulator: Emulator, sheet: Person, action: str, body: dict[str, Any], expected: list[list[str]]
) -> None:
    sheet.act(action, **body)
    emulator.api(written(2, 2, "new"))
    sheet.undo()
    assert sheet.rows() == expected


def test_a_cell_is_restored_where_its_row_stands_now(emulator: Emulator, sheet: Person) -> None:
    sheet.act("type", cell="B3", text="changed")
    emulator.api(inserted(1, 2))
    sheet.undo()
    assert sheet.column("B") == ["name", "", "", "name 1", "name 2", "name 3", "name 4", "name 5"]


def test_a_row_that_others_deleted_does_not_come_back_by_undoing_what_was_typed_in_it(
    emulator: Emulator, sheet: Person
) -> None:
    sheet.act("type", cell="B3", text="changed")
    span = {"sheetId": 0, "dimension": "ROWS", "startIndex": 2, "endIndex": 3}
    emulator.api({"deleteDimension": {"range": span}})
    sheet.undo()
    assert sheet.column("A") == ["id", "1", "3", "4", "5"]


def test_formulas_name_the_rows_again_that_came_back(person: Person) -> None:
    person.act("paste", cell="A1", values=[["1"], ["2"], ["=A1+A2"]])
    person.act("delete-rows", rows=[1])
    assert person.column("A") == ["2", "#REF!"]
    person.undo()
    assert person.column("A") == ["1", "2", "3"]


def test_a_protection_comes_back_with_its_row(emulator: Emulator, sheet: Person) -> None:
    bounds = {"sheetId": 0, "startRowIndex": 2, "endRowIndex": 3}
    emulator.api({"addProtectedRange": {"protectedRange": {"range": bounds, "description": "kept", "warningOnly": True}}})
    sheet.act("delete-rows", rows=[3])
    sheet.undo()
    found = emulator.http.get(f"/v4/spreadsheets/{emulator.book}", params={"fields": "sheets(protectedRanges)"}).json()
    [protection] = found["sheets"][0]["protectedRanges"]
    assert (protection["description"], protection["range"]["startRowIndex"]) == ("kept", 2)


def test_a_deleted_row_comes_back_under_columns_that_others_moved(emulator: Emulator, sheet: Person) -> None:
    sheet.act("delete-rows", rows=[3])
    span = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
    emulator.api({"insertDimension": {"range": span}})
    sheet.undo()
    assert sheet.rows()[2] == ["2", "", "name 2", "mark 2"]
