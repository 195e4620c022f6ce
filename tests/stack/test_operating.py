"""The commands of those who run tabstream, on the running stack: what they print, and what they say to a mistake."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import yaml
from confluent_kafka import Producer

from tabstream.config import Settings
from tabstream.core.cells import digest
from tabstream.core.edits import Edit, EditKind, How, SeenCell
from tabstream.kafka import own_schemas
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.topics import EDITS, SIGNALS
from tabstream.local import stack
from tabstream.operations.demo.person import Person
from tabstream.operations.demo.story.scene import Scene
from tests.stack.commands import PROCESSES, Bound, as_json, begun, lines, readyz, rebind, refused, report, reports, run, told
from tests.stack.local_stack import until


def paused(bound: Bound) -> bool:
    found = report(bound)
    return bool(found["state"] == "PAUSED" and found["problem"] == "paused by an operator: month end")


@contextmanager
def pause(bound: Bound) -> Iterator[None]:
    """A pause that ends with the block, so that a test that fails does not fail those that follow."""
    told(bound, "pause", "leads")
    try:
        yield
    finally:
        told(bound, "resume", "leads")


def test_a_binding_is_paused_until_it_is_resumed(bound: Bound, scene: Scene) -> None:
    key = scene.lead("patient")
    assert told(bound, "pause", "leads", "--reason", "month end") == "leads is paused; to go on: tabstream resume leads\n"
    try:
        assert paused(bound)
        again = as_json(bound, "pause", "leads")
        assert (again["ending"], again["state"]) == ("already", "PAUSED")
        assert "paused already: paused by an operator: month end" in told(bound, "pause", "leads")
        scene.query("set_notes", key=key, text="while it was paused")
        before = report(bound)["owner"]
        stack.control(bound[1].state, "restart", "sheet-sink")
        until(lambda: report(bound)["owner"] not in (before, None), "the word of the new owner")
        assert paused(bound)
        assert scene.watch.now().text(key, "notes") == ""
    finally:
        resumed = told(bound, "resume", "leads")
    assert resumed == "leads runs\n"
    scene.until_equal(60)
    assert told(bound, "resume", "leads") == "leads runs already\n"


@pytest.mark.parametrize("command", ["pause", "resume", "deletes"])
def test_a_binding_that_nobody_knows_is_refused_with_those_that_are_known(bound: Bound, scene: Scene, command: str) -> None:
    assert "what to do: choose one of: leads" in refused(bound, command, "nobody")


def test_a_conflict_is_on_record_with_both_values(bound: Bound, scene: Scene) -> None:
    assert told(bound, "conflicts", "leads", "--since", "1s").strip() == "no conflict is on record"
    key = scene.lead("contended")

    def found() -> list[dict[str, Any]]:
        conflicts: list[dict[str, Any]] = as_json(bound, "conflicts", "leads", "--since", "5m")["conflicts"]
        return [conflict for conflict in conflicts if conflict["row_key"] == f"[{key}]"]

    with pause(bound):
        scene.query("set_company", key=key, text="the database's")
        time.sleep(2)  # the person is later beyond doubt, though what was read is dated to the second
        scene.type(key, "company", "the person's")
        until(lambda: bool(found()), "the conflict on record")
    [conflict] = found()
    assert (conflict["sheet_value"], conflict["database_value"]) == ("the person's", "the database's")
    assert (conflict["column"], conflict["winner"], conflict["rule"]) == ("company", "sheet", "last_write_wins")
    table = told(bound, "conflicts")
    assert '"the person\'s"' in table
    assert "last_write_wins" in table
    scene.until_equal(60)
    assert scene.value(key, "company") == "the person's"
    assert "choose one of: leads" in refused(bound, "conflicts", "nobody")
    assert "is in the future" in refused(bound, "conflicts", "--since", "2100-01-01")
    assert "is not a time" in refused(bound, "conflicts", "--since", "lately")


def test_topics_are_read_decoded(bound: Bound, scene: Scene) -> None:
    key = scene.lead("watched")
    scene.query("set_notes", key=key, text="first")
    scene.query("set_notes", key=key, text="second")
    scene.edit(key, "company", "Typed", "Typed")
    scene.until_equal(60)
    changes = told(bound, "tail", "leads", "--from", "5m", "--key", key).splitlines()
    assert f"insert {key}: " in changes[0]
    assert f'update {key}: notes: NULL -> "first"' in changes[1]
    assert f'update {key}: notes: "first" -> "second"' in changes[2]
    assert 'company: "Acme" -> "Typed"' in changes[3]
    newest = lines(bound, "tail", "leads", "--limit", "2")
    assert [entry["topic"] for entry in newest] == ["db.public.leads"] * 2
    assert newest[0]["offset"] < newest[1]["offset"]
    at = newest[0]["offset"]
    assert [entry["offset"] for entry in lines(bound, "tail", "db.public.leads", "--from", str(at), "-n", "1")] == [at]
    assert f'edit leads/{key}, seen by trigger: company "Typed"' in told(bound, "tail", "edits", "--from", "5m", "--key", key)
    assert f'answer leads/{key}: company "Typed" applied' in told(bound, "tail", "results", "--from", "5m")
    assert "leads RUNNING by" in told(bound, "tail", "status", "-n", "1")
    with pause(bound):
        assert "pause leads" in told(bound, "tail", "signals", "-n", "1")


def test_a_topic_is_followed_until_ctrl_c(bound: Bound, scene: Scene) -> None:
    process = begun(bound, "tail", "leads", "--from", "end")
    said: list[str] = []
    assert process.stdout is not None
    reading = threading.Thread(target=lambda: said.extend(iter(process.stdout.readline, "")), daemon=True)  # type: ignore[union-attr]
    reading.start()
    key = scene.lead("followed")
    until(lambda: scene.query("set_notes", key=key, text=str(time.time())) == [] and bool(said), "a line", 20)
    assert f" {key}: " in said[-1]
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(15) == 0
    reading.join()
    with process:
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_place_that_is_not_in_the_topic_is_refused(bound: Bound, scene: Scene) -> None:
    assert "it holds offsets 0 to " in refused(bound, "tail", "leads", "--from", "99999999")
    assert "name the partition too, such as 0/5" in refused(bound, "tail", "edits", "--from", "5")
    assert "is in the future" in refused(bound, "tail", "leads", "--from", "2100-01-01")
    assert "is no place in a topic" in refused(bound, "tail", "leads", "--from", "start")
    unknown = refused(bound, "tail", "leeds")
    assert "there is no topic 'leeds'" in unknown
    assert "edits" in unknown
    assert "leads" in unknown


def junk(bound: Bound, topic: str, key: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bound[0].env()["bootstrap_servers"], "partitioner": "murmur2_random"})
    producer.produce(topic, value, key)
    assert producer.flush(10) == 0


def letters(bound: Bound) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = as_json(bound, "dead-letters", "list")["letters"]
    return found


def test_dead_letters_are_listed_shown_and_dropped(bound: Bound, scene: Scene) -> None:
    before = len(letters(bound))
    if not before:
        assert told(bound, "dead-letters", "list") == "there are no dead letters\n"
    junk(bound, EDITS, "leads/[1]", b"\x01\x02junk")
    until(lambda: len(letters(bound)) == before + 1, "the dead letter")
    letter = letters(bound)[-1]
    offset = str(letter["offset"])
    assert (letter["from_topic"], letter["size"]) == (EDITS, 6)
    assert "starts with byte 1" in letter["reason"]
    assert EDITS in told(bound, "dead-letters", "list")
    shown = told(bound, "dead-letters", "show", offset)
    assert 'key: "leads/[1]"' in shown
    assert "6 bytes: 01026a756e6b" in shown
    junk(bound, SIGNALS, bound[1].spreadsheet_id, b"no signal")
    until(lambda: len(letters(bound)) == before + 2, "the dead letter of a signal")
    signalled = str(letters(bound)[-1]["offset"])
    assert "is a signal" in refused(bound, "dead-letters", "replay", offset, signalled)
    assert "has no offset 4711" in refused(bound, "dead-letters", "show", "4711")
    assert "is not an offset" in refused(bound, "dead-letters", "replay", "newest")
    unconfirmed = run(bound, "dead-letters", "drop", offset)
    assert unconfirmed.returncode == 1
    assert len(letters(bound)) == before + 2
    assert "deleted: " in told(bound, "dead-letters", "drop", offset, "--yes")
    assert [str(one["offset"]) for one in letters(bound)] == [signalled]
    assert "has no offset" in refused(bound, "dead-letters", "show", offset)


def test_an_edit_that_could_not_be_read_is_saved_once_it_is_replayed(bound: Bound, scene: Scene) -> None:
    place, env = bound[1], bound[0].env()
    key = scene.lead("lost and found")
    at_ms = time.time_ns() // 1_000_000
    cell = SeenCell("company", "Replayed", "Replayed", digest("Acme"))
    edit = Edit("ghost", f"[{key}]", EditKind.CELLS, at_ms, at_ms, How.SWEEP, "s", "Etc/GMT", 0, 0, (cell,))
    publisher = Publisher(Settings(bootstrap_servers=env["bootstrap_servers"], schema_registry_url=env["schema_registry_url"]))
    publisher.edit(edit).result(10)
    publisher.close()
    until(lambda: any("'ghost'" in letter["reason"] for letter in letters(bound)), "the edit among the dead letters")
    [letter] = [letter for letter in letters(bound) if "'ghost'" in letter["reason"]]
    shown = as_json(bound, "dead-letters", "show", str(letter["offset"]))
    assert shown["value"]["cells"][0]["value"] == "Replayed"
    kept = place.state.bindings_file.read_text(encoding="utf-8")
    rebind(bound, with_binding(kept, name="ghost", table="public.leads", tab="Ghost"))
    try:
        assert "is in tabstream.edits again" in told(bound, "dead-letters", "replay", str(letter["offset"]))
        scene.until(lambda: scene.value(key, "company") == "Replayed", "the replayed edit in the table")
    finally:
        rebind(bound, kept)
    scene.until_equal(60)


def test_the_history_of_a_cell_tells_who_changed_it(bound: Bound, scene: Scene) -> None:
    key = scene.lead("storied")
    scene.query("set_company", key=key, text="By Database")
    scene.until_equal(60)
    scene.edit(key, "company", "By Person", "By Person")
    scene.type(key, "amount", "minus one")
    scene.until_equal(60, 1)

    def whole() -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = as_json(bound, "history", "leads", key)["entries"]
        return entries

    until(lambda: any(entry["what"] == "rejected" for entry in whole()), "the rejection in the history")
    entries = whole()
    assert entries[0]["what"] == "inserted"
    assert "company Acme" in entries[0]["new"]
    company = [entry for entry in entries if entry["column"] == "company" and not entry["what"].startswith("touched")]
    number = next(entry["number"] for entry in company if entry["source"] == "outcome")
    steps = [(entry["source"], entry["what"].partition(", ")[0], entry["old"], entry["new"]) for entry in company]
    assert steps[0] == ("database", "changed", "Acme", "By Database")
    assert ("sheet", "edit", "By Database", "By Person") in steps
    assert ("database", f"changed for edit {number}", "By Database", "By Person") in steps
    assert ("outcome", "applied", None, "By Person") in steps
    rejected = next(entry for entry in entries if entry["what"] == "rejected")
    assert (rejected["column"], rejected["new"]) == ("amount", "100.00")
    assert "not a number" in rejected["reason"]
    table = told(bound, "history", "leads", f"[{key}]", "--column", "company")
    assert "By Person" in table
    assert "minus one" not in table
    assert "every version of the last 24 h" in table
    assert "tabstream.edits: kept for 365 d" in table


def test_a_row_that_nobody_knows_has_no_history_and_a_key_that_cannot_be_is_refused(bound: Bound, scene: Scene) -> None:
    assert "the topics know nothing of the row 987654" in told(bound, "history", "leads", "987654")
    assert "the key is the column lead_id" in refused(bound, "history", "leads", "1,2")
    assert "is not a number" in refused(bound, "history", "leads", "abc")
    assert "choose one of: lead_id" in refused(bound, "history", "leads", "1", "--column", "colour")
    assert "choose one of: leads" in refused(bound, "history", "nobody", "1")


def test_a_row_that_was_typed_in_is_told_from_the_typing_on(bound: Bound, scene: Scene) -> None:
    view = scene.watch.now()
    scene.person.paste(view.address(max(view.rows.values()) + 1, "name"), [["Typed In"]])
    scene.until(lambda: bool(scene.database.execute("SELECT 1 FROM leads WHERE name = 'Typed In'").fetchall()), "the new row")
    [found] = scene.database.execute("SELECT lead_id FROM leads WHERE name = 'Typed In'").fetchall()
    scene.until_equal(60, 1)
    key = str(found["lead_id"])

    def steps() -> list[str]:
        return [entry["what"] for entry in as_json(bound, "history", "leads", key)["entries"]]

    until(lambda: "row inserted" in steps(), "the answer in the history")
    assert steps()[0].startswith("new row, seen by ")
    assert any(step.startswith("inserted for edit ") for step in steps())


def test_rows_that_wait_for_a_confirmation_are_shown(bound: Bound, scene: Scene) -> None:
    assert told(bound, "deletes") == "nothing waits\n"
    assert told(bound, "deletes", "leads") == "leads: nothing waits\n"
    scene.until_equal(60)
    view = scene.watch.now()
    first, last = min(view.rows.values()), max(view.rows.values())
    scene.person.paste(view.address(first, "company"), [["Same For All"]] * (last - first + 1))
    until(lambda: report(bound)["held"] == len(view.rows), "the changed rows to be held")
    [held] = as_json(bound, "deletes", "leads")
    assert held["count"] == len(view.rows)
    shown = told(bound, "deletes")
    assert "changed with many others at once" in shown
    assert f"leads: {len(view.rows)} wait" in shown
    assert report(bound)["held"] == len(view.rows), "looking confirms nothing"
    confirmed = as_json(bound, "confirm", "leads", "--yes")
    assert (confirmed["count"], confirmed["digest"]) == (held["count"], held["digest"])
    until(lambda: told(bound, "deletes") == "nothing waits\n", "the confirmed rows to go on")
    scene.until_equal(60, 2)


def test_held_values_are_applied_or_dropped(bound: Bound, scene: Scene) -> None:
    bindings = yaml.safe_load(bound[1].state.bindings_file.read_text(encoding="utf-8"))
    bindings["bindings"][0]["conflict"] = "hold"
    rebind(bound, yaml.safe_dump(bindings))
    scene.until_equal(60)
    keys = [scene.lead("first held"), scene.lead("second held")]
    with pause(bound):
        for key in keys:
            scene.query("set_company", key=key, text="the database's")
            scene.type(key, "company", "the person's")
        until(lambda: len(as_json(bound, "held", "list", "leads")) == 2, "the held values")
    scene.until_equal(60)

    def note(key: str) -> str:
        view = scene.watch.now()
        return view.note_at(view.rows[key], "company")

    for key in keys:
        until(lambda key=key: "waits for a decision" in note(key), "the note on the held cell")  # type: ignore[misc]
    assert '"the person\'s"' in told(bound, "held", "list")
    assert told(bound, "held", "apply", "leads", keys[0], "company") == f'company of {keys[0]} is "the person\'s" now\n'
    assert "waits no longer" in told(bound, "held", "drop", "leads", keys[1], "company")
    assert told(bound, "held", "list") == "nothing waits for a decision\n"
    assert "nothing waits for the cell" in refused(bound, "held", "apply", "leads", keys[0], "company")
    until(lambda: [note(key) for key in keys] == ["", ""], "the notes to go")
    scene.until_equal(60, 2)
    assert [scene.value(key, "company") for key in keys] == ["the person's", "the database's"]


def with_binding(text: str, **entry: str) -> str:
    """The bindings file with one more binding to the demo's spreadsheet."""
    bindings = yaml.safe_load(text)
    bindings["bindings"].append({"spreadsheet": "demo", **entry})
    return yaml.safe_dump(bindings)


@pytest.fixture
def orders(bound: Bound, scene: Scene) -> Iterator[Person]:
    """Somebody at a new, empty tab, for which there is a table of twenty rows."""
    place = bound[1]
    scene.database.execute("CREATE TABLE orders (order_id int PRIMARY KEY, item text)")
    scene.database.execute("INSERT INTO orders SELECT n, 'item ' || n FROM generate_series(1, 20) n")
    add_tab = {"requests": [{"addSheet": {"properties": {"title": "Orders"}}}]}
    httpx.post(f"{place.sheets_url}/v4/spreadsheets/{place.spreadsheet_id}:batchUpdate", json=add_tab).raise_for_status()
    person = Person(place.person_url, place.spreadsheet_id, "Orders")
    yield person
    person.close()


def test_a_table_is_bound_and_unbound_while_everything_runs(bound: Bound, scene: Scene, orders: Person) -> None:
    file, before = bound[1].state.bindings_file, bound[0].env()["pids"]
    kept = file.read_text(encoding="utf-8")

    def items() -> dict[str, str]:
        return {row[0]: row[1] for row in orders.grid().rows[1:] if row[0]}

    def saved() -> list[dict[str, Any]]:
        return scene.database.execute("SELECT item FROM orders WHERE order_id = 7").fetchall()

    rebind(bound, with_binding(kept, name="orders", table="public.orders", tab="Orders"))
    told(bound, "connectors", "apply")
    until(lambda: items() == {str(n): f"item {n}" for n in range(1, 21)}, "the new tab to be filled", 120)
    row = next(number for number, cells in enumerate(orders.grid().rows, 1) if cells[0] == "7")
    orders.type(f"B{row}", "typed")
    scene.until(lambda: saved() == [{"item": "typed"}], "the edit in the new table")
    assert {found["binding"]: found["state"] for found in reports(bound)} == {"leads": "RUNNING", "orders": "RUNNING"}
    rebind(bound, kept)
    until(lambda: "its entry is gone" in told(bound, "tail", "status", "--key", "orders", "-n", "1"), "the last word")
    scene.database.execute("UPDATE orders SET item = 'unseen' WHERE order_id = 8")
    scene.edit(scene.lead("still bound"), "company", "Bound", "Bound")
    scene.until_equal(60)
    assert items()["8"] == "item 8"
    after = bound[0].env()["pids"]
    assert [after[name] for name in PROCESSES] == [before[name] for name in PROCESSES], "nothing was started again"


def test_a_wrong_bindings_file_is_told_and_changes_nothing(bound: Bound, scene: Scene) -> None:
    file = bound[1].state.bindings_file
    kept = file.read_text(encoding="utf-8")
    file.write_text(kept.replace("table:", "tabel:"), encoding="utf-8")
    try:
        for name in PROCESSES:
            until(lambda name=name: bool(readyz(bound, name)["warnings"]), f"the warning of {name}")  # type: ignore[misc]
            [warning] = readyz(bound, name)["warnings"]
            assert "unknown key 'tabel': did you mean 'table'?" in warning
            assert readyz(bound, name)["ready"]
        scene.edit(scene.lead("unimpressed"), "company", "Goes On", "Goes On")
        scene.until_equal(60)
        asked = run(bound, "status", "--json", "--wait", "10")
        answer = json.loads(asked.stdout)
        assert asked.returncode == 2
        assert "unknown key 'tabel'" in answer["file_problem"]
        assert [(one["binding"], one["state"]) for one in answer["bindings"]] == [("leads", "RUNNING")]
        until(
            lambda: bool(json.loads(run(bound, "status", "--json", "--wait", "10").stdout)["warnings"]), "the sink's own word"
        )
    finally:
        file.write_text(kept, encoding="utf-8")
    until(lambda: not any(readyz(bound, name)["warnings"] for name in PROCESSES), "the warnings to go")


def test_status_is_watched_until_ctrl_c(bound: Bound, scene: Scene) -> None:
    settings = bound[0].settings()
    assert bound[0].command("status", **settings).returncode == 0
    process = begun(bound, "status", "--watch", "--every", "0.5", "--json")
    assert process.stdout is not None
    looks = [json.loads(process.stdout.readline()) for _ in range(3)]
    assert all(look["bindings"][0]["binding"] == "leads" for look in looks)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=15)
    assert (process.returncode, error) == (0, "")


def test_our_schemas_are_registered_and_fit(bound: Bound, scene: Scene) -> None:
    assert told(bound, "schemas", "check").count("version 1, compatible with every version") == 3
    assert [one["schema"] for one in as_json(bound, "schemas", "list")] == ["edit", "signal", "status"]
    assert json.loads(told(bound, "schemas", "show", "edit"))["name"] == own_schemas.load("edit")["name"]
    assert told(bound, "schemas", "register").count("registered") == 3


AWAY = "127.0.0.1:1"


@pytest.mark.parametrize(
    "arguments",
    [
        ["pause", "leads"],
        ["resume", "leads"],
        ["deletes"],
        ["tail", "edits"],
        ["history", "leads", "1"],
        ["dead-letters", "list"],
        ["dead-letters", "show", "0"],
        ["dead-letters", "replay", "0"],
        ["dead-letters", "drop", "0", "--yes"],
    ],
    ids=" ".join,
)
def test_a_broker_that_is_away_is_told_within_seconds(bound: Bound, scene: Scene, arguments: list[str]) -> None:
    began = time.monotonic()
    said = refused(bound, *arguments, TABSTREAM_BOOTSTRAP_SERVERS=AWAY)
    assert f"kafka at {AWAY} gives no answer" in said
    assert time.monotonic() - began < 20


def test_a_registry_or_a_database_that_is_away_is_told(bound: Bound, scene: Scene) -> None:
    registry = f"http://{AWAY}/apis/ccompat/v7"
    assert "the schema registry gives no answer" in refused(bound, "tail", "edits", TABSTREAM_SCHEMA_REGISTRY_URL=registry)
    database = f"postgresql://nobody:secret@{AWAY}/none"
    for arguments in (["conflicts"], ["history", "leads", "1"]):
        said = refused(bound, *arguments, TABSTREAM_DATABASE_URL=database)
        assert "the database can't be reached" in said
        assert "secret" not in said
