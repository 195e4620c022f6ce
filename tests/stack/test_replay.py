"""A database is set back to an earlier copy on the real stack, and gets the edits that it has lost."""

import json
from typing import Any

import psycopg
import pytest
from confluent_kafka import TopicPartition

from tabstream.config import Settings
from tabstream.kafka import clients
from tabstream.kafka.topics import EDITS
from tabstream.local import stack
from tabstream.operations.demo.installing import Place
from tabstream.operations.demo.story.scene import Scene
from tests.stack.local_stack import LocalStack, until

KEPT = ("progress", "cell_register", "row_register", "held", "parked_edit")
TABLES = ("public.leads", *(f"tabstream.{name}" for name in KEPT))
SEQUENCES = ("public.leads_lead_id_seq", "tabstream.decision_number")
ROWS = "SELECT lead_id, name, email, company, status, amount, follow_up, active, notes FROM public.leads ORDER BY lead_id"


def replay(local: LocalStack, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = local.command("replay", "edits", "--json", *arguments, **local.settings())
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def replay_is_free(local: LocalStack) -> bool:
    """A sink that catches up keeps others from replaying."""
    done = local.command("replay", "edits", "--from", "1h", "--verify", **local.settings())
    assert done.returncode in {0, 3} or "a database sink catches up" in done.stderr, done.stderr
    return done.returncode != 1


def copy(database: "psycopg.Connection[dict[str, Any]]") -> None:
    database.execute("DROP SCHEMA IF EXISTS kept CASCADE")
    database.execute("CREATE SCHEMA kept")
    for name in (*TABLES, *SEQUENCES):
        database.execute(f"CREATE TABLE kept.{name.partition('.')[2]} AS TABLE {name}".encode())


def set_back(database: "psycopg.Connection[dict[str, Any]]") -> None:
    with database.transaction():
        database.execute("SET LOCAL session_replication_role = replica")
        for name in TABLES:
            database.execute(f"DELETE FROM {name}".encode())
            database.execute(f"INSERT INTO {name} TABLE kept.{name.partition('.')[2]}".encode())
        for name in SEQUENCES:
            kept = name.partition(".")[2]
            database.execute(f"SELECT setval('{name}', last_value, is_called) FROM kept.{kept}".encode())


def work(scene: Scene, edited: str, leaving: str, name: str) -> None:
    """A person changes a cell twice, one back and forth, deletes a row and adds two, one to change and one to delete."""
    before = str(scene.value(edited, "notes") or "")
    for text in (f"{name} 1", f"{name} 2"):
        scene.edit(edited, "company", text, text)
    for text in (f"{name} and", before):
        scene.edit(edited, "notes", text, text or None)
    scene.person.delete_rows([scene.watch.now().rows[leaving]])
    scene.until(lambda: scene.row(leaving) is None, "the row to leave the table")
    added, leaving = (add(scene, scene.address(f"{name}-{which}")) for which in ("added", "gone"))
    scene.edit(added, "company", f"{name} 3", f"{name} 3")
    scene.person.delete_rows([scene.watch.now().rows[leaving]])
    scene.until(lambda: scene.row(leaving) is None, "the new row to leave the table")
    scene.until_equal(60, 1)


def add(scene: Scene, email: str) -> str:
    """A person adds a row; its key."""
    view = scene.watch.now()
    number = view.blank_row
    for header, text in (("name", "Typed"), ("email", email), ("amount", "12.5")):
        scene.person.type(view.address(number, header), text)
    scene.until(lambda: bool(scene.query("key_of", email=email)), "the row in the table")
    scene.until_equal(60, 1)
    return str(scene.query("key_of", email=email)[0]["lead_id"])


@pytest.mark.parametrize("sink_runs", [False, True], ids=["no sink runs", "a sink runs"])
def test_a_database_that_was_set_back_gets_its_edits_again(
    bound: tuple[LocalStack, Place], scene: Scene, sink_runs: bool
) -> None:
    local, place = bound
    name = f"running-{sink_runs}"
    edited, leaving = scene.lead(f"edited-{name}"), scene.lead(f"leaving-{name}")
    scene.edit(edited, "company", "before", "before")
    scene.until_equal(60, 1)
    copy(scene.database)
    work(scene, edited, leaving, name)
    before = scene.database.execute(ROWS).fetchall()
    code, healthy = replay(local, "--from", "beginning", "--verify")
    assert (code, healthy["differences"], healthy["waiting"]) == (0, [], {})

    if not sink_runs:
        stack.control(place.state, "stop", "database-sink")
    set_back(scene.database)
    if not sink_runs:
        scene.until_equal(60)
        code, lost = replay(local, "--from", "1h", "--verify")
        assert code == 3
        assert {"applied", "deleted", "inserted"} <= {one["outcome"] for one in lost["differences"]}
        assert scene.row(leaving) is not None, "to verify is to change nothing"
    until(lambda: replay_is_free(local), "the sink to catch up")
    code, done = replay(local, "--from", "1h")
    assert code == 0, done
    stack.control(place.state, "start", "database-sink")
    scene.until(lambda: scene.database.execute(ROWS).fetchall() == before, "the rows as they were")
    scene.until_equal(60, 4)
    assert scene.database.execute(ROWS).fetchall() == before, "and they stay"
    code, healthy = replay(local, "--from", "beginning", "--verify")
    assert (code, healthy["differences"]) == (0, [])


def test_what_can_t_be_replayed_is_told_bad(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, _ = bound
    settings = local.settings()
    admin = clients.admin(Settings(bootstrap_servers=settings["TABSTREAM_BOOTSTRAP_SERVERS"]))
    for arguments, code, said in (
        (["--from", "2999-01-01"], 1, "is in the future"),
        (["--from", "0/99999"], 1, "has no offset 99999"),
        (["--from", "5"], 1, "name the partition too"),
        (["--from", "sometime"], 1, "is no place in a topic"),
        (["--from", "1h", "--binding", "nobody"], 1, "there is no binding 'nobody'"),
        ([], 2, "Missing option"),
    ):
        refused = local.command("replay", "edits", *arguments, **settings)
        assert (refused.returncode, refused.stdout) == (code, ""), arguments
        assert said in refused.stderr
    ends = [TopicPartition(EDITS, partition, -1) for partition in range(6)]
    for future in admin.delete_records(ends).values():
        future.result(30)
    removed = local.command("replay", "edits", "--from", "1h", **settings)
    assert removed.returncode == 1
    assert "were removed by its retention" in removed.stderr
    left = local.command("replay", "edits", "--from", "beginning", **settings)
    assert left.returncode == 0, left.stderr
