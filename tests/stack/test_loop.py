"""The whole loop on the real stack: the demo's steps one by one, and what an operator or an attacker may do to it."""

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest
import yaml
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from tabstream.local import stack
from tabstream.operations.demo.installing import Place
from tabstream.operations.demo.story import disputes, everyday, faults, moving, refusals
from tabstream.operations.demo.story.playing import play_step
from tabstream.operations.demo.story.scene import Scene
from tabstream.operations.demo.story.step import Step
from tests.stack.changing import drop_slots
from tests.stack.local_stack import LocalStack, until

FAULTS = [step for step in faults.steps() if "database-sink" not in step.name and "producer" not in step.name]
STEPS = [*everyday.steps(), *disputes.steps(), *refusals.steps(), *moving.steps(), *FAULTS]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_tab_and_table_are_equal_after(scene: Scene, step: Step) -> None:
    outcome = play_step(step, scene)
    assert outcome.ok, "\n".join([outcome.problem or "", *outcome.details])


def test_groups_set_back_to_the_beginning_change_nothing(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, place = bound
    scene.until_equal(60)
    before = scene.database.execute("SELECT *, xmin::text FROM public.leads ORDER BY lead_id").fetchall()
    for name in ("sheet-sink", "database-sink"):
        stack.control(place.state, "stop", name)
    _set_back(local.env()["bootstrap_servers"])
    for name in ("sheet-sink", "database-sink"):
        stack.control(place.state, "start", name)
    key = str(before[0]["lead_id"])
    scene.query("set_notes", key=key, text="after the reset")
    scene.until_equal(60, 3)
    after = scene.database.execute("SELECT *, xmin::text FROM public.leads ORDER BY lead_id").fetchall()
    assert [row for row in after if str(row["lead_id"]) != key] == [row for row in before if str(row["lead_id"]) != key]


def test_after_a_lost_slot_what_was_deleted_meanwhile_leaves_the_tab_and_nothing_comes_back(
    bound: tuple[LocalStack, Place], scene: Scene
) -> None:
    _, place = bound
    kept, leaving, edited = scene.lead("kept"), scene.lead("leaving"), scene.lead("edited then gone")
    scene.edit(edited, "company", "answered", "answered")
    scene.query("delete", key=edited)
    scene.until_tab(lambda view: edited not in view.rows, "the deleted row to leave the tab")
    stack.control(place.state, "stop", "connect")
    until(lambda: drop_slots(scene), "the slot is dropped")
    scene.query("delete", key=leaving)
    scene.query("set_notes", key=kept, text="changed while nobody looked")
    stack.control(place.state, "start", "connect")
    scene.until_tab(lambda view: leaving not in view.rows, "the row that the snapshot leaves out to leave the tab", 120)
    scene.until_equal(60, 3)
    assert scene.row(leaving) is None
    assert scene.row(edited) is None


def test_a_second_sheet_sink_takes_over_from_one_that_is_killed(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, place = bound
    second = subprocess.Popen(
        [sys.executable, "-m", "tabstream.cli", "run", "sheet-sink"],
        env={**local.environment, **local.settings(TABSTREAM_METRICS_PORT="0", TABSTREAM_METRICS_HOST="127.0.0.1")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        stack.control(place.state, "stop", "sheet-sink")
        key = scene.lead("handed over")
        stack.control(place.state, "start", "sheet-sink")
        for _ in range(10):
            scene.change(key)
        second.kill()
        scene.until_shown(60)
        scene.until_equal(60, 2)
    finally:
        second.kill()
        second.wait()


def test_a_forged_post_is_refused_and_counted(bound: tuple[LocalStack, Place]) -> None:
    env = bound[0].env()
    headers = {"X-Tabstream-Timestamp": "1", "X-Tabstream-Signature": "0" * 64}
    answer = httpx.post(f"{env['producer_url']}/edits", content=b"{}", headers=headers)
    assert answer.status_code == 401
    assert "reason" in answer.json()
    assert 'tabstream_posts_total{status="401"}' in httpx.get(env["metrics"]["producer"]).text


def test_a_change_of_most_of_the_tab_waits_for_a_confirmation(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, _ = bound
    scene.until_equal(60)
    view = scene.watch.now()
    first, last = min(view.rows.values()), max(view.rows.values())
    scene.person.paste(view.address(first, "company"), [["Same For All"]] * (last - first + 1))

    def held() -> int:
        answer = json.loads(local.command("status", "--json", **local.settings()).stdout)
        return int(answer["bindings"][0]["held"])

    until(lambda: held() == len(view.rows), "the changed rows to be held")
    same = "SELECT count(*) AS count FROM public.leads WHERE company = 'Same For All'"
    assert scene.database.execute(same).fetchall() == [{"count": 0}]
    refused = local.command("confirm", "nobody", **local.settings())
    assert refused.returncode == 1
    assert "choose one of: leads" in refused.stderr
    confirmed = local.command("confirm", "leads", "--yes", **local.settings())
    assert confirmed.returncode == 0, confirmed.stderr
    assert "changed with many others at once" in confirmed.stdout
    scene.until(lambda: scene.database.execute(same).fetchall() == [{"count": len(view.rows)}], "the confirmed rows")
    scene.until_equal(60, 2)
    assert held() == 0


@pytest.fixture
def other_bindings(bound: tuple[LocalStack, Place]) -> Iterator[None]:
    """What a test binds is let go at its end."""
    file = bound[1].state.bindings_file
    before = file.read_text(encoding="utf-8")
    yield
    file.write_text(before, encoding="utf-8")


@pytest.mark.usefixtures("other_bindings")
def test_columns_that_are_added_or_changed_come_with_their_values(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    _, place = bound
    scene.database.execute("CREATE TABLE parts (id int PRIMARY KEY, price numeric(10,2), note text)")
    scene.database.execute("INSERT INTO parts SELECT n, n + 0.5, 'none' FROM generate_series(1, 50) n")
    requests = [{"addSheet": {"properties": {"title": "Parts"}}}]
    url = f"{place.sheets_url}/v4/spreadsheets/{place.spreadsheet_id}"
    httpx.post(f"{url}:batchUpdate", json={"requests": requests}).raise_for_status()
    _bind(place, {"name": "parts", "table": "public.parts", "spreadsheet": "demo", "tab": "Parts", "sweep_seconds": 3})
    stack.control(place.state, "restart", "connector")
    stack.control(place.state, "restart", "sheet-sink")

    def shown() -> list[list[str]]:
        rows: list[list[str]] = httpx.get(f"{url}/values/Parts!A1:Z60").json().get("values", [])
        sync = rows[0].index("_sync") if rows and "_sync" in rows[0] else 0
        return [row[:sync] for row in rows]

    first = [["id", "price", "note"], *([str(n), f"{n}.50", "none"] for n in range(1, 51))]
    until(lambda: shown() == first, "the table in its tab")
    scene.database.execute("ALTER TABLE parts ADD COLUMN city text DEFAULT 'Rome'")
    scene.database.execute("ALTER TABLE parts ALTER COLUMN price TYPE text USING 'about ' || price")
    scene.database.execute("ALTER TABLE parts DROP COLUMN note")
    then = [["id", "price", "note", "city"], *([str(n), f"about {n}.50", "none", "Rome"] for n in range(1, 51))]
    until(lambda: shown() == then, "the new columns with their values", 90)
    decided = "SELECT count(*) AS count FROM tabstream.edit_result WHERE binding = 'parts'"
    assert scene.database.execute(decided).fetchall() == [{"count": 0}], "nothing of it is anybody's edit"


def _bind(place: Place, entry: dict[str, object]) -> None:
    file = place.state.bindings_file
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    told["bindings"].append(entry)
    file.write_text(yaml.safe_dump(told), encoding="utf-8")


@pytest.mark.usefixtures("other_bindings")
def test_a_binding_without_its_table_pauses_and_the_others_run(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, place = bound
    _bind(place, {"name": "lost", "table": "public.nowhere", "spreadsheet": "demo", "tab": "Nowhere"})
    stack.control(place.state, "restart", "sheet-sink")

    def paused() -> bool:
        reports = {
            r["binding"]: r for r in json.loads(local.command("status", "--json", **local.settings()).stdout)["bindings"]
        }
        lost = reports["lost"]
        return lost["state"] == "PAUSED" and "public.nowhere" in lost["problem"] and bool(lost["remedy"])

    until(paused, "the binding to pause with a remedy")
    key = scene.lead("beside it")
    assert scene.row(key) is not None
    scene.until_equal(60)


def _set_back(bootstrap_servers: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    for group in [g.group_id for g in admin.list_consumer_groups().result(30).valid if g.group_id.startswith("tabstream.")]:
        committed = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(30)
        begins = [TopicPartition(p.topic, p.partition, 0) for p in committed.topic_partitions]
        if begins:
            admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, begins)])[group].result(30)
