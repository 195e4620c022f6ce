"""Code.gs, run by the Sheets emulator as Google would run it, against a receiver that checks as the producer does."""

import json
from importlib.resources import files
from typing import Any

import pytest

from sheet_producer.intake import take_in
from sheet_producer.post import Post, parse_post
from sheet_producer.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, check_signature, check_time
from tabstream.core.binding import Bindings
from tabstream.core.cells import observed_cell
from tests.sheet_producer.posts import mark
from tests.sheets_emulator.running import SECRET, Emulator, Person, Receiver


@pytest.fixture
def installed(person: Person, receiver: Receiver) -> Person:
    """A small synced tab, with a note of the people's own behind it, and the script in it."""
    ada = mark({"id": 1.0, "name": "Ada"})
    person.act("paste", cell="A1", values=[["id", "name", "_sync"], ["1", "Ada", ada], ["2", "Bob", "x"], ["", "", "", "own"]])
    person.put_own_script(receiver.url)
    return person


def posts(receiver: Receiver, number: int) -> list[Post]:
    """The first POSTs, checked as the producer checks them."""
    receiver.posts(number)
    found = []
    for headers, body in receiver.taken:
        named = {name.lower(): value for name, value in headers.items()}
        post = parse_post(body)
        timestamp = check_time(named[TIMESTAMP_HEADER.lower()], post.read_end_ms, 30)
        check_signature([SECRET.encode()], timestamp, named[SIGNATURE_HEADER.lower()], body)
        assert named["content-type"] == "application/json"
        found.append(post)
    return found


def shown(cells: list[Any]) -> list[str]:
    return [observed_cell(cell).shown for cell in cells]


def test_a_typed_cell_is_told_with_its_row_and_mark(emulator: Emulator, installed: Person, receiver: Receiver) -> None:
    emulator.api({"updateSpreadsheetProperties": {"properties": {"timeZone": "Europe/Berlin"}, "fields": "timeZone"}})
    installed.act("type", cell="B2", text="Ada Lövelace 🎲")
    [post] = posts(receiver, 1)
    assert (post.event, post.spreadsheet_id, post.sheet_id, post.tab) == ("edit", emulator.book, 0, "Sheet1")
    assert post.zone == "Europe/Berlin"
    assert post.touched is not None
    assert tuple(post.touched.model_dump().values()) == (1, 2, 1, 2)
    assert shown(list(post.header)) == ["id", "name", "_sync"]
    [row] = post.rows
    assert (row.row, shown(row.values)[:2]) == (1, ["1", "Ada Lövelace 🎲"])
    assert 0 <= post.read_end_ms - post.read_begin_ms < 10_000


def test_a_formula_is_told_as_such(installed: Person, receiver: Receiver) -> None:
    installed.act("type", cell="B2", text="=1+2")
    [post] = posts(receiver, 1)
    told = observed_cell(post.rows[0].values[1])
    assert (told.formula, told.value) == (True, 3.0)


def test_every_row_of_a_paste_is_told_and_nothing_beside_the_header(installed: Person, receiver: Receiver) -> None:
    installed.act("paste", cell="B2", values=[["A"], ["B"], ["C"]])
    [post] = posts(receiver, 1)
    assert [(row.row, len(row.values)) for row in post.rows] == [(1, 3), (2, 3), (3, 3)]
    assert "own" not in receiver.taken[0][1].decode()


def test_a_tab_that_is_not_synced_keeps_its_cells_to_itself(installed: Person, receiver: Receiver) -> None:
    installed.act("type", cell="C1", text="no longer")
    installed.act("type", cell="B2", text="private")
    first, second = posts(receiver, 2)
    assert (first.event, second.event) == ("poke", "poke")
    assert all(not post.header and not post.rows for post in (first, second))
    assert "private" not in receiver.taken[1][1].decode()


@pytest.mark.parametrize(
    ("action", "body", "change_type"),
    [
        ("insert-rows", {"before": 2}, "INSERT_ROW"),
        ("delete-rows", {"rows": [2]}, "REMOVE_ROW"),
        ("rename", {"title": "It's new"}, "OTHER"),
        ("sort", {"column": "A"}, "OTHER"),
    ],
)
def test_a_change_of_structure_says_look_here(
    installed: Person, receiver: Receiver, action: str, body: dict[str, Any], change_type: str
) -> None:
    installed.act(action, **body)
    [post] = posts(receiver, 1)
    assert (post.event, post.change_type, post.touched) == ("change", change_type, None)
    assert post.tab == body.get("title", "Sheet1")


def test_a_title_with_an_apostrophe_is_read(emulator: Emulator, installed: Person, receiver: Receiver) -> None:
    installed.act("rename", title="It's 'new'")
    emulator.person("It's 'new'").act("type", cell="B2", text="x")
    assert [post.event for post in posts(receiver, 2)] == ["change", "edit"]


def test_an_edit_of_too_many_rows_or_bytes_is_a_poke(installed: Person, receiver: Receiver) -> None:
    installed.act("paste", cell="B2", values=[["x"]] * 501)
    installed.act("paste", cell="B2", values=[["y" * 5_000]] * 200)
    first, second = posts(receiver, 2)
    assert (first.event, second.event) == ("poke", "poke")
    assert first.touched is not None
    assert (first.touched.start_row, first.touched.end_row) == (1, 502)


def test_what_cant_be_read_is_a_poke(emulator: Emulator, installed: Person, receiver: Receiver) -> None:
    emulator.http.post("/control/faults", json={"status": 503, "method": "get", "spreadsheet_id": emulator.book})
    installed.act("type", cell="B2", text="x")
    assert posts(receiver, 1)[0].event == "poke"


def test_the_own_tab_is_not_told(emulator: Emulator, installed: Person, receiver: Receiver) -> None:
    emulator.api({"addSheet": {"properties": {"title": "_tabstream"}}})
    emulator.person("_tabstream").act("type", cell="A1", text="x")
    installed.idle()
    assert receiver.taken == []


def test_a_producer_that_is_away_for_a_moment_gets_the_same_post_again(installed: Person, receiver: Receiver) -> None:
    receiver.answers = [503, 429]
    installed.act("type", cell="B2", text="x")
    first, second, third = posts(receiver, 3)
    assert first == second == third
    assert [entry["status"] for entry in installed.idle()["executions"]] == ["completed"] * 3


def test_a_post_that_is_refused_is_not_sent_again(installed: Person, receiver: Receiver) -> None:
    receiver.answers = [401]
    installed.act("type", cell="B2", text="x")
    edited = installed.idle()["executions"][1]
    assert len(receiver.taken) == 1
    assert edited["status"] == "completed"
    assert "was not taken: 401" in edited["log"][0]
    assert SECRET not in json.dumps(edited)


def test_each_execution_has_an_id_of_its_own(installed: Person, receiver: Receiver) -> None:
    installed.act("type", cell="B2", text="x")
    installed.act("type", cell="B2", text="x")
    first, second = posts(receiver, 2)
    assert first.id != second.id


def test_the_script_changes_nothing_in_the_sheet(emulator: Emulator, installed: Person, receiver: Receiver) -> None:
    version = installed.act("type", cell="B2", text="x")
    posts(receiver, 1)
    installed.idle()
    assert installed.grid()["version"] == version


def test_install_replaces_its_triggers_and_takes_the_properties(installed: Person, receiver: Receiver) -> None:
    first = installed.script()["triggers"]
    installed.run("install")
    second = installed.script()["triggers"]
    assert sorted(item["function"] for item in second) == ["onTabstreamChange", "onTabstreamEdit"]
    assert not {item["id"] for item in first} & {item["id"] for item in second}
    installed.run("uninstall")
    assert installed.script()["triggers"] == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "TABSTREAM_PRODUCER_URL"),
        (["producer.example.com", "s"], "TABSTREAM_PRODUCER_URL"),
        (["https://p"], "TABSTREAM_SECRET"),
    ],
)
def test_install_says_what_is_missing_bad(
    emulator: Emulator, person: Person, receiver: Receiver, arguments: list[str], problem: str
) -> None:
    person.put_own_script(receiver.url)
    person.run("uninstall")
    body = {"function": "install", "arguments": arguments}
    answer = emulator.http.post(f"/person/v1/spreadsheets/{emulator.book}/script/run", json=body)
    assert answer.status_code == 422
    assert problem in answer.json()["reason"]


def test_a_post_of_an_unbound_tab_is_taken_in_as_a_poke(installed: Person, receiver: Receiver) -> None:
    installed.act("type", cell="B2", text="x")
    [post] = posts(receiver, 1)
    assert take_in(post, Bindings(()), 0).poke is not None


def test_the_manifest_asks_for_reading_only() -> None:
    manifest = json.loads(files("sheet_producer").joinpath("apps_script", "appsscript.json").read_text())
    scopes = {scope.rsplit("/", 1)[1] for scope in manifest["oauthScopes"]}
    assert scopes == {
        "spreadsheets.currentonly",
        "spreadsheets.readonly",
        "script.external_request",
        "script.scriptapp",
    }
