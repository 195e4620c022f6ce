from pathlib import Path
from typing import Any

import pytest

from tests.sheets_emulator.running import Emulator, Person, Receiver, running, until

# Tells every event that fires: edits and changes.
TELLING = """
function install() {
  var book = SpreadsheetApp.getActive();
  ScriptApp.newTrigger('edited').forSpreadsheet(book).onEdit().create();
  ScriptApp.newTrigger('changed').forSpreadsheet(book).onChange().create();
}
function edited(e) {
  console.log(JSON.stringify([e.range.getSheet().getName() + '!' + e.range.getA1Notation(), e.value, e.oldValue]));
}
function changed(e) { console.log(JSON.stringify([e.changeType, e.source.getActiveSheet().getName(), e.authMode])); }
"""
SLOW = """
function install() { ScriptApp.newTrigger('edited').forSpreadsheet(SpreadsheetApp.getActive()).onEdit().create(); }
function edited(e) { UrlFetchApp.fetch('URL', {method: 'post', payload: JSON.stringify(e.range.getA1Notation())}); }
"""


@pytest.fixture
def telling(person: Person) -> Person:
    person.act("paste", cell="A1", values=[["3"], ["1"], ["2"]])
    person.put_script(TELLING)
    person.run("install")
    return person


def fired(person: Person) -> list[str]:
    """What the handlers told, in order."""
    log = person.idle()["executions"]
    assert all(entry["status"] == "completed" for entry in log), log
    return [line.removeprefix("DEBUG ") for entry in log for line in entry["log"]]


@pytest.mark.parametrize(
    ("action", "body", "expected"),
    [
        ("type", {"cell": "A1", "text": "x"}, ['["Sheet1!A1","x","3"]', '["EDIT","Sheet1","FULL"]']),
        ("type", {"cell": "B1", "text": "2.5"}, ['["Sheet1!B1","2.5",null]', '["EDIT","Sheet1","FULL"]']),
        ("type", {"cell": "A1", "text": "3"}, ['["Sheet1!A1","3","3"]', '["EDIT","Sheet1","FULL"]']),
        ("paste", {"cell": "B2", "values": [["x"]]}, ['["Sheet1!B2",null,null]', '["EDIT","Sheet1","FULL"]']),
        ("clear", {"range": "A1:B2"}, ['["Sheet1!A1:B2",null,null]', '["EDIT","Sheet1","FULL"]']),
        ("clear", {"range": "D5:E6"}, []),
        ("fill", {"source": "A1", "target": "A2:A3"}, ['["Sheet1!A2:A3",null,null]', '["EDIT","Sheet1","FULL"]']),
        ("insert-rows", {"before": 2}, ['["INSERT_ROW","Sheet1","FULL"]']),
        ("delete-rows", {"rows": [1, 3]}, ['["REMOVE_ROW","Sheet1","FULL"]']),
        ("insert-columns", {"before": "A"}, ['["INSERT_COLUMN","Sheet1","FULL"]']),
        ("move-rows", {"rows": [1], "before": 4}, ['["OTHER","Sheet1","FULL"]']),
        ("rename", {"title": "New"}, ['["OTHER","New","FULL"]']),
        ("sort", {"column": "A"}, ['["OTHER","Sheet1","FULL"]']),
    ],
)
def test_an_action_fires_what_google_says_it_fires(
    telling: Person, action: str, body: dict[str, Any], expected: list[str]
) -> None:
    telling.act(action, **body)
    assert fired(telling) == expected


@pytest.mark.parametrize(
    ("fires", "expected"),
    [
        ("none", []),
        ("edit", ['["Sheet1!A1:A3",null,null]', '["EDIT","Sheet1","FULL"]']),
        ("change", ['["OTHER","Sheet1","FULL"]']),
    ],
)
def test_what_a_sort_fires_can_be_set(telling: Person, fires: str, expected: list[str]) -> None:
    telling.settings(sort_fires=fires)
    telling.act("sort-range", range="A1:A3", column="A")
    assert fired(telling) == expected


@pytest.mark.parametrize(
    ("fires", "expected"),
    [
        ("none", []),
        ("edit", ['["Sheet1!A2:Z2",null,null]', '["EDIT","Sheet1","FULL"]']),
        ("change", ['["OTHER","Sheet1","FULL"]']),
    ],
)
def test_what_an_undo_fires_can_be_set(telling: Person, fires: str, expected: list[str]) -> None:
    telling.act("type", cell="A2", text="x")
    before = len(fired(telling))
    telling.settings(undo_fires=fires)
    telling.undo()
    assert fired(telling)[before:] == expected


def test_the_third_edit_that_waits_is_dropped(person: Person, receiver: Receiver) -> None:
    receiver.hold.clear()
    person.put_script(SLOW.replace("URL", receiver.url))
    person.run("install")
    person.act("type", cell="A1", text="runs")
    receiver.posts(1)
    for row in range(2, 6):
        person.act("type", cell=f"A{row}", text="waits, or is dropped")
    receiver.hold.set()
    assert person.idle()["dropped"] == 2
    assert receiver.posts(3) == ["A1", "A2", "A3"]
    assert person.column("A")[3:] == ["waits, or is dropped"] * 2


def test_a_trigger_starts_after_the_delay(telling: Person) -> None:
    telling.settings(trigger_delay_ms=400)
    telling.act("type", cell="A1", text="x")
    sent = telling.executions()["now_ms"]
    edited = telling.idle()["executions"][1]
    assert edited["function"] == "edited"
    assert edited["began_ms"] - sent > 300


def test_an_edit_sees_the_sheet_as_it_is_when_it_runs(person: Person, receiver: Receiver) -> None:
    source = SLOW.replace("URL", receiver.url).replace("e.range.getA1Notation()", "[e.value, e.range.getValue()]")
    person.put_script(source)
    person.run("install")
    person.settings(trigger_delay_ms=300)
    person.act("type", cell="A1", text="first")
    person.act("type", cell="A1", text="second")
    assert receiver.posts(2) == [["first", "second"], ["second", "second"]]


def test_script_properties_triggers_and_settings_survive_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data.db"
    with running(data) as first:
        person = first.person()
        person.put_script(TELLING + "function get() { return PropertiesService.getScriptProperties().getProperty('key'); }")
        person.run("install")
        before = person.script()
        person.settings(trigger_delay_ms=5, queue_limit=7)
        first.http.post(
            f"/person/v1/spreadsheets/{first.book}/script/run",
            json={"function": "eval", "arguments": ["PropertiesService.getScriptProperties().setProperty('key', 'kept')"]},
        )
    with running(data) as second:
        person = second.person()
        assert person.script() == before
        assert person.run("get") == "kept"
        assert second.http.get("/person/v1/settings").json()["queue_limit"] == 7
        person.act("type", cell="A1", text="x")
        until(lambda: fired(person) or None)
        assert fired(person) == ['["Sheet1!A1","x",null]', '["EDIT","Sheet1","FULL"]']


def test_writes_of_the_api_fire_a_change_only_if_the_operator_wants_it(emulator: Emulator, telling: Person) -> None:
    write = {"updateSpreadsheetProperties": {"properties": {"title": "Written"}, "fields": "title"}}
    emulator.api(write)
    assert fired(telling) == []
    emulator.http.put("/control/settings", json={"api_fires_change": True})
    try:
        emulator.api(write)
        assert fired(telling) == ['["OTHER","Sheet1","FULL"]']
    finally:
        emulator.http.put("/control/settings", json={"api_fires_change": False})
