"""A value as any setting of Debezium writes it is the cell that PostgreSQL's own text is."""

import base64
from decimal import Decimal
from typing import Any

import pytest

from tabstream.core.semantic import Kind, avro_kind, connect_kind, conversion
from tabstream.core.types.avro import avro_text
from tabstream.core.types.factory import column_type

_DECIMAL = "org.apache.kafka.connect.data.Decimal"


def cell(kind: Kind, value: Any, pg_type: str) -> Any:
    convert = conversion(kind)
    made = column_type(pg_type, nullable=True, zone="Europe/Berlin")
    return made.from_text(avro_text(value if convert is None else convert(value)))


def base64_text(number: int, length: int) -> str:
    return base64.b64encode(number.to_bytes(length, "big", signed=True)).decode()


DAY = 20_780  # 2026-11-23
MORNING = (DAY * 86_400 + 29_400) * 1_000_000 + 123_456  # 08:10:00.123456

CASES = [
    (Kind("bytes", _DECIMAL, 2), (-12345).to_bytes(2, "big", signed=True), "numeric(10,2)", "-123.45"),
    (Kind("bytes", _DECIMAL, 2, text_bytes=True), base64_text(12345, 2), "numeric(10,2)", "123.45"),
    (Kind("bytes", _DECIMAL, 2, text_bytes=True), Decimal("123.45"), "numeric(10,2)", "123.45"),
    (Kind("bytes", _DECIMAL, 0), (10**40 + 1).to_bytes(17, "big"), "numeric", str(10**40 + 1)),
    (Kind("struct", "io.debezium.data.VariableScaleDecimal"), {"scale": 3, "value": b"\x05"}, "numeric", "0.005"),
    (Kind("struct", "io.debezium.data.VariableScaleDecimal"), {"scale": 3, "value": "BQ=="}, "numeric", "0.005"),
    (Kind("int32", "io.debezium.time.Date"), DAY, "date", "2026-11-23"),
    (Kind("int32", "org.apache.kafka.connect.data.Date"), -25_568, "date", "1899-12-31"),
    (Kind("int32", "io.debezium.time.Date"), -720_000, "date", "0003-09-16 BC"),
    (Kind("int32", "io.debezium.time.Date"), 3_000_000, "date", "10183-09-21"),
    (Kind("int32", "io.debezium.time.Time"), 29_400_123, "time(3)", "08:10:00.123"),
    (Kind("int64", "io.debezium.time.MicroTime"), 29_400_123_456, "time", "08:10:00.123456"),
    (Kind("int64", "io.debezium.time.MicroTime"), 86_400_000_000, "time", "24:00:00"),
    (Kind("int64", "io.debezium.time.NanoTime"), 29_400_123_456_000, "time", "08:10:00.123456"),
    (Kind("int64", "io.debezium.time.Timestamp"), MORNING // 1_000, "timestamp(3)", "2026-11-23 08:10:00.123"),
    (Kind("int64", "io.debezium.time.MicroTimestamp"), MORNING, "timestamp", "2026-11-23 08:10:00.123456"),
    (Kind("int64", "io.debezium.time.NanoTimestamp"), MORNING * 1_000, "timestamp", "2026-11-23 08:10:00.123456"),
    (Kind("int64", "io.debezium.time.MicroTimestamp"), -1, "timestamp", "1969-12-31 23:59:59.999999"),
    (Kind("int64", "io.debezium.time.MicroTimestamp"), 9_223_372_036_825_200_000, "timestamp", "infinity"),
    (Kind("bytes", text_bytes=True), "AP8=", "bytea", "\\x00ff"),
    (Kind("bytes"), b"\x00\xff", "bytea", "\\x00ff"),
    (Kind("array", items=Kind("int32", "io.debezium.time.Date")), [DAY, None], "date[]", "{2026-11-23,NULL}"),
    (Kind("array", items=Kind("bytes", _DECIMAL, 1)), [b"\x0f"], "numeric(5,1)[]", "{1.5}"),
    (Kind("string"), "as it is", "text", "as it is"),
]


@pytest.mark.parametrize(("kind", "value", "pg_type", "text"), CASES)
def test_a_value_is_the_cell_of_its_text(kind: Kind, value: Any, pg_type: str, text: str) -> None:
    assert cell(kind, value, pg_type) == column_type(pg_type, nullable=True, zone="Europe/Berlin").from_text(text)


@pytest.mark.parametrize("kind", [case[0] for case in CASES if conversion(case[0]) is not None])
def test_null_and_an_unchanged_value_pass_through(kind: Kind) -> None:
    convert = conversion(kind)
    assert convert is not None
    assert convert(None) is None
    assert convert(b"__debezium_unavailable_value") == b"__debezium_unavailable_value"


def test_an_unchanged_decimal_of_json_is_known() -> None:
    convert = conversion(Kind("bytes", _DECIMAL, 2, text_bytes=True))
    assert convert is not None
    assert convert(base64.b64encode(b"__debezium_unavailable_value").decode()) == b"__debezium_unavailable_value"


@pytest.mark.parametrize("value", ["not base64!", "A"])
def test_bytes_that_are_none_bad(value: str) -> None:
    convert = conversion(Kind("bytes", text_bytes=True))
    assert convert is not None
    with pytest.raises(ValueError, match="not base64"):
        convert(value)


def test_an_avro_schema_is_read_with_records_named_again() -> None:
    row = {
        "type": "record",
        "name": "Value",
        "namespace": "db.t",
        "fields": [
            {"name": "at", "type": ["null", {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}]},
            {"name": "paid", "type": {"type": "bytes", "scale": 2, "precision": 9, "connect.name": _DECIMAL}},
        ],
    }
    fields = [{"name": "before", "type": ["null", row]}, {"name": "after", "type": ["null", "db.t.Value"]}]
    kind = avro_kind({"type": "record", "name": "Envelope", "namespace": "db.t", "fields": fields})
    after = kind.fields["after"].fields
    assert after["at"] == Kind("int64", "io.debezium.time.MicroTimestamp")
    assert after["paid"] == Kind("bytes", _DECIMAL, 2)


def test_a_schema_of_the_json_converter_is_read() -> None:
    fields = [
        {"type": "int32", "optional": False, "name": "io.debezium.time.Date", "version": 1, "field": "day"},
        {"type": "bytes", "name": _DECIMAL, "version": 1, "parameters": {"scale": "2"}, "field": "paid"},
        {"type": "array", "items": {"type": "string", "optional": True}, "field": "tags"},
    ]
    kind = connect_kind({"type": "struct", "fields": fields, "optional": False, "name": "db.t.Value"})
    assert kind.fields["day"] == Kind("int32", "io.debezium.time.Date")
    assert kind.fields["paid"] == Kind("bytes", _DECIMAL, 2, text_bytes=True)
    assert kind.fields["tags"].items == Kind("string")
