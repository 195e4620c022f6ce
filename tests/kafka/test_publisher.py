"""What is published is acknowledged, decodable and in its partition; what is not is said so."""

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from tabstream.config import Settings
from tabstream.core.edits import Edit, EditKind, How, SeenCell, edit_from_record
from tabstream.kafka import clients, own_schemas
from tabstream.kafka.avro import Decoder
from tabstream.kafka.messages import Signal, SignalKind, State, Status, signal_from_record, status_from_record
from tabstream.kafka.partitions import partition_for
from tabstream.kafka.publisher import BrokerUnavailable, MessageTooLarge, Publisher, TopicsMissing
from tabstream.kafka.registry import RegistryUnavailable
from tabstream.kafka.topics import DEAD_LETTERS, EDITS, SIGNALS, STATUS
from tests.kafka.registry_server import RegistryServer

EDIT = Edit(
    binding="leads",
    row_key='["ä",3]',
    kind=EditKind.CELLS,
    read_begin_ms=1_700_000_000_000,
    read_end_ms=1_700_000_000_500,
    how=How.TRIGGER,
    source_id="9f",
    zone="Europe/Berlin",
    partition=0,
    offset=12,
    cells=(
        SeenCell("name", "Ada", "Ada", "aaaaaaaa", 3),
        SeenCell("amount", 1.0, "1.00", "aaaaaaaa"),
        SeenCell("active", True, "TRUE", "aaaaaaaa"),
        SeenCell("notes", None, "", "aaaaaaaa"),
    ),
)
SIGNAL = Signal("s1", "1AbC", SignalKind.POKE, 1_700_000_000_000, sheet_id=0, start_row=4, end_row=5)
STATUS_OF_LEADS = Status("leads", "1AbC", "sink-1", 7, State.PAUSED, 1_700_000_000_000, problem="no tab", rows=3)


@pytest.fixture
def settings(bootstrap_servers: str, registry: RegistryServer) -> Settings:
    return Settings(bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url)


@pytest.fixture
def publisher(settings: Settings) -> Iterator[Publisher]:
    publisher = Publisher(settings)
    yield publisher
    assert publisher.close() == 0


@pytest.fixture
def reader(settings: Settings) -> Iterator[Consumer]:
    reader = clients.consumer(settings, "reader")
    yield reader
    reader.close()


def last_message(reader: Consumer, topic: str, key: bytes) -> Message:
    """The topic's newest message, which must be in its key's partition."""
    count = len(reader.list_topics(topic, timeout=10).topics[topic].partitions)
    partition = TopicPartition(topic, partition_for(key, count))
    _, end = reader.get_watermark_offsets(partition, timeout=10)
    reader.assign([TopicPartition(topic, partition.partition, end - 1)])
    message = reader.poll(10)
    assert message is not None
    assert message.error() is None
    assert message.key() == key
    return message


def decoded(settings: Settings, message: Message, name: str) -> Any:
    raw = message.value()
    assert raw is not None
    return Decoder(settings.registry, own_schemas.load(name)).decode(raw)


def test_an_edit_reads_back_equal(settings: Settings, publisher: Publisher, reader: Consumer) -> None:
    publisher.edit(EDIT).result(10)
    message = last_message(reader, EDITS, 'leads/["ä",3]'.encode())
    assert edit_from_record(decoded(settings, message, "edit")) == EDIT


def test_a_signal_reads_back_equal(settings: Settings, publisher: Publisher, reader: Consumer) -> None:
    publisher.signal(SIGNAL).result(10)
    assert signal_from_record(decoded(settings, last_message(reader, SIGNALS, b"1AbC"), "signal")) == SIGNAL


def test_a_status_reads_back_equal(settings: Settings, publisher: Publisher, reader: Consumer) -> None:
    publisher.status(STATUS_OF_LEADS).result(10)
    assert status_from_record(decoded(settings, last_message(reader, STATUS, b"leads"), "status")) == STATUS_OF_LEADS


def test_a_dead_letter_is_as_it_was_received(settings: Settings, publisher: Publisher, reader: Consumer) -> None:
    source = clients.producer(settings)
    source.produce("somewhere", b"\xff\x00", b"k", headers=[("mine", b"1")])
    assert source.flush(10) == 0
    received = last_message(reader, "somewhere", b"k")
    publisher.dead_letter(received, "not a datum").result(10)
    letter = last_message(reader, DEAD_LETTERS, b"k")
    headers = dict(letter.headers() or [])
    assert letter.value() == b"\xff\x00"
    assert headers.pop("tabstream.at_ms").isdigit()  # type: ignore[union-attr]
    assert headers == {
        "mine": b"1",
        "tabstream.topic": b"somewhere",
        "tabstream.partition": str(received.partition()).encode(),
        "tabstream.offset": b"0",
        "tabstream.reason": b"not a datum",
    }


def test_a_broker_that_does_not_answer_is_an_outage_bad(registry: RegistryServer) -> None:
    settings = Settings(bootstrap_servers="127.0.0.1:1", schema_registry_url=registry.url)
    publisher = Publisher(settings, delivery_timeout_ms=200)
    with pytest.raises(BrokerUnavailable):
        publisher.reachable(0.2)
    with pytest.raises(BrokerUnavailable):
        publisher.signal(SIGNAL).result(10)
    assert publisher.close() == 0


def test_topics_that_are_not_there_yet_are_an_outage_and_not_created_bad(registry: RegistryServer) -> None:
    host = Producer({"test.mock.num.brokers": 1})
    broker = next(iter(host.list_topics(timeout=10).brokers.values()))
    settings = Settings(bootstrap_servers=f"{broker.host}:{broker.port}", schema_registry_url=registry.url)
    publisher = Publisher(settings)
    for _ in range(2):
        with pytest.raises(TopicsMissing, match=r"does not have the topics .*tabstream\.edits"):
            publisher.reachable(5)
    publisher.close()
    host.close()


def test_a_registry_that_does_not_answer_is_an_outage_bad(publisher: Publisher, registry: RegistryServer) -> None:
    registry.fault = (503, {})
    with pytest.raises(RegistryUnavailable):
        publisher.signal(SIGNAL)
    registry.fault = None
    publisher.signal(SIGNAL).result(10)


def test_a_message_over_the_limit_is_poison_bad(settings: Settings) -> None:
    publisher = Publisher(settings, message_max_bytes=2000)
    with pytest.raises(MessageTooLarge):
        publisher.signal(Signal("s", "1AbC", SignalKind.POKE, 0, argument="x" * 3000))
    publisher.close()


def test_every_field_of_ours_is_in_its_schema() -> None:
    for name, record in (("edit", EDIT), ("signal", SIGNAL), ("status", STATUS_OF_LEADS)):
        fields = {field["name"] for field in own_schemas.load(name)["fields"]}
        assert fields == set(record.to_record()), name
