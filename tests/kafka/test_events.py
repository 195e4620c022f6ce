"""Every form of a change is read into the same row; what would lose something is refused by name."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tabstream.core.binding import TableShape
from tabstream.core.changes import desired_of
from tabstream.errors import FormRefused, UnknownForm
from tabstream.kafka.avro import UndecodableMessage
from tabstream.kafka.events import Events
from tabstream.kafka.registry import RegistryUnavailable
from tabstream.kafka.wire import framed, may_delete, schema_mark, unframed
from tests.core.tabs import column
from tests.kafka import forms
from tests.kafka.forms import AVRO_ROW, JSON_ROW, KEY, PLAIN_ROW, SOURCE, TOPIC, Avro, envelope, plain, with_schema
from tests.kafka.registry_server import RegistryServer

SHAPE = TableShape(
    (
        column("id", "bigint", False),
        column("name", "text"),
        column("paid", "numeric(10,2)"),
        column("at", "timestamp without time zone"),
        column("due", "date"),
    ),
    ("id",),
)
VALUES = {"id": 7.0, "name": "Ä", "paid": 123.45, "at": "2023-11-14 22:13:20.123456", "due": 45244.0}
META = {"__op": "u", "__lsn": 100, "__source_txId": 5, "__source_ts_ms": SOURCE["ts_ms"]}
CONNECT = "org.apache.kafka.connect.data"

Written = tuple[bytes, bytes]


@pytest.fixture
def events(registry: RegistryServer) -> Events:
    return Events(f"{registry.url}/apis/ccompat/v7")


def confluent(number: int) -> bytes:
    return b"\0" + number.to_bytes(4)


def apicurio(number: int) -> bytes:
    return b"\0" + number.to_bytes(8)


def in_headers(name: str, message: bytes, part: str, number_bytes: int = 8) -> bytes:
    """What the feed makes of a message whose id is in a header."""
    number, datum = message[:number_bytes], message[number_bytes:]
    made = framed(datum, [(name, number), ("other", b"x")], part)
    assert made is not None
    return made


def write(form: str, registry: RegistryServer, row: dict[str, Any] | None, deleted: bool = False) -> Written:
    """Key and value of a change in a form; `row` None is an envelope's delete."""
    key_schema = forms.avro_row("Key", ["id"])
    if form.startswith("avro"):
        prefix = {"confluent": confluent, "apicurio": apicurio}.get(form.split()[1], lambda number: number.to_bytes(8))
        avro = Avro(registry, prefix)
        if "flattened" in form:
            meta = {**META, "__deleted": str(deleted).lower()}
            value = avro.write(forms.avro_row("Value", [*AVRO_ROW, *meta]), {**AVRO_ROW, **meta})
        else:
            value = avro.write(forms.avro_envelope(), envelope(row and AVRO_ROW, "u" if row else "d"))
        key = avro.write(key_schema, KEY)
        if "header" in form:
            name = form.split()[1]
            return in_headers(f"apicurio.key.{name}", key, "key"), in_headers(f"apicurio.value.{name}", value, "value")
        return key, value
    meta = {**META, "__deleted": str(deleted).lower()} if "flattened" in form else {}
    if "schemas" in form:
        schema = forms.connect_row([*JSON_ROW, *meta]) if meta else forms.connect_envelope()
        payload = {**JSON_ROW, **meta} if meta else envelope(row and JSON_ROW, "u" if row else "d")
        return with_schema(forms.connect_row(["id"]), KEY), with_schema(schema, payload)
    return plain(KEY), plain({**PLAIN_ROW, **meta} if meta else envelope(row and PLAIN_ROW, "u" if row else "d"))


FORMS = [
    "avro confluent",
    "avro confluent flattened",
    "avro apicurio",
    "avro apicurio flattened",
    "avro globalId in a header",
    "avro contentId in a header",
    "json with schemas",
    "json with schemas flattened",
    "json",
    "json flattened",
]


@pytest.mark.parametrize("form", FORMS)
def test_a_change_is_read_from_every_form(form: str, events: Events, registry: RegistryServer) -> None:
    key, value = write(form, registry, {})
    for _ in range(2):  # the second time by what was remembered of the schema
        assert events.key(key, TOPIC, SHAPE) == "[7]"
    key, value = write(form, registry, dict(AVRO_ROW))
    for _ in range(2):
        read = desired_of("[7]", events.change(value, TOPIC, SHAPE), SHAPE, 0, 1)
        assert read.values == VALUES
        assert (read.lsn, read.tx_id, read.committed_ms) == (100, 5, SOURCE["ts_ms"])


@pytest.mark.parametrize("form", FORMS)
def test_a_delete_is_read_from_every_form(form: str, events: Events, registry: RegistryServer) -> None:
    _, value = write(form, registry, None, deleted=True)
    assert events.change(value, TOPIC, SHAPE)["after"] is None
    assert may_delete(value), "a fold that does not decode must not take it for a row"


@pytest.mark.parametrize("value", [b"null", with_schema(forms.connect_row(["id"]), None)])
def test_a_value_of_json_that_is_null_is_a_delete(events: Events, value: bytes) -> None:
    assert desired_of("[7]", events.change(value, TOPIC, SHAPE), SHAPE, 0, 1).values is None
    assert may_delete(value)


def test_rows_without_a_delete_are_folded_without_their_values(registry: RegistryServer) -> None:
    for form in FORMS:
        assert not may_delete(write(form, registry, dict(AVRO_ROW))[1]), form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (confluent(3) + b"body", confluent(4) + b"body"),
        (apicurio(3) + b"body", apicurio(4) + b"body"),
        (
            in_headers("apicurio.value.globalId", bytes(12), "value"),
            in_headers("apicurio.value.contentId", bytes(12), "value"),
        ),
        (with_schema({"type": "int64"}, 7), with_schema({"type": "int32"}, 7)),
    ],
)
def test_another_schema_is_seen_in_the_bytes_and_another_row_is_not(one: bytes, other: bytes) -> None:
    assert schema_mark(one) != schema_mark(other)
    assert schema_mark(one) == schema_mark(one[:-1] + b"8")


def test_a_flattened_row_without_added_fields_is_read(events: Events) -> None:
    read = desired_of("[7]", events.change(plain(PLAIN_ROW), TOPIC, SHAPE), SHAPE, 0, 1)
    assert read.values == VALUES
    assert (read.lsn, read.tx_id, read.of_snapshot) == (None, None, False)


@pytest.mark.parametrize(("said", "whole", "in_parts"), [("true", True, False), ("incremental", False, True)])
def test_a_row_of_a_snapshot_is_known_in_a_flattened_topic(events: Events, said: str, whole: bool, in_parts: bool) -> None:
    value = plain({**PLAIN_ROW, **META, "__op": "r", "__source_snapshot": said})
    read = desired_of("[7]", events.change(value, TOPIC, SHAPE), SHAPE, 0, 1)
    assert (read.of_snapshot, read.of_increment) == (whole, in_parts)


@pytest.mark.parametrize("key", [b"7", plain({"id": 7}), with_schema({"type": "int64"}, 7)])
def test_a_bare_key_is_that_of_the_only_key_column(events: Events, key: bytes) -> None:
    assert events.key(key, TOPIC, SHAPE) == "[7]"


@pytest.mark.parametrize("name", ["e-mail", "e_mail", "e_u002dmail"])
def test_a_column_is_found_however_its_name_is_adjusted(events: Events, name: str) -> None:
    shape = TableShape((column("id", "bigint", False), column("e-mail", "text")), ("id",))
    read = desired_of("[7]", events.change(plain({"id": 7, name: "x"}), TOPIC, shape), shape, 0, 1)
    assert read.values == {"id": 7.0, "e-mail": "x"}


@pytest.mark.parametrize(
    ("pg_type", "value", "problem", "remedy"),
    [
        ("numeric(10,2)", "MDk=", "decimal.handling.mode=precise", "decimal.handling.mode=string"),
        ("numeric", {"scale": 2, "value": "MDk="}, "decimal.handling.mode=precise", "decimal.handling.mode=string"),
        ("numeric", 1.5, "decimal.handling.mode=double", "decimal.handling.mode=string"),
        ("numeric(20,2)", 1.5, "decimal.handling.mode=double", "decimal.handling.mode=string"),
        ("date", 19_675, "its unit can't be told", "time.precision.mode=isostring"),
        ("time without time zone", 1, "its unit can't be told", "schemas.enable=true"),
        ("timestamp without time zone", 1, "its unit can't be told", "time.precision.mode=isostring"),
        ("timestamp without time zone[]", [None, 1], "its unit can't be told", "leave column 'x' out"),
        ("interval", 1, "interval.handling.mode=numeric", "interval.handling.mode=string"),
        ("bytea", "AP8=", "bytes as text", "schemas.enable=true"),
        ("bit(3)", "AP8=", "bytes as text", "schemas.enable=true"),
    ],
)
def test_json_without_a_schema_is_refused_where_a_value_can_t_be_told_bad(
    events: Events, pg_type: str, value: Any, problem: str, remedy: str
) -> None:
    shape = TableShape((column("id", "bigint", False), column("x", pg_type)), ("id",))
    for body in ({"id": 7, "x": value}, envelope({"id": 7, "x": value})):
        with pytest.raises(FormRefused) as refused:
            events.change(plain(body), TOPIC, shape)
        assert problem in refused.value.problem
        assert TOPIC in refused.value.problem
        assert remedy in refused.value.remedy


@pytest.mark.parametrize(
    ("pg_type", "value"),
    [
        ("numeric(10,2)", "12.50"),
        ("numeric", "NaN"),
        ("numeric", "NAN"),
        ("numeric", "POSITIVE_INFINITY"),
        ("numeric", "1E+100"),
        ("numeric(10,2)", 12.5),
        ("numeric", "__debezium_unavailable_value"),
        ("numeric", None),
        ("date", "2026-11-23Z"),
        ("interval", "P1D"),
        ("bit(1)", True),
        ("timestamp without time zone[]", []),
    ],
)
def test_json_without_a_schema_is_read_where_it_is_clear(events: Events, pg_type: str, value: Any) -> None:
    shape = TableShape((column("id", "bigint", False), column("x", pg_type)), ("id",))
    assert events.change(plain({"id": 7, "x": value}), TOPIC, shape)["after"]["id"] == 7


@pytest.mark.parametrize(
    ("pg_type", "kind", "value", "problem"),
    [
        (
            "timestamp without time zone",
            {"type": "int64", "name": f"{CONNECT}.Timestamp"},
            1,
            "mode=connect",
        ),
        ("time without time zone", {"type": "int32", "name": "org.apache.kafka.connect.data.Time"}, 1, "mode=connect"),
        ("timestamp without time zone", {"type": "int64", "name": "io.debezium.time.NanoTimestamp"}, 1, "mode=nanoseconds"),
        ("numeric", {"type": "double"}, 1.5, "decimal.handling.mode=double"),
        ("numeric(16,2)[]", {"type": "array", "items": {"type": "double"}}, [1.5], "decimal.handling.mode=double"),
        ("bytea", {"type": "string"}, "AP8=", "binary.handling.mode"),
        ("interval", {"type": "int64", "name": "io.debezium.time.MicroDuration"}, 1, "interval.handling.mode=numeric"),
    ],
)
def test_a_schema_whose_values_lose_something_is_refused_bad(
    events: Events, pg_type: str, kind: dict[str, Any], value: Any, problem: str
) -> None:
    shape = TableShape((column("id", "bigint", False), column("x", pg_type)), ("id",))
    fields = [{"type": "int64", "field": "id"}, {**kind, "field": "x"}]
    for _ in range(2):
        with pytest.raises(FormRefused, match=problem):
            events.change(with_schema({"type": "struct", "fields": fields}, {"id": 7, "x": value}), TOPIC, shape)
    narrower = TableShape((column("id", "bigint", False),), ("id",))
    body = with_schema({"type": "struct", "fields": fields}, {"id": 7, "x": value})
    assert events.change(body, TOPIC, narrower)["after"]["id"] == 7, "a column that is not bound loses nothing"


@pytest.mark.parametrize(
    ("pg_type", "kind", "value"),
    [
        ("timestamp(3) without time zone", {"type": "int64", "name": f"{CONNECT}.Timestamp"}, 1),
        ("date", {"type": "int32", "name": f"{CONNECT}.Date"}, 1),
        ("numeric(15,2)", {"type": "double"}, 1.5),
        ("double precision", {"type": "double"}, 1.5),
    ],
)
def test_a_schema_that_loses_nothing_is_read(events: Events, pg_type: str, kind: dict[str, Any], value: Any) -> None:
    shape = TableShape((column("id", "bigint", False), column("x", pg_type)), ("id",))
    fields = [{"type": "int64", "field": "id"}, {**kind, "field": "x"}]
    assert events.change(with_schema({"type": "struct", "fields": fields}, {"id": 7, "x": value}), TOPIC, shape)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (plain({"id": "1", "source": "/x", "specversion": "1.0", "type": "t", "data": {}}), "CloudEvents"),
        (plain({"schemaId": 3, "payload": {}}), "ExtJsonConverter"),
        (plain({"unlike": 1}), "the fields are unlike"),
        (b"7", "single values"),
        (b"Struct{id=7}", "StringConverter"),
        (b"\x03\x00" + bytes(16), "AWS Glue"),
        (framed(b"x", [("apicurio.value.encoding", b"JSON")], "value"), "Avro as JSON"),
        (framed(b"x", [("__value_schema_id", b"\1" + bytes(16))], "value"), "GUID"),
        (framed(b"x", [("apicurio.value.contentHash", b"abc")], "value"), "artifact or hash"),
    ],
)
def test_a_form_that_is_not_read_is_named_bad(events: Events, raw: bytes, what: str) -> None:
    with pytest.raises(UnknownForm, match=what) as caught:
        events.change(raw, TOPIC, SHAPE)
    assert caught.value.remedy


@pytest.mark.parametrize("raw", [b"{", b"", b"hello", b'{"a":', b"\x07" + bytes(20), plain([1])])
def test_what_is_no_message_is_poison_bad(events: Events, raw: bytes) -> None:
    with pytest.raises((UndecodableMessage, UnknownForm)):
        events.change(raw, TOPIC, SHAPE)


@pytest.mark.parametrize("key", [plain({"no": 7}), plain([7]), plain({})])
def test_keys_without_the_primary_key_are_named_bad(events: Events, key: bytes) -> None:
    with pytest.raises(UnknownForm, match=r"keys"):
        events.key(key, TOPIC, SHAPE)


def test_a_value_that_is_not_of_its_kind_is_poison_bad(events: Events) -> None:
    body = with_schema(forms.connect_row(list(JSON_ROW)), {**JSON_ROW, "paid": "no base64!"})
    with pytest.raises(UndecodableMessage, match="not base64"):
        events.change(body, TOPIC, SHAPE)


def test_other_schemas_of_a_registry_are_named_bad(events: Events, registry: RegistryServer) -> None:
    for schema, kind, what in (
        ("syntax = 'proto3'; message M {}", "PROTOBUF", "ProtobufConverter"),
        ("{}", "JSON", "JsonSchemaConverter"),
    ):
        number = registry.add_text(schema, kind)
        with pytest.raises(UnknownForm, match=what):
            events.change(confluent(number) + b"x", TOPIC, SHAPE)
    number = registry.add("s", {"type": "struct", "fields": []})
    with pytest.raises(UnknownForm, match="ExtJsonConverter"):
        events.change(apicurio(number) + b"{}", TOPIC, SHAPE)


def test_an_8_byte_id_is_told_by_the_topic_s_name_where_it_may_mean_two_schemas(registry: RegistryServer) -> None:
    mine = {"type": "record", "name": "Value", "namespace": TOPIC, "fields": [{"name": "id", "type": "long"}]}
    other = {**mine, "namespace": "db.public.others", "fields": [{"name": "id", "type": "string"}]}
    registry.native = {("globalIds", 3): other, ("contentIds", 3): mine}
    raw = apicurio(3) + forms.datum(mine, {"id": 7})
    assert Events(f"{registry.url}/apis/ccompat/v7").change(raw, TOPIC, SHAPE)["after"] == {"id": 7}
    with pytest.raises(UnknownForm, match="8-byte id 3"):
        Events(f"{registry.url}/apis/ccompat/v7").change(raw, "elsewhere", SHAPE)


def test_apicurio_s_own_ids_need_apicurio_s_registry_bad(registry: RegistryServer) -> None:
    with pytest.raises(UnknownForm, match="TABSTREAM_SCHEMA_REGISTRY_URL"):
        Events(registry.url).change(apicurio(3) + b"x", TOPIC, SHAPE)


def test_apicurio_s_registry_without_an_answer_is_an_outage_bad(events: Events, registry: RegistryServer) -> None:
    registry.fault = (503, {})
    with pytest.raises(RegistryUnavailable, match="503"):
        events.change(apicurio(3) + b"x", TOPIC, SHAPE)


@pytest.mark.parametrize("frame", [lambda b: framed(b, [("apicurio.value.globalId", bytes(12))], "value"), lambda b: b])
def test_a_framed_message_is_given_back_as_it_was_received(frame: Callable[[bytes], bytes]) -> None:
    assert unframed(frame(b"\0\0\0\0\1body")) == b"\0\0\0\0\1body"


def test_decimals_of_json_without_a_schema_may_look_like_numbers_but_not_all_do() -> None:
    looks = base64.b64encode(b"\xd7\x6d\xf8").decode()
    assert looks == "1234", "which is why a topic is refused as soon as one value tells"
