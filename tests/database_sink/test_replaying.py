"""Edits that are decided again: into a database that was set back, and to see that nothing would come of it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException
from psycopg import sql

from consumers.database_sink import replaying
from consumers.database_sink.replaying import Report, Wanted
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.binding import Bindings
from tabstream.core.edits import Edit, EditKind
from tabstream.core.places import Beginning, Bounds, Offset
from tabstream.errors import OperatorError
from tabstream.kafka import clients
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.reader import TopicReader
from tabstream.kafka.topics import EDITS
from tabstream.postgres.connection import connect
from tests.database_sink.conftest import LEADS
from tests.database_sink.desk import cell, edit, leads, new_row, now_ms
from tests.database_sink.running import Running, until
from tests.database_sink.test_process import bootstrap_servers
from tests.kafka.registry_server import RegistryServer
from tests.postgres.server import Server

__all__ = ["bootstrap_servers"]

ALL = Wanted(Beginning())
ROWS = "SELECT * FROM leads ORDER BY lead_id"
STATE = (
    "SELECT *, xmin::text FROM leads ORDER BY 1",
    "SELECT *, xmin::text FROM tabstream.cell_register ORDER BY 1, 2, 3",
    "SELECT *, xmin::text FROM tabstream.row_register ORDER BY 1, 2",
    "SELECT *, xmin::text FROM tabstream.progress ORDER BY 2",
    "SELECT *, xmin::text FROM tabstream.edit_result ORDER BY 1",
    "SELECT * FROM tabstream.parked_edit",
    "SELECT * FROM tabstream.conflict",
    "SELECT last_value, is_called FROM leads_lead_id_seq",
)


class World:
    """A database with leads, a topic of edits, and copies of the database."""

    def __init__(self, server: Server, settings: Settings, publisher: Publisher, name: str) -> None:
        self.settings = settings
        self._server = server
        self._publisher = publisher
        self._name = name
        self._sent = 0

    def query(self, query: str) -> list[tuple[Any, ...]]:
        with connect(self.settings.database_url, "application", autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def send(self, *edits: Edit) -> None:
        """Writes edits, one after the other."""
        for one in edits:
            self._publisher.edit(one).result(10)
        self._sent += len(edits)

    def settle(self, *edits: Edit) -> None:
        """Writes edits and has a sink deal with all that there are."""
        self.send(*edits)
        with Running(self.settings, leads()):
            until(lambda: sum(row[0] for row in self.query("SELECT next_offset FROM tabstream.progress")) == self._sent, "all")

    def copy(self) -> None:
        """Keeps the database as it is."""
        self._administer("CREATE DATABASE {copy} TEMPLATE {database}")

    def set_back(self) -> None:
        """The database is as it was when it was copied; sessions end."""
        self._administer("DROP DATABASE {database} WITH (FORCE)")
        self._administer("CREATE DATABASE {database} TEMPLATE {copy}")

    def replay(self, wanted: Wanted = ALL) -> Report:
        bindings = Bindings((leads(),))
        return replaying.replay(self.settings, bindings, wanted, lambda: "topic", SystemClock(), lambda done, total: None)

    def state(self) -> list[list[tuple[Any, ...]]]:
        return [self.query(query) for query in STATE]

    def drop_copy(self) -> None:
        self._administer("DROP DATABASE IF EXISTS {copy} WITH (FORCE)")

    def _administer(self, command: str) -> None:
        names = {"database": sql.Identifier(self._name), "copy": sql.Identifier(f"{self._name}_copy")}
        with psycopg.connect(self._server.url(), autocommit=True) as postgres:
            postgres.execute(sql.SQL(command).format(**names))


@pytest.fixture
def world(server: Server, database_url: str, bootstrap_servers: str, registry: RegistryServer) -> Iterator[World]:
    with connect(database_url, autocommit=True) as connection:
        connection.execute(LEADS.encode())
    settings = Settings(database_url=database_url, bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url)
    publisher = Publisher(settings)
    publisher._producer.list_topics(EDITS)
    made = World(server, settings, publisher, database_url.rpartition("/")[2])
    yield made
    made.drop_copy()
    publisher.close()


def later_edits() -> list[Edit]:
    """A cell changed twice and back, a value that is refused, a new row, and a deleted one."""
    start = now_ms()
    return [
        edit(1, cell("name", "B", "Ada"), read_ms=start),
        edit(1, cell("name", "Ada", "B", 1_000), read_ms=start + 300),
        edit(1, cell("email", "bob@x.org", "ada@x.org"), read_ms=start),
        edit(1, cell("amount", 11, 10), read_ms=start),
        new_row("a", name="Dan"),
        edit(3, cell("name", "Cy", "Cy"), kind=EditKind.DELETE),
    ]


def test_a_database_that_was_set_back_gets_the_edits_that_it_lost(world: World) -> None:
    world.settle(edit(2, cell("name", "Robert", "Bob")))
    world.copy()
    world.settle(*later_edits())
    before, progress = world.query(ROWS), world.query("SELECT partition, next_offset FROM tabstream.progress ORDER BY 1")
    world.set_back()
    assert world.query(ROWS) != before
    assert world.replay(Wanted(Beginning(), verify=True)).found
    report = world.replay()
    assert world.query(ROWS) == before
    assert world.query("SELECT partition, next_offset FROM tabstream.progress ORDER BY 1") == progress
    assert (report.edits, dict(report.counts)) == (
        7,
        {"known": 1, "applied": 3, "inserted": 1, "deleted": 1, "rejected": 1},
    )
    again = world.replay()
    assert (again.found, world.query(ROWS)) == ([], before)


def test_answers_of_a_replay_say_that_the_tab_may_have_lost_the_row(world: World) -> None:
    world.copy()
    world.settle(edit(1, cell("name", "B", "Ada")), new_row("a", name="Dan"))
    world.set_back()
    world.replay()
    found = dict(world.query("SELECT row_key, answers FROM tabstream.edit_result WHERE answers IS NOT NULL"))
    assert found["[1]"][0]["shown"] == -1
    assert found["new:a"][0]["reason"] == "decided again by a replay"


def test_on_a_healthy_database_nothing_would_differ_and_nothing_changes(world: World) -> None:
    world.settle(edit(2, cell("name", "Robert", "Bob")), *later_edits(), new_row("b", notes="no name"))
    before = world.state()
    report = world.replay(Wanted(Beginning(), verify=True))
    assert (report.edits, report.found, dict(report.waiting)) == (8, [], {})
    assert world.state() == before


def test_a_row_that_was_refused_stays_refused_when_what_it_was_refused_for_is_gone(world: World) -> None:
    cells = [cell(column, value) for column, value in {"lead_id": 9, "name": "Eve", "email": "ada@x.org"}.items()]
    world.settle(new_row("a", name="Dan", email="bob@x.org"), edit(9, *cells, kind=EditKind.RETURN))
    assert len(world.query(ROWS)) == 3
    world.query("UPDATE leads SET email = name")
    before = world.query(ROWS)
    assert world.replay(Wanted(Beginning(), verify=True)).found == []
    assert dict(world.replay().counts) == {"known": 2}
    assert world.query(ROWS) == before


def test_a_rehearsal_tells_what_a_set_back_database_lacks_and_changes_nothing(world: World) -> None:
    world.settle(edit(2, cell("name", "Robert", "Bob")))
    world.copy()
    world.settle(*later_edits())
    world.set_back()
    before = world.state()
    report = world.replay(Wanted(Beginning(), verify=True))
    told = [(f.decision.row_key, f.decision.column, f.decision.effect.value, f.dealt_with) for f in report.found]
    assert sorted(told) == [
        ("[1]", "amount", "applied", False),
        ("[1]", "email", "rejected", False),
        ("[1]", "name", "applied", False),
        ("[1]", "name", "applied", False),
        ("[3]", None, "deleted", False),
        ("new:a", None, "inserted", False),
    ]
    assert world.state() == before


def test_a_register_that_is_lost_is_found(world: World) -> None:
    world.settle(edit(2, cell("name", "Robert", "Bob")))
    world.query("DELETE FROM tabstream.cell_register")
    world.query("UPDATE leads SET name = 'Bob' WHERE lead_id = 2")
    [found] = world.replay(Wanted(Beginning(), verify=True)).found
    assert (found.decision.column, found.decision.value, found.dealt_with) == ("name", "Robert", True)


def test_one_binding_s_edits_leave_the_others_to_the_sink(world: World) -> None:
    world.copy()
    world.settle(edit(1, cell("name", "B", "Ada")))
    world.set_back()
    world.replay(Wanted(Beginning(), binding="leads"))
    assert world.query("SELECT name FROM leads WHERE lead_id = 1") == [("B",)]
    assert sum(row[0] for row in world.query("SELECT next_offset FROM tabstream.progress")) == 0
    with pytest.raises(OperatorError, match="no binding 'nobody'"):
        world.replay(Wanted(Beginning(), binding="nobody"))


def test_only_what_is_before_the_end_is_replayed(world: World) -> None:
    world.copy()
    world.settle(edit(1, cell("name", "B", "Ada")), edit(1, cell("name", "C", "B", 1_000), read_ms=now_ms() + 500))
    world.set_back()
    with TopicReader(world.settings) as reader:
        [partition] = [p for p, has in reader.bounds(EDITS).items() if has.following]
    world.replay(Wanted(Offset(0, partition), Offset(1, partition)))
    assert world.query("SELECT name FROM leads WHERE lead_id = 1") == [("B",)]


def test_two_replays_at_once_are_one_too_many(world: World) -> None:
    with replaying._alone(world.settings.database_url), pytest.raises(OperatorError, match="another replay of edits"):
        world.replay()
    world.replay()


def test_a_locked_row_waits_for_the_sink_and_its_edits_keep_their_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_RETRY_SECONDS", 0.5)
    world.copy()
    start = now_ms()
    world.settle(
        edit(1, cell("name", "B", "Ada"), read_ms=start),
        edit(1, cell("name", "C", "B", 1_000), read_ms=start + 300),
        edit(2, cell("name", "Robert", "Bob"), read_ms=start),
    )
    world.set_back()
    with connect(world.settings.database_url, "application") as other:
        other.execute("SELECT * FROM leads WHERE lead_id = 1 FOR UPDATE")
        report = world.replay()
        other.rollback()
    assert sum(report.waiting.values()) == 2
    assert world.query("SELECT name FROM leads ORDER BY lead_id") == [("Ada",), ("Robert",), ("Cy",)]
    with Running(world.settings, leads()):
        until(lambda: world.query("SELECT name FROM leads WHERE lead_id = 1") == [("C",)], "both edits, in their order")
    answers = world.query("SELECT answers->0->'shown' FROM tabstream.edit_result WHERE row_key = '[1]' AND kind = 'answer'")
    assert answers == [(-1,)] * 2, "the tab may have lost the marks that they were seen against"


def test_new_rows_that_a_replay_has_set_aside_come_before_their_edits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_RETRY_SECONDS", 0.5)
    world.copy()
    edits_of_new_rows(world)
    before = world.query(ROWS)
    world.set_back()
    world.query("ALTER TABLE leads RENAME TO not_there_yet")
    assert sum(world.replay().waiting.values()) == 5
    world.query("ALTER TABLE not_there_yet RENAME TO leads")
    with Running(world.settings, leads()):
        until(lambda: not world.query("SELECT 1 FROM tabstream.parked_edit"), "all edits")
    assert [row[1:] for row in world.query(ROWS)] == [row[1:] for row in before]


def test_a_sink_that_runs_takes_up_what_a_replay_has_set_aside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_RETRY_SECONDS", 0.5)
    with Running(world.settings, leads()):
        world.send(edit(1, cell("name", "B", "Ada")))
        until(lambda: world.query("SELECT name FROM leads WHERE lead_id = 1") == [("B",)], "the edit")
        world.query("WITH lost AS (DELETE FROM tabstream.cell_register) UPDATE leads SET name = 'Ada' WHERE lead_id = 1")
        with connect(world.settings.database_url, "application") as other:
            other.execute("SELECT * FROM leads WHERE lead_id = 1 FOR UPDATE")
            report = world.replay()
            other.rollback()
        assert sum(report.waiting.values()) == 1
        until(lambda: world.query("SELECT name FROM leads WHERE lead_id = 1") == [("B",)], "the edit again")


def test_a_sink_whose_parked_edits_are_not_there_any_more_goes_on(world: World) -> None:
    with Running(world.settings, leads()) as running:
        with connect(world.settings.database_url, "application") as other:
            other.execute("SELECT * FROM leads WHERE lead_id = 1 FOR UPDATE")
            world.send(edit(1, cell("name", "B", "Ada")))
            until(lambda: bool(running.sink._backlog.parked), "an edit that waits")
            world.query("DELETE FROM tabstream.parked_edit")
            other.rollback()
        world.send(edit(1, cell("notes", "C")))
        until(lambda: world.query("SELECT notes FROM leads WHERE lead_id = 1") == [("C",)], "the next edit of the row")


def test_a_sink_goes_on_from_where_the_database_was_set_back_to(world: World) -> None:
    world.settle(edit(2, cell("name", "Robert", "Bob")))
    world.copy()
    with Running(world.settings, leads()):
        world.send(edit(1, cell("name", "B", "Ada")))
        until(lambda: world.query("SELECT name FROM leads WHERE lead_id = 1") == [("B",)], "the edit")
        world.set_back()
        until(lambda: world.query("SELECT name FROM leads WHERE lead_id = 1") == [("B",)], "the edit again, with no other")
    [(answers,)] = world.query("SELECT answers FROM tabstream.edit_result WHERE row_key = '[1]'")
    assert answers[0]["shown"] == -1


def edits_of_new_rows(world: World) -> None:
    """Three new rows; then, by the keys that they got, one is changed and one deleted. All of it counts."""
    for token, name in (("a", "Dan"), ("b", "Eve"), ("c", "Fay")):
        world.settle(new_row(token, name=name))  # of several that wait, on several partitions, any may be first
    keys = dict(world.query("SELECT name, lead_id FROM leads WHERE name IN ('Dan', 'Eve')"))
    later = now_ms() + 1_000
    world.settle(
        edit(keys["Dan"], cell("name", "Daniel", "Dan"), read_ms=later),
        edit(keys["Eve"], cell("name", "Eve", "Eve"), kind=EditKind.DELETE, read_ms=later),
    )
    assert [row[0] for row in world.query("SELECT name FROM leads ORDER BY lead_id")] == ["Ada", "Bob", "Cy", "Daniel", "Fay"]


def test_edits_of_rows_that_are_inserted_anew_are_decided_after_them(world: World) -> None:
    world.copy()
    edits_of_new_rows(world)
    before = world.query(ROWS)
    world.set_back()
    assert dict(world.replay().counts) == {"inserted": 3, "applied": 1, "deleted": 1}
    assert world.query(ROWS) == before
    assert world.replay(Wanted(Beginning(), verify=True)).found == []


def test_new_rows_get_the_keys_that_they_had_where_one_of_them_was_refused(world: World) -> None:
    world.copy()
    world.settle(new_row("a", name="Dan"))
    world.settle(new_row("b", name="Ada again", email="ada@x.org"))
    world.settle(new_row("c", name="Eve"))
    [(key,)] = world.query("SELECT lead_id FROM leads WHERE name = 'Eve'")
    world.settle(edit(key, cell("notes", "of Eve"), read_ms=now_ms() + 1_000))
    before = world.query(ROWS)
    world.set_back()
    world.replay()
    assert world.query(ROWS) == before


def test_a_refused_value_that_was_typed_once_more_is_no_repeat_in_a_replay(world: World) -> None:
    world.copy()
    start = now_ms()
    world.settle(edit(1, cell("email", "bob@x.org", "ada@x.org"), read_ms=start))
    [(refused,)] = world.query("SELECT number FROM tabstream.cell_register")
    world.settle(edit(2, cell("email", "bobby@x.org", "bob@x.org"), read_ms=start + 300))
    world.settle(edit(1, cell("email", "bob@x.org", "ada@x.org", refused), read_ms=start + 600))
    before = world.query(ROWS)
    assert before[0][2] == "bob@x.org"
    world.set_back()
    world.replay(Wanted(Beginning(), verify=True))
    world.replay()
    assert world.query(ROWS) == before


def test_a_sink_decides_what_a_database_has_lost_in_the_order_of_time(world: World) -> None:
    world.copy()
    edits_of_new_rows(world)
    before = world.query(ROWS)
    world.set_back()
    with Running(world.settings, leads()):
        until(lambda: world.query(ROWS) == before, "a sink that is started afterwards")
        world.set_back()
        until(lambda: world.query(ROWS) == before, "a sink that runs meanwhile")
        world.send(edit(1, cell("name", "B", "Ada", 1_000), read_ms=now_ms() + 2_000))
        until(lambda: world.query("SELECT name FROM leads WHERE lead_id = 1") == [("B",)], "the next edit")


def test_a_database_that_is_set_back_during_a_replay_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.copy()
    world.settle(edit(1, cell("name", "B", "Ada")), edit(1, cell("amount", 11, 10)), edit(1, cell("notes", "C")))
    before = world.query(ROWS)
    world.set_back()
    monkeypatch.setattr(replaying, "UNIT_EDITS", 1)

    def set_back_once_more(done: int, total: int) -> None:
        if done == 2:
            world.query(
                "WITH row AS (UPDATE leads SET name = 'Ada', amount = 10 WHERE lead_id = 1),"
                " registers AS (DELETE FROM tabstream.cell_register) UPDATE tabstream.progress SET next_offset = 0"
            )

    bindings, clock = Bindings((leads(),)), SystemClock()
    with pytest.raises(replaying.SetBackMeanwhile, match="set back once more"):
        replaying.replay(world.settings, bindings, ALL, lambda: "topic", clock, set_back_once_more)
    assert dict(world.replay().counts) == {"applied": 3}
    assert world.query(ROWS)[0] == before[0]


def test_a_sink_that_kafka_does_not_tell_how_far_others_were_asks_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.copy()
    edits_of_new_rows(world)
    before = world.query(ROWS)
    world.set_back()
    committed, asked = clients._Consumer.committed, []

    def silent_at_first(consumer: Consumer, *arguments: Any, **options: Any) -> Any:
        asked.append(arguments)
        if len(asked) == 1:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return committed(consumer, *arguments, **options)

    monkeypatch.setattr(clients._Consumer, "committed", silent_at_first)
    with Running(world.settings, leads()):
        until(lambda: world.query(ROWS) == before, "what was lost")
    reasons = world.query("SELECT answers->0->>'reason' FROM tabstream.edit_result WHERE row_key LIKE 'new:%'")
    assert reasons == [("decided again by a replay",)] * 3


def test_a_sink_that_catches_up_ends_where_the_last_offsets_hold_no_messages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = TopicReader.bounds

    def with_markers(reader: TopicReader, topic: str) -> dict[int, Bounds]:
        """What a transaction leaves at the end of a partition is an offset, and no message."""
        return {partition: Bounds(has.first, has.following + 1) for partition, has in bounds(reader, topic).items()}

    world.copy()
    edits_of_new_rows(world)
    before = world.query(ROWS)
    world.set_back()
    monkeypatch.setattr(TopicReader, "bounds", with_markers)
    with Running(world.settings, leads()) as running:
        until(lambda: world.query(ROWS) == before, "what was lost")
        until(lambda: not running.sink._is_set_back, "the sink goes on")
        world.send(edit(1, cell("name", "B", "Ada", 1_000), read_ms=now_ms() + 2_000))
        until(lambda: world.query("SELECT name FROM leads WHERE lead_id = 1") == [("B",)], "the next edit")


def test_a_sink_leaves_a_set_back_database_to_a_replay_that_is_under_way(world: World) -> None:
    world.copy()
    edits_of_new_rows(world)
    before = world.query(ROWS)
    world.set_back()
    with Running(world.settings, leads()) as running:
        with replaying._alone(world.settings.database_url):
            until(lambda: running.sink._is_set_back, "the sink has seen it")
            world.send(edit(2, cell("name", "Robert", "Bob")))
            until(lambda: running.sink._source.joined, "the sink polls")
            assert len(world.query(ROWS)) == 3
        until(lambda: len(world.query(ROWS)) == len(before), "what was lost")
        until(lambda: world.query("SELECT name FROM leads WHERE lead_id = 2") == [("Robert",)], "and what came since")


def test_messages_that_are_no_edits_are_counted_and_passed(world: World) -> None:
    producer = clients.producer(world.settings)
    producer.produce(EDITS, b"no edit at all", edit(1).kafka_key)
    producer.flush()
    world.send(edit(1, cell("name", "B", "Ada")))
    assert world.replay().unreadable == 1
    assert world.query("SELECT name FROM leads WHERE lead_id = 1") == [("B",)]
    assert world.replay(Wanted(Beginning(), verify=True)).unreadable == 1
