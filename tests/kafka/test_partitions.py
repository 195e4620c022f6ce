"""The owner of a spreadsheet and the clients that send signals to it agree on the partition."""

import pytest
from confluent_kafka import KafkaError, Message

from tabstream.config import Settings
from tabstream.kafka import clients
from tabstream.kafka.partitions import murmur2, partition_for


# The expected values are those of Kafka's own test, UtilsTest.testMurmur2 (signed there).
@pytest.mark.parametrize(
    ("data", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_that_of_the_java_client(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed % 2**32


def test_our_producer_uses_the_same_partitions(bootstrap_servers: str) -> None:
    settings = Settings(bootstrap_servers=bootstrap_servers)
    keys = [f"spreadsheet-{n}".encode() for n in range(50)] + ['zeile/["ä"]'.encode()]
    got: dict[bytes, int] = {}

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None
        got[message.key() or b""] = message.partition() or 0

    producer = clients.producer(settings)
    partitions = len(producer.list_topics("signals", timeout=10).topics["signals"].partitions)
    for key in keys:
        producer.produce("signals", key=key, value=b"", on_delivery=delivered)
    assert producer.flush(10) == 0
    assert partitions > 1
    assert got == {key: partition_for(key, partitions) for key in keys}
