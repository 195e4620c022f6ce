"""Single messages of a topic are read again from wherever they are."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer

from consumers.sheet_sink.feed import fetch

TOPIC = "db.public.leads"
COUNT = 120


@pytest.fixture(scope="module")
def bootstrap_servers() -> Iterator[str]:
    host = Producer({"test.mock.num.brokers": 1})
    broker = next(iter(host.list_topics(timeout=10).brokers.values()))
    address = f"{broker.host}:{broker.port}"
    host.list_topics(TOPIC, timeout=10)
    producer = Producer({"bootstrap.servers": address})
    for number in range(COUNT):
        producer.produce(TOPIC, key=str(number), value=f"value {number}", partition=0)
    assert producer.flush(10) == 0
    yield address
    host.close()


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ([0], [0]),
        ([88], [88]),
        ([COUNT - 1], [COUNT - 1]),
        ([5, 6, 90], [5, 6, 90]),
        ([90, 5], [5, 90]),
        ([3, COUNT + 10], [3]),
        ([], []),
    ],
)
def test_the_wanted_messages_are_found_and_no_others(bootstrap_servers: str, offsets: list[int], expected: list[int]) -> None:
    def consumer() -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "again",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
            }
        )

    found = fetch(consumer, TOPIC, {(0, offset): None for offset in offsets})
    assert [message.offset for message in found] == expected
