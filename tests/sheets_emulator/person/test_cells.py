import pytest

from tests.sheets_emulator.running import Emulator, Person

PEOPLE = [["id", "name", "_sync"], ["1", "Cem", "mark 1"], ["2", "Ada", "mark 2"], ["3", "Bob", "mark 3"]]


@pytest.fixture
def people(emulator: Emulator, person: Person) -> Person:
    """A tab with a frozen header and three rows."""
    person.act("paste", cell="A1", values=PEOPLE)
    properties = {"sheetId": 0, "gridProperties": {"frozenRowCount": 1}}
    freeze = {"properties": properties, "fields": "gridProperties.frozenRowCount"}
    emulator.api({"updateSheetProperties": freeze})
    return person


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("hello", "hello"),
        ("1,234.50", "1,234.50"),
        ("'007", "007"),
        ("true", "TRUE"),
        ("12/31/2025", "12/31/2025"),
        ("=1+2", "3"),
        ("=1/0", "#DIV/0!"),
        ("", ""),
    ],
)
def test_typed_text_becomes_what_google_would_make_of_it(person: Person, text: str, seen: str) -> None:
    person.act("type", cell="A1", text="before")
    person.act("type", cell="B1", text="end")
    person.act("type", cell="A1", text=text)
    assert person.rows() == [[seen, "end"]]


def test_a_number_is_typed_as_the_spreadsheets_locale_has_it(emulator: Emulator, person: Person) -> None:
    emulator.api({"updateSpreadsheetProperties": {"properties": {"locale": "de_DE"}, "fields": "locale"}})
    person.act("type", cell="A1", text="1.234,5")
    person.act("type", cell="B1", text="=A1*2")
    assert person.column("B") == ["2469"]


def test_a_paste_grows_the_grid(person: Person) -> None:
    person.act("paste", cell="Z1000", values=[["1", "2"], ["3"]])
    grid = person.grid()
    assert (grid["row_count"], grid["column_count"]) == (1001, 27)
    assert grid["rows"][999][25:] == ["1", "2"]
    assert grid["rows"][1000][25:] == ["3", ""]


def test_a_fill_repeats_the_source_and_shifts_formulas(person: Person) -> None:
    person.act("paste", cell="A1", values=[["1", "=A1*10"], ["2", "x"]])
    person.act("fill", source="A1:B2", target="A3:B5")
    assert person.rows()[2:] == [["1", "10"], ["2", "x"], ["1", "10"]]


def test_the_delete_key_leaves_note_and_format(people: Person) -> None:
    people.act("note", cell="B2", text="look")
    people.act("clear", range="B2:B3")
    assert people.column("B") == ["name", "", "", "Bob"]
    assert people.grid()["notes"][1] == [None, "look", None]


def test_a_sort_of_the_tab_moves_whole_rows_below_the_frozen_header(people: Person) -> None:
    people.act("sort", column="B")
    assert people.rows() == [PEOPLE[0], PEOPLE[2], PEOPLE[3], PEOPLE[1]]
    people.act("sort", column="A", descending=True)
    assert people.column("A") == ["id", "3", "2", "1"]


def test_a_sort_of_a_range_leaves_the_columns_beside_it(people: Person) -> None:
    people.act("sort-range", range="A2:B4", column="B")
    assert people.column("B") == ["name", "Ada", "Bob", "Cem"]
    assert people.column("C") == ["_sync", "mark 1", "mark 2", "mark 3"]


def test_copied_rows_bring_what_hidden_columns_hold(people: Person) -> None:
    people.act("hide-columns", columns=["C"])
    people.act("copy-rows", rows=[2], to=5)
    people.act("copy-rows", rows=[3, 4], to=2, insert=True)
    assert people.column("C") == ["_sync", "mark 2", "mark 3", "mark 1", "mark 2", "mark 3", "mark 1"]
    assert people.grid()["hidden_columns"] == ["C"]


def test_rows_move_and_go_and_come(people: Person) -> None:
    people.act("move-rows", rows=[2], before=5)
    assert people.column("A") == ["id", "2", "3", "1"]
    people.act("delete-rows", rows=[2, 4])
    assert people.column("A") == ["id", "3"]
    people.act("insert-rows", before=2, count=2)
    assert people.column("A") == ["id", "", "", "3"]
    people.act("insert-rows", after=4)
    assert people.grid()["row_count"] == 1000 - 2 + 3


def test_columns_go_and_come(people: Person) -> None:
    people.act("insert-columns", before="B")
    assert people.rows()[0] == ["id", "", "name", "_sync"]
    people.act("delete-columns", columns=["B", "A"])
    assert people.rows()[0] == ["name", "_sync"]


def test_a_renamed_tab_answers_to_its_new_title(emulator: Emulator, people: Person) -> None:
    people.act("rename", title="People / 2")
    assert emulator.person(tab="People / 2").rows() == PEOPLE
    assert people.refused("type", cell="A1", text="x") == (404, "there is no tab 'Sheet1'; there are 'People / 2'")


def test_a_protection_with_a_warning_does_not_stop_a_person(emulator: Emulator, people: Person) -> None:
    protection = {"range": {"sheetId": 0, "startColumnIndex": 2, "endColumnIndex": 3}, "warningOnly": True}
    emulator.api({"addProtectedRange": {"protectedRange": protection}})
    people.act("type", cell="C2", text="typed anyway")
    assert people.column("C")[1] == "typed anyway"


@pytest.mark.parametrize(
    ("action", "body", "reason"),
    [
        ("type", {"cell": "A2000", "text": "x"}, "'A2000' is not in the grid, which has 1000 rows and 26 columns"),
        ("type", {"cell": "A1:B2", "text": "x"}, "'A1:B2' is not one cell, such as B2"),
        ("type", {"cell": "Tab!A1", "text": "x"}, "'Tab!A1' names a tab: the tab stands in the address"),
        ("type", {"cell": "?", "text": "x"}, "'?' is not a range in A1 notation, such as A2:C5"),
        ("type", {"cell": "A1"}, "body.text: Field required"),
        ("paste", {"cell": "A1", "values": [[]]}, "'values' holds no cell"),
        ("delete-rows", {"rows": [1001]}, "there is no row 1001: the tab has rows 1 to 1000"),
        ("sort", {"column": "AB"}, "there is no column AB: the last one is Z"),
        (
            "sort-range",
            {"range": "A1:B2", "column": "C"},
            "column C is not in A1:B2: a range is sorted by one of its own columns",
        ),
        ("move-rows", {"rows": [1, 3], "before": 5}, "only rows that stand together can be moved at once"),
        ("insert-rows", {}, "body: Value error, give either 'before' or 'after'"),
    ],
)
def test_what_cant_be_done_is_refused_with_a_reason_bad(
    person: Person, action: str, body: dict[str, object], reason: str
) -> None:
    assert person.refused(action, **body) == (400, reason)
    assert person.rows() == []


def test_a_strict_rule_refuses_typed_text_and_lets_a_paste_through(emulator: Emulator, person: Person) -> None:
    condition = {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": "open"}, {"userEnteredValue": "done"}]}
    bounds = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1}
    emulator.api({"setDataValidation": {"range": bounds, "rule": {"condition": condition, "strict": True}}})
    status, reason = person.refused("type", cell="A1", text="nope")
    assert (status, "violates the validation rules" in reason) == (400, True)
    person.act("type", cell="A1", text="open")
    person.act("paste", cell="B1", values=[["nope"]])
    assert person.rows() == [["open", "nope"]]
