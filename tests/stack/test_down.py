"""`tabstream local down` ends everything and keeps the data; a broker that dies takes nobody with it."""

import os
import signal

from confluent_kafka import Message, Producer

from tests.stack.local_stack import LocalStack, until
from tests.stack.topics import messages


def test_data_is_found_again_after_down_and_up(stack: LocalStack) -> None:
    with stack.database() as database:
        database.execute("CREATE TABLE kept AS SELECT 'a row' AS text")
    before = stack.env()
    producer = Producer({"bootstrap.servers": before["bootstrap_servers"]})
    producer.produce("tabstream.dead-letters", b"a message", on_delivery=lambda error, message: None)
    assert producer.flush(20) == 0
    running = stack.processes()
    assert len(running) > len(before["pids"])

    assert stack.local("down").returncode == 0
    assert [process for process in running if process.is_running()] == []
    assert stack.leftovers() == []
    assert stack.local("status").returncode == 1

    stack.up()
    after = stack.env()
    assert {**after, "pids": {}} == {**before, "pids": {}}
    assert set(after["pids"].values()).isdisjoint(before["pids"].values())
    with stack.database() as database:
        assert database.execute("SELECT text FROM kept").fetchone() == ("a row",)
        database.execute("DROP TABLE kept")
    assert messages(stack, "tabstream.dead-letters", lambda found: any(_is(m, b"a message") for m in found))


def test_a_broker_that_is_killed_comes_back_and_the_others_find_it(stack: LocalStack) -> None:
    before = stack.services()
    os.kill(before["kafka"]["pid"], signal.SIGKILL)
    until(lambda: stack.services()["kafka"]["restarts"] == before["kafka"]["restarts"] + 1, "kafka is started again")
    until(lambda: stack.services()["kafka"]["condition"] == "ready", "kafka is ready again")
    producer = Producer({"bootstrap.servers": stack.env()["bootstrap_servers"]})
    refused: list[object] = []
    producer.produce("tabstream.dead-letters", b"after the kill", on_delivery=lambda error, _: refused.append(error))
    assert producer.flush(30) == 0
    assert refused == [None]
    found = messages(stack, "tabstream.dead-letters", lambda found: any(_is(m, b"after the kill") for m in found))
    assert found
    now = stack.services()
    assert {name: now[name]["restarts"] for name in now if name != "kafka"} == {
        name: before[name]["restarts"] for name in before if name != "kafka"
    }


def _is(message: Message, text: bytes) -> bool:
    return message.value() == text
