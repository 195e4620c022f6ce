"""A message that can't be read is told from a registry that can't be asked."""

import io
from collections.abc import Iterator

import fastavro
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as checks
from hypothesis import strategies as st

from tabstream.kafka.avro import Decoder, Encoder, UndecodableMessage
from tabstream.kafka.registry import RegistryUnavailable, SchemaRefused
from tests.kafka.registry_server import RegistryServer

POINT = {"type": "record", "name": "Point", "fields": [{"name": "x", "type": "long"}, {"name": "t", "type": "string"}]}


@pytest.fixture
def message(registry: RegistryServer) -> Iterator[bytes]:
    yield Encoder(registry.url, "points-value", POINT).encode({"x": 3, "t": "ä"})


def test_a_record_reads_back_equal(registry: RegistryServer, message: bytes) -> None:
    assert Decoder(registry.url).decode(message) == {"x": 3, "t": "ä"}


def test_a_schema_is_registered_once_with_its_rule(registry: RegistryServer) -> None:
    encoder = Encoder(registry.url, "points-value", POINT)
    encoder.encode({"x": 1, "t": ""})
    asked = len(registry.requests)
    encoder.encode({"x": 2, "t": ""})
    assert len(registry.requests) == asked
    assert registry.compatibility == {"points-value": "FULL_TRANSITIVE"}


def test_a_schema_is_fetched_once(registry: RegistryServer, message: bytes) -> None:
    decoder = Decoder(registry.url)
    decoder.decode(message)
    registry.fault = (500, {})
    assert decoder.decode(message) == {"x": 3, "t": "ä"}


def test_a_reader_schema_fills_what_an_older_writer_did_not_know(registry: RegistryServer, message: bytes) -> None:
    newer = {**POINT, "fields": [*POINT["fields"], {"name": "y", "type": ["null", "long"], "default": None}]}  # type: ignore[misc]
    assert Decoder(registry.url, newer).decode(message) == {"x": 3, "t": "ä", "y": None}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda raw: b"", "0 bytes are too short"),
        (lambda raw: raw[:4], "4 bytes are too short"),
        (lambda raw: b"{" + raw[1:], "starts with byte 123"),
        (lambda raw: raw[:-1], "not a datum of its schema"),
        (lambda raw: raw[:-1] + b"\xff", "not a datum of its schema"),
        (lambda raw: raw + b"\x00", "1 bytes are left over"),
        (lambda raw: raw[:1] + b"\x00\x00\x00\x63" + raw[5:], "no schema with id 99"),
    ],
)
def test_poison_is_named_bad(registry: RegistryServer, message: bytes, spoil: object, reason: str) -> None:
    assert callable(spoil)
    with pytest.raises(UndecodableMessage) as raised:
        Decoder(registry.url).decode(spoil(message))
    assert reason in raised.value.reason


def test_a_schema_that_is_none_is_poison_bad(registry: RegistryServer) -> None:
    schema_id = registry.add("broken-value", {"type": "no such type"})
    with pytest.raises(UndecodableMessage, match="is not valid"):
        Decoder(registry.url).decode(b"\x00" + schema_id.to_bytes(4) + b"\x02")


@pytest.mark.parametrize(
    "fault",
    [
        (500, {"error_code": 50001, "message": "store"}),
        (503, {}),
        (429, {"error_code": 429, "message": "slow down"}),
        (401, {"error_code": 401, "message": "who are you"}),
        (404, {"detail": "a proxy that does not know the path"}),
        (404, "not the registry at all"),
    ],
)
def test_a_registry_without_a_definite_answer_is_an_outage_bad(
    registry: RegistryServer, message: bytes, fault: tuple[int, object]
) -> None:
    registry.fault = fault
    decoder = Decoder(registry.url)
    with pytest.raises(RegistryUnavailable):
        decoder.decode(message)
    registry.fault = None
    assert decoder.decode(message) == {"x": 3, "t": "ä"}


def test_a_registry_that_has_lost_everything_is_an_outage_bad(registry: RegistryServer) -> None:
    with pytest.raises(RegistryUnavailable, match="is empty, but messages use its schema 7"):
        Decoder(registry.url).decode(b"\x00\x00\x00\x00\x07\x02")


def test_a_registry_that_is_down_is_an_outage_bad(registry: RegistryServer, message: bytes) -> None:
    registry.stop()
    with pytest.raises(RegistryUnavailable, match="gives no answer"):
        Decoder(registry.url).decode(message)
    with pytest.raises(RegistryUnavailable):
        Encoder(registry.url, "points-value", POINT).encode({"x": 3, "t": ""})


def test_a_refused_schema_is_not_an_outage_bad(registry: RegistryServer) -> None:
    registry.refuse = True
    with pytest.raises(SchemaRefused, match="points-value"):
        Encoder(registry.url, "points-value", POINT).encode({"x": 3, "t": ""})


@pytest.mark.parametrize("record", [{"x": 1}, {"x": "one", "t": ""}, {"x": 1, "t": "", "z": 1}, {"x": 2**70, "t": ""}])
def test_a_record_of_another_shape_is_refused_bad(registry: RegistryServer, record: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"points-value"):
        Encoder(registry.url, "points-value", POINT).encode(record)


@given(body=st.binary(max_size=200))
@checks(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_bytes_are_read_or_named_poison(registry: RegistryServer, body: bytes) -> None:
    decoder = Decoder(registry.url)
    raw = b"\x00" + registry.add("points-value", POINT).to_bytes(4) + body
    try:
        datum = decoder.decode(raw)
    except UndecodableMessage:
        return
    again = io.BytesIO()
    fastavro.schemaless_writer(again, fastavro.parse_schema(POINT), datum)
    assert fastavro.schemaless_reader(io.BytesIO(again.getvalue()), POINT) == datum
