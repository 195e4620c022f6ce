"""A topic folded by key, on librdkafka's mock cluster."""

import itertools

import pytest
from confluent_kafka import Producer

from tabstream.config import Settings
from tabstream.errors import OperatorError
from tabstream.kafka.folding import Folder
from tabstream.kafka.reader import BrokerAway

_numbers = itertools.count()


def write(bootstrap_servers: str, topic: str, *messages: tuple[int, str | None, str | None]) -> None:
    """(partition, key, value) of each."""
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for partition, key, value in messages:
        producer.produce(topic, value, key, partition)
    assert producer.flush(10) == 0


@pytest.fixture
def topic(bootstrap_servers: str) -> str:
    name = f"fold-{next(_numbers)}"
    write(bootstrap_servers, name, (0, "a", "1"), (1, "b", "1"), (0, "a", "2"), (1, "c", "1"), (1, "c", None), (0, None, "x"))
    return name


def test_of_each_key_the_newest_message_stays(bootstrap_servers: str, topic: str) -> None:
    told: list[tuple[int, int]] = []
    fold = Folder(Settings(bootstrap_servers=bootstrap_servers), topic).advance(lambda done, total: told.append((done, total)))
    assert fold.newest == {b"a": (b"2", 0, 1), b"b": (b"1", 1, 0), b"c": (None, 1, 2)}
    assert {p: offset for p, offset in fold.following.items() if offset} == {0: 3, 1: 3}
    assert fold.messages == 6
    assert told[-1] == (6, 6)


def test_it_goes_on_from_where_it_was(bootstrap_servers: str, topic: str) -> None:
    folder = Folder(Settings(bootstrap_servers=bootstrap_servers), topic)
    folder.advance(lambda done, total: None)
    write(bootstrap_servers, topic, (0, "a", "3"), (1, "d", "1"))
    told: list[tuple[int, int]] = []
    fold = folder.advance(lambda done, total: told.append((done, total)))
    assert (fold.newest[b"a"], fold.newest[b"d"], fold.messages) == ((b"3", 0, 3), (b"1", 1, 3), 8)
    assert told[-1] == (2, 2)


def test_a_topic_that_is_not_there_is_told_bad(bootstrap_servers: str) -> None:
    with pytest.raises(OperatorError, match="no topic"):
        Folder(Settings(bootstrap_servers=bootstrap_servers), "nowhere").advance(lambda done, total: None)


def test_a_broker_that_is_away_is_told_in_time_bad() -> None:
    with pytest.raises(BrokerAway, match="no answer"):
        Folder(Settings(bootstrap_servers="127.0.0.1:1"), "t", 0.5).advance(lambda done, total: None)
