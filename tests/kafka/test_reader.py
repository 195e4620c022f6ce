"""Reading topics for an operator, on librdkafka's mock cluster."""

import itertools

import pytest
from confluent_kafka import Producer

from tabstream.config import Settings
from tabstream.core.places import Bounds
from tabstream.errors import OperatorError
from tabstream.kafka.reader import BrokerAway, Record, TopicReader, in_time_order

_numbers = itertools.count()


@pytest.fixture
def topic(bootstrap_servers: str) -> str:
    """A topic with six messages: a, b, c in partition 0, and d, e, f in partition 1, at times 10, 20 ... of each other."""
    name = f"read-{next(_numbers)}"
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for at, (partition, value) in enumerate([(0, "a"), (1, "d"), (0, "b"), (0, "c"), (1, "e"), (1, "f")], 1):
        producer.produce(name, value, "k", partition, timestamp=at * 10, headers={"h": b"1"})
    assert producer.flush(10) == 0
    return name


@pytest.fixture
def reader(bootstrap_servers: str) -> TopicReader:
    return TopicReader(Settings(bootstrap_servers=bootstrap_servers))


def test_a_topic_is_read_from_anywhere_to_its_end_in_the_order_of_time(reader: TopicReader, topic: str) -> None:
    with reader:
        bounds = {p: b for p, b in reader.bounds(topic).items() if b.following}
        assert bounds == {0: Bounds(0, 3), 1: Bounds(0, 3)}
        records = list(reader.read(topic, {0: 0, 1: 0}))
        assert [r.value for r in records] == [b"a", b"d", b"b", b"c", b"e", b"f"]
        assert records[1] == Record(topic, 1, 0, 20, b"k", b"d", (("h", b"1"),))
        assert records[1].header("h") == "1"
        assert records[1].header("x") is None
        assert [r.value for r in reader.read(topic, {1: 2})] == [b"f"]
        assert list(reader.read(topic, {1: 3})) == []


def test_reading_goes_on_as_messages_come(reader: TopicReader, topic: str, bootstrap_servers: str) -> None:
    with reader:
        records = reader.read(topic, {0: 2}, follow=True)
        assert next(records).value == b"c"
        producer = Producer({"bootstrap.servers": bootstrap_servers})
        producer.produce(topic, "later", partition=0)
        producer.flush(10)
        assert next(records).value == b"later"
        records.close()


def test_a_topic_that_is_not_there_names_those_that_are(reader: TopicReader, topic: str) -> None:
    with reader, pytest.raises(OperatorError, match="there is no topic 'nowhere'") as caught:
        reader.bounds("nowhere")
    assert topic in caught.value.remedy


def test_a_broker_that_is_away_is_told_in_time() -> None:
    with TopicReader(Settings(bootstrap_servers="127.0.0.1:1"), 0.5) as reader, pytest.raises(BrokerAway, match="no answer"):
        reader.topics()


def record(partition: int, at_ms: int) -> Record:
    return Record("t", partition, 0, at_ms, None, None)


def test_records_wait_for_older_ones_of_other_partitions_but_not_for_those_that_have_ended() -> None:
    arrivals: list[Record | int] = [record(0, 5), record(0, 6), record(1, 4), 1, record(0, 7), 0, record(1, 1)]
    told = [(r.partition, r.at_ms) for r in in_time_order(arrivals, [0, 1])]
    assert told == [(1, 4), (0, 5), (0, 6), (0, 7), (1, 1)]
