"""What is shown of a topic, on librdkafka's mock cluster."""

import itertools
import json
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from tabstream.config import Settings
from tabstream.core.places import Beginning, Offset
from tabstream.errors import OperatorError
from tabstream.operations.tailing import Wanted, tail

_numbers = itertools.count()


@pytest.fixture
def settings(bootstrap_servers: str) -> Settings:
    return Settings(bootstrap_servers=bootstrap_servers)


@pytest.fixture
def wanted(bootstrap_servers: str) -> Wanted:
    """A topic of 300 messages with the keys 0 to 9, in turn in two partitions; its newest ten are wanted."""
    topic = f"tail-{next(_numbers)}"
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for n in range(300):
        producer.produce(topic, json.dumps({"n": n}), f"leads/[{n % 10}]", n % 2, timestamp=1_000 + n)
    assert producer.flush(10) == 0
    return Wanted(topic, None, 10, follow=False)


def numbers(settings: Settings, wanted: Wanted) -> list[int]:
    return [tailed.message.value["n"] for tailed in tail(settings, wanted)]


def test_the_last_messages_of_all_partitions_come_in_their_order(settings: Settings, wanted: Wanted) -> None:
    assert numbers(settings, wanted) == list(range(290, 300))


def test_the_last_messages_of_a_key_are_found_however_far_back(settings: Settings, wanted: Wanted) -> None:
    assert numbers(settings, replace(wanted, key="7", limit=20)) == [n for n in range(100, 300) if n % 10 == 7]
    assert numbers(settings, replace(wanted, key="leads/[7]", limit=1)) == [297]
    assert numbers(settings, replace(wanted, key="77")) == []


def test_messages_are_shown_from_a_place_on_up_to_a_limit(settings: Settings, wanted: Wanted) -> None:
    assert numbers(settings, replace(wanted, place=Beginning(), limit=3)) == [0, 1, 2]
    assert numbers(settings, replace(wanted, place=Offset(148, 1), limit=None)) == [297, 299]
    with pytest.raises(OperatorError, match="has no offset 151"):
        numbers(settings, replace(wanted, place=Offset(151, 1)))


def test_following_goes_on_after_the_last_ones(settings: Settings, wanted: Wanted) -> None:
    tailed = tail(settings, replace(wanted, limit=2, follow=True))
    assert [next(tailed).message.value["n"] for _ in range(2)] == [298, 299]
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    producer.produce(wanted.topic, json.dumps({"n": 300}), "leads/[0]", 0)
    producer.flush(10)
    assert next(tailed).message.value["n"] == 300
