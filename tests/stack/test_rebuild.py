"""`tabstream rebuild` on the stack: a tab that was damaged in many ways, a past moment, and every misuse."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tabstream.local import stack
from tabstream.operations.demo.installing import Place
from tabstream.operations.demo.reader import read_table
from tabstream.operations.demo.story.scene import Scene
from tests.stack.changing import changes, drop_slots
from tests.stack.local_stack import LocalStack, until
from tests.stack.raw_tab import RawTab

TOPIC = "db.public.leads"
# Commits and moments are told apart by the millisecond.
BETWEEN = "SELECT pg_sleep(0.01), clock_timestamp()::text AS at, pg_sleep(0.01)"
IN_A_HURRY = {"TABSTREAM_QUOTA_PER_MINUTE": "6000"}  # the stand-in takes as many here


def rebuild(local: LocalStack, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and what is printed for programs."""
    done = local.command("rebuild", "leads", "--json", *arguments, **local.settings(**IN_A_HURRY))
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


def damage_cells(tab: RawTab, keys: list[str]) -> None:
    for key in keys:
        tab.damage(key, "company", "nobody wrote this")


def damage_marks(tab: RawTab, keys: list[str]) -> None:
    first, second, third, fourth = keys
    tab.write(tab.row_of(first), "_sync", "rubbish")
    tab.write(tab.row_of(second), "_sync", None)
    sync = tab.column("_sync")
    rows = [(tab.row_of(key), tab.rows()[tab.row_of(key)][sync]) for key in (third, fourth)]
    (left, left_mark), (right, right_mark) = rows
    tab.write(left, "_sync", right_mark)
    tab.write(right, "_sync", left_mark)


def delete_rows(tab: RawTab, keys: list[str]) -> None:
    tab.delete(*keys)


def forge_rows(tab: RawTab, keys: list[str]) -> None:
    for number, key in enumerate(keys):
        tab.forge(key, 900_000 + number)


@pytest.fixture
def keys(scene: Scene) -> list[str]:
    made = [scene.lead(f"rebuilt {scene.next_change()}") for _ in range(4)]
    scene.until_equal(60)
    return made


@pytest.mark.parametrize("damage", [damage_cells, damage_marks, delete_rows, forge_rows], ids=lambda damage: damage.__name__)
def test_a_damaged_tab_is_as_the_table_again_and_the_table_is_as_it_was(
    bound: tuple[LocalStack, Place], scene: Scene, keys: list[str], damage: Callable[[RawTab, list[str]], None]
) -> None:
    local, place = bound
    tab = RawTab(place)
    scene.type(keys[0], "company", "typed before the damage")
    scene.until(lambda: scene.value(keys[0], "company") == "typed before the damage", "the edit in the table")
    scene.until_equal(60)
    before = read_table(scene.database, "public.leads", "lead_id")
    damage(tab, keys)
    code, told = rebuild(local)
    assert (code, told["equal"]) == (0, True), told
    assert told["proof"]["checksum"]["tab"] == told["proof"]["checksum"]["table"]
    assert told["proof"]["rows"]["tab"] == len(before)
    scene.until_equal(60, 2)
    assert read_table(scene.database, "public.leads", "lead_id") == before


def test_a_tab_that_is_right_is_not_written_to(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    scene.until_equal(60, 2)
    before = scene.emulator.last_call()
    code, told = rebuild(bound[0])
    assert (code, told["equal"], told["differed"], told["writes"]) == (0, True, {}, 0)
    assert [call for call in scene.emulator.calls(before) if call.kind == "write"] == []


def test_a_row_of_which_only_a_new_snapshot_tells_that_it_is_gone_stays_away(
    bound: tuple[LocalStack, Place], scene: Scene, keys: list[str]
) -> None:
    local, place = bound
    stack.control(place.state, "stop", "connect")
    until(lambda: drop_slots(scene), "the slot is dropped")
    scene.query("delete", key=keys[0])
    stack.control(place.state, "start", "connect")
    scene.until_tab(lambda view: keys[0] not in view.rows, "the row to leave the tab", 120)
    scene.until_equal(60)
    code, told = rebuild(local)
    assert (code, told["equal"], told["differed"], told["writes"]) == (0, True, {}, 0)
    scene.until_equal(60, 2)


def test_what_people_have_in_the_tab_stays(bound: tuple[LocalStack, Place], scene: Scene, keys: list[str]) -> None:
    local, place = bound
    tab = RawTab(place)
    column = len(tab.rows()[0])
    scene.person.sort("B", descending=True)
    tab.send({"updateCells": _own(tab, 0, column, "remark")})
    tab.send({"updateCells": _own(tab, tab.row_of(keys[0]), column, "call back")})
    scene.type(keys[1], "company", "typed before the rebuild")
    order = [key for key in tab.by_key() if key != keys[2]]
    tab.delete(keys[2])
    code, told = rebuild(local)
    assert (code, told["equal"]) == (0, True), told
    scene.until(lambda: scene.value(keys[1], "company") == "typed before the rebuild", "the edit in the table")
    scene.until_equal(60)
    assert [key for key in tab.by_key() if key != keys[2]] == order
    assert tab.by_key()[keys[0]]["remark"] == "call back"


def _own(tab: RawTab, row: int, column: int, text: str) -> dict[str, Any]:
    start = {"sheetId": tab.sheet_id, "rowIndex": row, "columnIndex": column}
    rows = [{"values": [{"userEnteredValue": {"stringValue": text}}]}]
    return {"start": start, "rows": rows, "fields": "userEnteredValue"}


def test_a_dry_run_tells_what_would_be_written_and_writes_nothing(
    bound: tuple[LocalStack, Place], scene: Scene, keys: list[str]
) -> None:
    local, place = bound
    tab = RawTab(place)
    tab.damage(keys[0], "company", "nobody wrote this")
    code, told = rebuild(local, "--dry-run")
    assert (code, told["differed"], told["writes"]) == (3, {"cell": 1}, 0)
    assert tab.by_key()[keys[0]]["company"] == "nobody wrote this"
    assert rebuild(local)[0] == 0
    scene.until_equal(60)


def test_a_tab_is_rebuilt_while_both_sides_change(bound: tuple[LocalStack, Place], scene: Scene, keys: list[str]) -> None:
    local, place = bound
    with changes(local, keys[:2]):
        RawTab(place).damage(keys[2], "company", "nobody wrote this")
        scene.type(keys[3], "company", "typed meanwhile")
        code, told = rebuild(local)
        assert code == 0, told
    scene.until_equal(60)
    assert scene.value(keys[3], "company") == "typed meanwhile"


def test_a_rebuild_outlives_the_owner_that_is_killed_meanwhile(
    bound: tuple[LocalStack, Place], scene: Scene, keys: list[str]
) -> None:
    local, place = bound
    damage_cells(RawTab(place), keys)
    running = subprocess.Popen(
        [sys.executable, "-m", "tabstream.cli", "rebuild", "leads", "--json"],
        env={**local.environment, **local.settings(**IN_A_HURRY)},
        stdout=subprocess.PIPE,
        text=True,
    )
    os.kill(local.env()["pids"]["sheet-sink"], signal.SIGKILL)
    said, _ = running.communicate(timeout=150)
    assert (running.returncode, json.loads(said)["equal"]) == (0, True), said
    scene.until_equal(60, 2)
    assert all(scene.value(key, "company") != "nobody wrote this" for key in keys)


def test_past_moments_are_shown_as_they_were_until_they_are_compacted_away(
    bound: tuple[LocalStack, Place], scene: Scene, keys: list[str]
) -> None:
    local, place = bound
    changed, deleted, *_ = keys
    history = []
    for number in range(3):
        scene.query("set_notes", key=changed, text=f"version {number}")
        if number == 1:
            scene.query("delete", key=deleted)
        [moment] = scene.database.execute(BETWEEN).fetchall()
        history.append((moment["at"], {str(row["lead_id"]) for row in read_table(scene.database, "public.leads", "lead_id")}))
    scene.until_equal(60)

    for number, (at, present) in enumerate(history[:2]):
        code, told = rebuild(local, "--as-of", at, "--into", f"Past {number}")
        assert (code, told["equal"], told["rows"]["tab"]) == (0, True, len(present)), told
        past = RawTab(place, f"Past {number}").by_key()
        assert past.keys() == present
        assert past[changed]["notes"] == f"version {number}"
    assert rebuild(local, "--as-of", str(told["offsets"]["0"]), "--dry-run")[1]["rows"]["topic"] == len(present)
    again = local.command("rebuild", "leads", "--as-of", history[0][0], "--into", "Past 0", **local.settings())
    assert (again.returncode, "there is a tab 'Past 0' already" in again.stderr) == (1, True)

    with _compacted(local, scene, keys[2], changed):
        refused = local.command("rebuild", "leads", "--as-of", history[0][0], "--into", "Past 9", **local.settings())
        assert (refused.returncode, "can't tell that any more" in refused.stderr) == (1, True), refused.stderr
        assert "reaches back to" in refused.stderr
        assert "Past 9" not in RawTab(place).titles
        code, told = rebuild(local, "--as-of", "end", "--into", "Now")
        assert (code, told["equal"]) == (0, True)
    assert RawTab(place, "Now").by_key()[changed]["notes"] == "version 2"


@contextmanager
def _compacted(local: LocalStack, scene: Scene, busy: str, key: str) -> Iterator[None]:
    """Until the broker has really compacted the topic: its messages of the key are but one."""
    admin = AdminClient({"bootstrap.servers": local.env()["bootstrap_servers"]})
    wanted = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "min.compaction.lag.ms": "0"}
    topic = ConfigResource(ResourceType.TOPIC, TOPIC)
    [broker_id] = admin.list_topics(timeout=30).brokers
    broker = ConfigResource(ResourceType.BROKER, str(broker_id))

    def alter(resource: ConfigResource, settings: dict[str, str], operation: AlterConfigOpType) -> None:
        entries = [ConfigEntry(n, v, incremental_operation=operation) for n, v in settings.items()]
        made = ConfigResource(resource.restype, resource.name, incremental_configs=entries)
        [future] = admin.incremental_alter_configs([made]).values()
        future.result(30)

    def compacted() -> bool:
        scene.query("set_notes", key=busy, text=str(scene.next_change()))  # rolls the segment
        end = local.command("tail", TOPIC, "--from", "beginning", "--json", **local.settings())
        return sum(json.loads(line)["key"] == {"lead_id": int(key)} for line in end.stdout.splitlines()) == 1

    described = admin.describe_configs([topic])[topic].result(30)
    before = {name: str(described[name].value) for name in wanted}
    alter(topic, wanted, AlterConfigOpType.SET)
    alter(broker, {"log.cleaner.backoff.ms": "500"}, AlterConfigOpType.SET)
    try:
        until(compacted, "the compaction of the topic", 120)
        yield
    finally:
        alter(topic, before, AlterConfigOpType.SET)
        alter(broker, {"log.cleaner.backoff.ms": "15000"}, AlterConfigOpType.DELETE)
    scene.until_equal(60)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nobody",), 1, "there is no binding 'nobody'"),
        (("leads", "--into", "X"), 2, "--as-of"),
        (("leads", "--as-of", "99999999"), 1, "has no offset 99999999"),
        (("leads", "--as-of", "2100-01-01"), 1, "is in the future"),
        (("leads", "--as-of", "2001-01-01"), 1, "begins at"),
        (("leads", "--as-of", "yesterday or so"), 1, "is no place in a topic"),
        (("leads", "--as-of", "beginning"), 1, "shows nothing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_misuse_is_refused_with_a_word_bad(
    bound: tuple[LocalStack, Place], scene: Scene, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = bound[0].command("rebuild", *arguments, **bound[0].settings())
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_of_two_rebuilds_at_once_one_is_refused(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, _ = bound
    lock = "SELECT pg_advisory_lock(hashtextextended('tabstream.rebuild.leads', 0))"
    with psycopg.connect(local.env()["database_url"]) as other:
        other.execute(lock)
        done = local.command("rebuild", "leads", **local.settings())
    assert (done.returncode, "another rebuild of 'leads' is under way" in done.stderr) == (1, True)


def test_a_paused_binding_is_not_rebuilt(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, _ = bound
    assert local.command("pause", "leads", "--reason", "a test", **local.settings()).returncode == 0
    try:
        paused = local.command("rebuild", "leads", **local.settings())
        assert (paused.returncode, "paused by an operator: a test" in paused.stderr) == (1, True), paused.stderr
    finally:
        assert local.command("resume", "leads", **local.settings()).returncode == 0
    scene.until_equal(60)
