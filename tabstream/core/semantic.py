"""Debezium's and Kafka Connect's semantic types, and the text of PostgreSQL that their values stand for. Pure.

A schema, Avro or Connect's own JSON, is read into a `Kind`; what has to be converted follows from it alone.
https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-data-types
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from tabstream.core.types import civil
from tabstream.core.types.avro import is_unavailable

Convert: TypeAlias = Callable[[Any], Any]

_UNIX_DAY = civil.day_number(1970, 1, 1)
_DECIMAL = "org.apache.kafka.connect.data.Decimal"
_VARIABLE_DECIMAL = "io.debezium.data.VariableScaleDecimal"
_DAYS = {"io.debezium.time.Date", "org.apache.kafka.connect.data.Date"}
# Microseconds in a unit, as a pair: value * first // second.
_TIMES = {
    "io.debezium.time.Time": (1_000, 1),
    "org.apache.kafka.connect.data.Time": (1_000, 1),
    "io.debezium.time.MicroTime": (1, 1),
    "io.debezium.time.NanoTime": (1, 1_000),
}
_TIMESTAMPS = {
    "io.debezium.time.Timestamp": (1_000, 1),
    "org.apache.kafka.connect.data.Timestamp": (1_000, 1),
    "io.debezium.time.MicroTimestamp": (1, 1),
    "io.debezium.time.NanoTimestamp": (1, 1_000),
}
MILLISECONDS = {name for name, unit in {**_TIMES, **_TIMESTAMPS}.items() if unit == (1_000, 1)}
NANOSECONDS = "io.debezium.time.NanoTimestamp"
DURATIONS = {"io.debezium.time.MicroDuration", "io.debezium.time.NanoDuration"}
_LAST_ISO_YEAR = 9_999


@dataclass(frozen=True, slots=True)
class Kind:
    """A value's type: `type` is Connect's (int32, string, bytes, double, array, struct ...), `name` the semantic type.

    `text_bytes` says that bytes stand in text, as base64.
    """

    type: str
    name: str | None = None
    scale: int = 0
    text_bytes: bool = False
    items: "Kind | None" = None
    fields: Mapping[str, "Kind"] = field(default_factory=dict)


_AVRO_TYPES = {"int": "int32", "long": "int64", "float": "float", "record": "struct", "fixed": "bytes", "enum": "string"}


def avro_kind(schema: Any, known: dict[str, Kind] | None = None) -> Kind:
    """The kind of an Avro schema; records may be named again after they were told."""
    known = {} if known is None else known
    if isinstance(schema, list):
        branches = [branch for branch in schema if branch != "null"]
        return avro_kind(branches[0], known) if len(branches) == 1 else Kind("union")
    if isinstance(schema, str):
        return known.get(schema) or known.get(schema.rpartition(".")[2]) or Kind(_AVRO_TYPES.get(schema, schema))
    inner = schema["type"]
    if isinstance(inner, dict | list):
        return avro_kind(inner, known)
    name = schema.get("connect.name")
    if inner == "record":
        kind = Kind("struct", name, fields={f["name"]: avro_kind(f["type"], known) for f in schema["fields"]})
        known[schema["name"]] = kind
        if schema.get("namespace"):
            known[f"{schema['namespace']}.{schema['name']}"] = kind
        return kind
    items = avro_kind(schema["items"], known) if inner == "array" else None
    scale = schema.get("scale", schema.get("connect.parameters", {}).get("scale", 0))
    return Kind(_AVRO_TYPES.get(inner, inner), name, int(scale), items=items)


def connect_kind(schema: Any) -> Kind:
    """The kind of a schema as Connect's JsonConverter writes it."""
    kind, name = str(schema["type"]), schema.get("name")
    fields = {f["field"]: connect_kind(f) for f in schema.get("fields", ())}
    items = connect_kind(schema["items"]) if kind == "array" else None
    scale = int((schema.get("parameters") or {}).get("scale", 0))
    return Kind(kind, name, scale, kind == "bytes", items, fields)


def conversions(fields: Mapping[str, Kind]) -> dict[str, Convert]:
    """What turns the values of these fields into texts; those that are right as they are, are left out."""
    found = {name: conversion(kind) for name, kind in fields.items()}
    return {name: convert for name, convert in found.items() if convert is not None}


def conversion(kind: Kind) -> Convert | None:
    """What turns a value of this kind into a text, None where it is right as it is."""
    convert = _conversion(kind)
    return None if convert is None else _unless_unavailable(convert)


def converted(row: Mapping[str, Any], by: Mapping[str, Convert]) -> Mapping[str, Any]:
    """The row with the values of some fields converted. Raises ValueError or TypeError for a value of another kind."""
    return {name: by[name](value) if name in by else value for name, value in row.items()} if by else row


def _conversion(kind: Kind) -> Convert | None:
    name = kind.name or ""
    if name == _DECIMAL:
        return lambda value: _decimal(value, kind.scale, kind.text_bytes)
    if name in _TIMES or name in _TIMESTAMPS:
        return _of_unit(name)
    if kind.items is not None:
        inner = conversion(kind.items)
        return None if inner is None else lambda items: [inner(item) for item in items]
    is_text = kind.type == "bytes" and kind.text_bytes
    return _BY_NAME.get(name, _bytes if is_text else None)


def _of_unit(name: str) -> Convert:
    """Times of day and time stamps as numbers of some unit since midnight, or since 1970."""
    by, over = {**_TIMES, **_TIMESTAMPS}[name]
    if name in _TIMES:
        return lambda value: civil.time_text(value * by // over)
    return lambda value: _java_timestamp(_UNIX_DAY * civil.DAY_US + value * by // over)


def _unless_unavailable(convert: Convert) -> Convert:
    return lambda value: value if value is None or is_unavailable(value) else convert(value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as problem:
        raise ValueError(f"not base64: {value!r:.40}") from problem


def _decimal(value: Any, scale: int, text_bytes: bool) -> Any:
    if isinstance(value, int | float | Decimal):
        return value  # decimal.format=NUMERIC of the JsonConverter
    raw = _bytes(value) if text_bytes else value
    return raw if is_unavailable(raw) else str(_scaled(int.from_bytes(raw, "big", signed=True), scale))


def _scaled(unscaled: int, scale: int) -> Decimal:
    """All digits, whatever the decimal context rounds to."""
    sign, digits, _ = Decimal(unscaled).as_tuple()
    return Decimal((sign, digits, -scale))


def _variable_decimal(value: Mapping[str, Any]) -> Any:
    return _decimal(value["value"], value["scale"], isinstance(value["value"], str))


def _java_date(number: int) -> str:
    year, month, day = civil.civil_date(number)
    sign = "-" if year < 0 else "+" if year > _LAST_ISO_YEAR else ""
    return f"{sign}{abs(year):04}-{month:02}-{day:02}"


def _java_timestamp(wall_us: int) -> str:
    day, time_us = divmod(wall_us, civil.DAY_US)
    return f"{_java_date(day)}T{civil.time_text(time_us)}"


_BY_NAME: Mapping[str, Convert] = {
    _VARIABLE_DECIMAL: _variable_decimal,
    **dict.fromkeys(_DAYS, lambda days: _java_date(_UNIX_DAY + days)),
}
