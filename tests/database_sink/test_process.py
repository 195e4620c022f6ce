"""The database sink as a process: from the topic to the table, through outages, resets and unreadable messages."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from tabstream.config import Settings
from tabstream.kafka import clients
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.topics import DEAD_LETTERS, EDITS, SIGNALS
from tabstream.postgres.connection import Connection, connect
from tests.database_sink.conftest import LEADS
from tests.database_sink.desk import cell, edit, leads, new_row, now_ms
from tests.database_sink.running import Running, count, until
from tests.kafka.registry_server import RegistryServer
from tests.postgres.server import Server

ANSWERS = "SELECT count(*) FROM tabstream.edit_result WHERE kind = 'answer'"


@pytest.fixture
def bootstrap_servers() -> Iterator[str]:
    """A broker of its own for each test, because topics can't be deleted."""
    host = Producer({"test.mock.num.brokers": 1})
    broker = next(iter(host.list_topics(timeout=10).brokers.values()))
    yield f"{broker.host}:{broker.port}"
    host.close()


@pytest.fixture
def settings(database_url: str, database: Connection, bootstrap_servers: str, registry: RegistryServer) -> Settings:
    database.execute(LEADS.encode())
    return Settings(database_url=database_url, bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url)


@pytest.fixture
def publisher(settings: Settings) -> Iterator[Publisher]:
    made = Publisher(settings)
    made._producer.list_topics(EDITS)
    yield made
    made.close()


def test_an_edit_in_the_topic_is_in_the_table_and_answered(
    settings: Settings, publisher: Publisher, database: Connection
) -> None:
    with Running(settings, leads()) as running:
        publisher.edit(edit(1, cell("name", "Ada L", "Ada"))).result(10)
        publisher.edit(new_row("a", name="Dan")).result(10)
        until(lambda: count(database, ANSWERS) == 2, "two answers")
        until(lambda: running.sink.readiness().ready, "ready")
    assert count(database, "SELECT count(*) FROM leads WHERE name IN ('Ada L', 'Dan')") == 2


def test_a_group_that_is_reset_changes_nothing(settings: Settings, publisher: Publisher, database: Connection) -> None:
    with Running(settings, leads()):
        publisher.edit(edit(1, cell("name", "Ada L", "Ada"))).result(10)
        until(lambda: count(database, ANSWERS) == 1, "an answer")
    database.execute("UPDATE leads SET name = 'Ada' WHERE lead_id = 1")
    _reset_group(settings)
    with Running(settings, leads()):
        publisher.edit(edit(2, cell("name", "Robert", "Bob"))).result(10)
        until(lambda: count(database, ANSWERS) == 2, "the second answer")
    assert database.execute("SELECT name FROM leads ORDER BY lead_id").fetchall() == [("Ada",), ("Robert",), ("Cy",)]


def test_a_topic_that_was_made_again_is_read_from_its_beginning(
    settings: Settings, publisher: Publisher, database: Connection
) -> None:
    publisher.edit(edit(1, cell("name", "Ada L", "Ada"))).result(10)
    with Running(settings, leads(), lambda: "first"):
        until(lambda: count(database, ANSWERS) == 1, "an answer")
    with Running(settings, leads(), lambda: "second"):
        until(lambda: count(database, ANSWERS) == 2, "the same edit answered again")


def test_what_can_t_be_read_goes_to_the_dead_letters_and_the_rest_goes_on(
    settings: Settings, publisher: Publisher, database: Connection
) -> None:
    producer = clients.producer(settings)
    key = edit(1).kafka_key
    producer.produce(EDITS, b"no edit at all", key)
    producer.produce(EDITS, b"", key)
    producer.flush()
    publisher.edit(edit(1, cell("name", "X", "Ada"), binding="nobody")).result(10)
    publisher.edit(edit(1, cell("name", "Ada L", "Ada"))).result(10)
    with Running(settings, leads()):
        until(lambda: count(database, ANSWERS) == 1, "the good edit's answer")
    reasons = sorted(_reason(message) for message in _read(settings, DEAD_LETTERS, 3))
    assert reasons[0] == "starts with byte 110, not with 0: not in the registry's wire format"
    assert reasons[1:] == ["the message is empty", "there is no binding 'nobody' in the bindings file"]
    producer.close()


def test_a_stale_observation_has_the_owner_look_again(settings: Settings, publisher: Publisher, database: Connection) -> None:
    now = now_ms()
    publisher.edit(edit(1, cell("name", "newer", "Ada"), read_ms=now)).result(10)
    publisher.edit(edit(1, cell("name", "older", "Ada"), read_ms=now - 500)).result(10)
    with Running(settings, leads()):
        poke = _read(settings, SIGNALS, 1)[0]
    assert poke.key() == b"spreadsheet-id"
    assert count(database, ANSWERS) == 1


def test_the_registry_s_outage_is_waited_for_and_said(
    settings: Settings, publisher: Publisher, database: Connection, registry: RegistryServer
) -> None:
    publisher.edit(edit(1, cell("name", "Ada L", "Ada"))).result(10)
    registry.fault = (503, {})
    with Running(settings, leads()) as running:
        until(lambda: any("registry" in reason for reason in running.sink.readiness().reasons), "not ready")
        registry.fault = None
        until(lambda: count(database, ANSWERS) == 1, "the answer")
        until(lambda: running.sink.readiness().ready, "ready")


def test_the_database_s_restart_is_waited_for_and_nothing_is_lost(bootstrap_servers: str, registry: RegistryServer) -> None:
    with Server() as server:
        settings = Settings(database_url=server.url(), bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url)
        publisher = Publisher(settings)
        publisher._producer.list_topics(EDITS)
        with Running(settings, leads()) as running:
            until(lambda: running.sink.readiness().ready, "ready")
            server.stop()
            publisher.edit(edit(1, cell("name", "Ada L", "Ada"))).result(10)
            until(lambda: not running.sink.readiness().ready, "not ready")
            server.start()
            until(lambda: running.sink._source.joined and running.sink._patience.outage is None, "back")
            with connect(server.url(), "application", autocommit=True) as database:
                database.execute(LEADS.encode())
                until(lambda: count(database, ANSWERS) == 1, "the answer")
        publisher.close()


def test_five_hundred_pasted_cells_take_few_transactions(
    settings: Settings, publisher: Publisher, database: Connection
) -> None:
    database.execute("INSERT INTO leads (lead_id, name) SELECT n, 'old' FROM generate_series(1000, 1499) n")
    futures = [publisher.edit(edit(n, cell("name", f"new {n}", "old"))) for n in range(1000, 1500)]
    for future in futures:
        future.result(10)
    with Running(settings, leads()):
        until(lambda: count(database, ANSWERS) == 500, "500 answers")
    assert count(database, "SELECT count(*) FROM leads WHERE name LIKE 'new %'") == 500
    assert count(database, "SELECT count(DISTINCT xid) FROM tabstream.edit_result") < 20


def test_a_binding_that_comes_to_the_file_is_served_without_a_restart(
    settings: Settings, publisher: Publisher, database: Connection
) -> None:
    database.execute("CREATE TABLE orders (lead_id int PRIMARY KEY, name text); INSERT INTO orders VALUES (1, 'Ada')")
    orders = replace(leads(), name="orders", table="orders", tab="Orders")
    with Running(settings, leads()) as running:
        until(lambda: running.sink.readiness().ready, "ready")
        running.bind(leads(), orders)
        until(lambda: running.sink._tables.bindings.named("orders") is not None, "the new binding")
        publisher.edit(edit(1, cell("name", "Ada L", "Ada"), binding="orders")).result(10)
        publisher.edit(edit(2, cell("name", "Robert", "Bob"))).result(10)
        until(lambda: count(database, ANSWERS) == 2, "two answers")
    assert count(database, "SELECT count(*) FROM orders WHERE name = 'Ada L'") == 1


def test_an_edit_that_waits_for_its_table_waits_on_while_its_binding_is_out_of_the_file(
    settings: Settings, publisher: Publisher, database: Connection
) -> None:
    orders = replace(leads(), name="orders", table="orders", tab="Orders")
    with Running(settings, leads()) as running:
        running.bind(leads(), orders)
        until(lambda: running.sink._tables.bindings.named("orders") is not None, "the new binding")
        publisher.edit(edit(1, cell("name", "Ada L", "Ada"), binding="orders")).result(10)
        until(lambda: any("orders" in reason for reason in running.sink.readiness().reasons), "its problem is told")
        running.bind(leads())
        until(lambda: running.sink.readiness().ready, "a binding that is not in the file is nobody's problem")
        database.execute("CREATE TABLE orders (lead_id int PRIMARY KEY, name text); INSERT INTO orders VALUES (1, 'Ada')")
        publisher.edit(edit(2, cell("name", "Robert", "Bob"))).result(10)
        until(lambda: count(database, ANSWERS) == 1, "the answer of the other binding")
        running.bind(leads(), orders)
        until(lambda: count(database, "SELECT count(*) FROM orders WHERE name = 'Ada L'") == 1, "the edit in the table")


def test_a_wrong_bindings_file_is_a_warning_and_changes_nothing(
    settings: Settings, publisher: Publisher, database: Connection
) -> None:
    with Running(settings, leads()) as running:
        running.bind(replace(leads(), name="no name"))
        until(lambda: bool(running.sink.readiness().warnings), "the warning")
        assert "'no name' is not a binding's name" in running.sink.readiness().warnings[0]
        publisher.edit(edit(1, cell("name", "Ada L", "Ada"))).result(10)
        until(lambda: count(database, ANSWERS) == 1, "an answer")
        until(lambda: running.sink.readiness().ready, "ready")


def _reset_group(settings: Settings) -> None:
    """As a member of the group: the mock broker takes no commit from outside it, and wants all members alike."""
    consumer = clients.consumer(settings, "tabstream.database-sink", session_timeout_ms=clients.QUICK_SESSION_MS)
    consumer.subscribe([EDITS])
    partitions = consumer.list_topics(EDITS).topics[EDITS].partitions
    until(lambda: consumer.poll(0.1) is None and len(consumer.assignment()) == len(partitions), "all partitions")
    consumer.commit(offsets=[TopicPartition(EDITS, p, 0) for p in partitions], asynchronous=False)
    consumer.close()


def _read(settings: Settings, topic: str, messages: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[Message] = []
    until(lambda: _take(consumer, found) >= messages, f"{messages} messages in {topic}")
    consumer.close()
    return found


def _reason(message: Message) -> str:
    found = dict(message.headers() or [])["tabstream.reason"]
    return found.decode() if isinstance(found, bytes) else str(found)


def _take(consumer: Consumer, found: list[Message]) -> int:
    message = consumer.poll(0.1)
    if message is not None and message.error() is None:
        found.append(message)
    return len(found)
