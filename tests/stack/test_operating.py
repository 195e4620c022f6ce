"""The commands of those who run tabstream, on the running stack: what they print, and what they say to a mistake."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from confluent_kafka import Producer

from tabstream.core.cells import digest
from tabstream.core.edits import Edit, EditKind, How, SeenCell
from tabstream.kafka import own_schemas
from tabstream.kafka.avro import Encoder
from tabstream.kafka.topics import EDITS, SIGNALS
from tabstream.local import stack
from tabstream.local.state import State
from tabstream.operations.demo.installing import Place, install
from tabstream.operations.demo.story.scene import Scene
from tests.stack.local_stack import LocalStack, until

Bound = tuple[LocalStack, Place]
Command = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def bound(home: Path) -> Iterator[Bound]:
    """A stack of its own with the demo's table bound to a tab."""
    made = LocalStack(home / "operating", HOME=str(home))
    made.up()
    try:
        yield made, install(State(made.folder), lambda text: None)
    finally:
        made.local("down", "--wipe")


@pytest.fixture(scope="module")
def scene(bound: Bound) -> Iterator[Scene]:
    with Scene(bound[1]) as made:
        httpx.put(f"{bound[1].sheets_url}/control/settings", json={"quotas": False}).raise_for_status()
        made.until_equal(90)
        yield made


def run(bound: Bound, *arguments: str, **environment: str) -> Command:
    """`tabstream ARGUMENTS` as an operator of this stack gives it; never a stack trace."""
    done = bound[0].command(*arguments, **bound[0].settings(**environment))
    assert "Traceback" not in done.stdout + done.stderr
    return done


def told(bound: Bound, *arguments: str) -> str:
    """What a command prints that succeeds."""
    done = run(bound, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(bound: Bound, *arguments: str) -> Any:
    return json.loads(told(bound, *arguments, "--json"))


def lines(bound: Bound, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told(bound, *arguments, "--json").splitlines()]


def refused(bound: Bound, *arguments: str, **environment: str) -> str:
    """What a command says that fails as an operator's mistake does: with exit code 1, and once."""
    done = run(bound, *arguments, **environment)
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("error:") == 1, done.stderr
    assert done.stdout == ""
    return done.stderr


def report(bound: Bound) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(bound, "status", "--json").stdout)["bindings"][0]
    return found


def paused(bound: Bound) -> bool:
    found = report(bound)
    return found["state"] == "PAUSED" and found["problem"] == "paused by an operator: month end"


def test_a_binding_is_paused_until_it_is_resumed(bound: Bound, scene: Scene) -> None:
    key = scene.lead("patient")
    assert told(bound, "pause", "leads", "--reason", "month end") == "leads is paused; to go on: tabstream resume leads\n"
    assert paused(bound)
    again = as_json(bound, "pause", "leads")
    assert (again["ending"], again["state"]) == ("already", "PAUSED")
    assert "paused already: paused by an operator: month end" in told(bound, "pause", "leads")
    scene.query("set_notes", key=key, text="while it was paused")
    stack.control(bound[1].state, "restart", "sheet-sink")
    time.sleep(15)  # the new owner has had the time to open the tab, if it were going to
    assert paused(bound)
    view = scene.watch.now()
    assert "while it was paused" not in str(scene.person.grid().rows[view.rows[key]])
    assert told(bound, "resume", "leads") == "leads runs\n"
    scene.until_equal(60)
    assert told(bound, "resume", "leads") == "leads runs already\n"


@pytest.mark.parametrize("command", ["pause", "resume", "deletes"])
def test_a_binding_that_nobody_knows_is_refused_with_those_that_are_known(bound: Bound, scene: Scene, command: str) -> None:
    assert "what to do: choose one of: leads" in refused(bound, command, "nobody")


def test_a_conflict_is_on_record_with_both_values(bound: Bound, scene: Scene) -> None:
    assert told(bound, "conflicts", "leads", "--since", "1s").strip() == "no conflict is on record"
    key = scene.lead("contended")
    told(bound, "pause", "leads")
    scene.query("set_company", key=key, text="the database's")
    time.sleep(2)  # the person is later beyond doubt, though what was read is dated to the second
    scene.type(key, "company", "the person's")

    def found() -> list[dict[str, Any]]:
        conflicts: list[dict[str, Any]] = as_json(bound, "conflicts", "leads", "--since", "5m")["conflicts"]
        return [conflict for conflict in conflicts if conflict["row_key"] == f"[{key}]"]

    until(lambda: bool(found()), "the conflict on record")
    [conflict] = found()
    assert (conflict["sheet_value"], conflict["database_value"]) == ("the person's", "the database's")
    assert (conflict["column"], conflict["winner"], conflict["rule"]) == ("company", "sheet", "last_write_wins")
    table = told(bound, "conflicts")
    assert '"the person\'s"' in table
    assert "last_write_wins" in table
    told(bound, "resume", "leads")
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
    assert "poke" in told(bound, "tail", "signals", "--from", "beginning", "--no-follow")


def test_a_topic_is_followed_until_ctrl_c(bound: Bound, scene: Scene) -> None:
    local = bound[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "tabstream.cli", "tail", "leads", "--from", "end"],
        env={**local.environment, **local.settings(PYTHONUNBUFFERED="1")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
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
    local, place = bound
    key = scene.lead("lost and found")
    at_ms = time.time_ns() // 1_000_000
    cell = SeenCell("company", "Replayed", "Replayed", digest("Acme"))
    edit = Edit("ghost", f"[{key}]", EditKind.CELLS, at_ms, at_ms, How.SWEEP, "s", "Etc/GMT", 0, 0, (cell,))
    encoder = Encoder(local.env()["schema_registry_url"], f"{EDITS}-value", own_schemas.load("edit"))
    junk(bound, EDITS, f"ghost/[{key}]", encoder.encode(edit.to_record()))
    until(lambda: any("'ghost'" in letter["reason"] for letter in letters(bound)), "the edit among the dead letters")
    [letter] = [letter for letter in letters(bound) if "'ghost'" in letter["reason"]]
    shown = as_json(bound, "dead-letters", "show", str(letter["offset"]))
    assert shown["value"]["cells"][0]["value"] == "Replayed"
    file = place.state.bindings_file
    bindings = yaml.safe_load(file.read_text(encoding="utf-8"))
    bindings["bindings"].append({"name": "ghost", "table": "public.leads", "spreadsheet": "demo", "tab": "Ghost"})
    kept = file.read_text(encoding="utf-8")
    file.write_text(yaml.safe_dump(bindings), encoding="utf-8")
    try:
        stack.control(place.state, "restart", "database-sink")
        assert "is in tabstream.edits again" in told(bound, "dead-letters", "replay", str(letter["offset"]))
        scene.until(lambda: scene.value(key, "company") == "Replayed", "the replayed edit in the table")
    finally:
        file.write_text(kept, encoding="utf-8")
        stack.control(place.state, "restart", "database-sink")
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
    told(bound, "confirm", "leads", "--yes")
    until(lambda: told(bound, "deletes") == "nothing waits\n", "the confirmed rows to go on")
    scene.until_equal(60, 2)


def test_held_values_are_applied_or_dropped(bound: Bound, scene: Scene) -> None:
    place = bound[1]
    bindings = yaml.safe_load(place.state.bindings_file.read_text(encoding="utf-8"))
    bindings["bindings"][0]["conflict"] = "hold"
    place.state.bindings_file.write_text(yaml.safe_dump(bindings), encoding="utf-8")
    for name in ("sheet-sink", "database-sink"):
        stack.control(place.state, "restart", name)
    scene.until_equal(60)
    keys = [scene.lead("first held"), scene.lead("second held")]
    told(bound, "pause", "leads")
    for key in keys:
        scene.query("set_company", key=key, text="the database's")
        scene.type(key, "company", "the person's")
    until(lambda: len(as_json(bound, "held", "list", "leads")) == 2, "the held values")
    told(bound, "resume", "leads")
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
