"""Dead letters on librdkafka's mock cluster: found, read as far as they can be, and written to their topic again."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tabstream.config import Settings
from tabstream.core.places import Offset
from tabstream.core.telling import Undecodable
from tabstream.errors import OperatorError
from tabstream.kafka import own_schemas
from tabstream.kafka.avro import Encoder
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.reader import Record, TopicReader
from tabstream.kafka.topics import EDITS, SIGNALS
from tabstream.operations.dead_letters import DeadLetter, find_letters, list_letters, read_letter, replay
from tests.kafka.registry_server import RegistryServer
from tests.operations.test_topics import SIGNAL


@dataclass
class Message:
    """A message as it was received."""

    name: str
    raw: bytes | None

    def topic(self) -> str:
        return self.name

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 120

    def key(self) -> bytes:
        return b"leads/[17]"

    def value(self) -> bytes | None:
        return self.raw

    def headers(self) -> list[tuple[str, bytes]]:
        return [("trace", b"t1")]


@pytest.fixture
def settings(bootstrap_servers: str, registry: RegistryServer) -> Settings:
    return Settings(bootstrap_servers=bootstrap_servers, schema_registry_url=registry.url)


@pytest.fixture
def publisher(settings: Settings) -> Iterator[Publisher]:
    publisher = Publisher(settings)
    yield publisher
    publisher.close()


def place(letter: DeadLetter) -> Offset:
    return Offset(letter.record.offset, letter.record.partition)


def everything(settings: Settings, topic: str) -> list[Record]:
    with TopicReader(settings) as reader:
        return list(reader.read(topic, {partition: has.first for partition, has in reader.bounds(topic).items()}))


def send(publisher: Publisher, settings: Settings, topic: str, raw: bytes | None, reason: str) -> DeadLetter:
    publisher.dead_letter(Message(topic, raw), reason).result(10)
    return list_letters(settings, 1).shown[0]


def test_a_letter_is_listed_with_its_origin_and_its_reason(publisher: Publisher, settings: Settings) -> None:
    before = list_letters(settings, 1).count
    letter = send(publisher, settings, EDITS, b"junk", "5 bytes are too short")
    assert (letter.origin.place, letter.origin.reason, letter.record.value) == (
        f"{EDITS} 3/120",
        "5 bytes are too short",
        b"junk",
    )
    found = list_letters(settings, 1)
    assert (found.count, len(found.shown)) == (before + 1, 1)
    assert find_letters(settings, [place(letter)]) == [letter]


def test_a_letter_that_can_be_read_by_now_is_read(publisher: Publisher, settings: Settings) -> None:
    encoded = Encoder(settings.registry, "s", own_schemas.load("signal")).encode(SIGNAL)
    message = read_letter(settings, send(publisher, settings, SIGNALS, encoded, "no such schema"))
    assert (message.key, message.value) == ("leads/[17]", SIGNAL)
    unread = read_letter(settings, send(publisher, settings, SIGNALS, b"\0\xff", "too short"))
    assert unread.value == Undecodable("00ff", "2 bytes are too short for a schema id")


def test_without_a_registry_a_letter_is_shown_as_it_is(
    publisher: Publisher, settings: Settings, registry: RegistryServer
) -> None:
    letter = send(publisher, settings, SIGNALS, b"\0\0\0\0\7x", "no such schema")
    registry.fault = (503, {})
    value = read_letter(settings, letter).value
    assert isinstance(value, Undecodable)
    assert value.hex == "000000000778"


def test_an_edit_is_replayed_as_it_was_received(publisher: Publisher, settings: Settings) -> None:
    before = len(everything(settings, EDITS))
    letter = send(publisher, settings, EDITS, b"an edit", "registry was wrong")
    assert replay(settings, [place(letter), place(letter)]) == [letter, letter]
    again = [record for record in everything(settings, EDITS) if record.value == b"an edit"]
    assert len(everything(settings, EDITS)) == before + 2
    assert {(record.key, record.headers) for record in again} == {(b"leads/[17]", (("trace", b"t1"),))}


def test_nothing_is_replayed_if_one_may_not_be(publisher: Publisher, settings: Settings) -> None:
    edit = send(publisher, settings, EDITS, b"an edit", "r")
    change = send(publisher, settings, "db.public.leads", b"a change", "r")
    before = len(everything(settings, EDITS))
    with pytest.raises(OperatorError, match="which only Debezium writes"):
        replay(settings, [place(edit), place(change)])
    with pytest.raises(OperatorError, match="has no offset 99999"):
        replay(settings, [place(edit), Offset(99_999, edit.record.partition)])
    assert len(everything(settings, EDITS)) == before
