"""The same change in every form that Debezium, its transformations and the converters give it."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import fastavro

from tests.kafka.registry_server import RegistryServer

TOPIC = "db.public.orders"
KEY = {"id": 7}
SOURCE = {"lsn": 100, "txId": 5, "ts_ms": 1_700_000_000_000, "snapshot": "false"}
NO_SOURCE = {"lsn": None, "txId": None, "ts_ms": None, "snapshot": None}

_TYPES = {
    "id": {"avro": "long", "connect": {"type": "int64"}},
    "name": {"avro": "string", "connect": {"type": "string"}},
    "paid": {
        "avro": {
            "type": "bytes",
            "scale": 2,
            "precision": 64,
            "connect.name": "org.apache.kafka.connect.data.Decimal",
            "logicalType": "decimal",
        },
        "connect": {"type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}},
    },
    "at": {
        "avro": {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"},
        "connect": {"type": "int64", "name": "io.debezium.time.MicroTimestamp"},
    },
    "due": {
        "avro": {"type": "int", "connect.name": "org.apache.kafka.connect.data.Date", "logicalType": "date"},
        "connect": {"type": "int32", "name": "org.apache.kafka.connect.data.Date"},
    },
}
_META: dict[str, Any] = {
    "__op": "string",
    "__lsn": "long",
    "__source_txId": "long",
    "__source_ts_ms": "long",
    "__deleted": "string",
}

AVRO_ROW = {"id": 7, "name": "Ä", "paid": b"\x30\x39", "at": 1_700_000_000_123_456, "due": 19_675}
JSON_ROW = {**AVRO_ROW, "paid": "MDk="}
PLAIN_ROW = {"id": 7, "name": "Ä", "paid": "123.45", "at": "2023-11-14T22:13:20.123456Z", "due": "2023-11-14"}


def avro_row(name: str, columns: list[str]) -> dict[str, Any]:
    """The schema of a row, or of a key."""
    fields = [{"name": c, "type": ["null", _TYPES[c]["avro"] if c in _TYPES else _META[c]], "default": None} for c in columns]
    return {"type": "record", "name": name, "namespace": TOPIC, "fields": fields}


def avro_envelope() -> dict[str, Any]:
    """The schema of an envelope."""
    source = {
        "type": "record",
        "name": "Source",
        "fields": [{"name": n, "type": ["null", "long" if isinstance(v, int) else "string"]} for n, v in SOURCE.items()],
    }
    fields = [
        {"name": "before", "type": ["null", avro_row("Value", list(AVRO_ROW))]},
        {"name": "after", "type": ["null", "Value"]},
        {"name": "source", "type": source},
        {"name": "op", "type": "string"},
    ]
    return {"type": "record", "name": "Envelope", "namespace": TOPIC, "fields": fields}


def connect_row(columns: list[str]) -> dict[str, Any]:
    """The schema of a row as the JsonConverter writes it."""
    kinds = {c: _TYPES[c]["connect"] if c in _TYPES else {"type": {"long": "int64"}.get(_META[c], _META[c])} for c in columns}
    return {"type": "struct", "fields": [{**kind, "optional": True, "field": c} for c, kind in kinds.items()]}


def connect_envelope() -> dict[str, Any]:
    """The schema of an envelope as the JsonConverter writes it."""
    row = connect_row(list(JSON_ROW))
    source = {"type": "struct", "field": "source", "fields": [{"type": "string", "field": name} for name in SOURCE]}
    fields = [{**row, "field": "before"}, {**row, "field": "after"}, source, {"type": "string", "field": "op"}]
    return {"type": "struct", "fields": fields}


def datum(schema: Mapping[str, Any], value: Any) -> bytes:
    """Bare Avro, without logical types, as the converters write it."""
    stream = io.BytesIO()
    plain = json.loads(json.dumps(schema), object_hook=lambda found: {k: v for k, v in found.items() if k != "logicalType"})
    fastavro.schemaless_writer(stream, fastavro.parse_schema(plain, named_schemas={}), value)
    return stream.getvalue()


class Avro:
    """Writes Avro in front of which the id stands as `prefix` has it."""

    def __init__(self, registry: RegistryServer, prefix: Callable[[int], bytes]) -> None:
        self._registry = registry
        self._prefix = prefix

    def write(self, schema: dict[str, Any], value: Any) -> bytes:
        """One message."""
        return self._prefix(self._registry.add("s", schema)) + datum(schema, value)


def envelope(after: Mapping[str, Any] | None, op: str = "u", before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Debezium's own."""
    return {"before": before, "after": after, "source": SOURCE, "op": op}


def with_schema(schema: Mapping[str, Any], payload: Any) -> bytes:
    """As the JsonConverter writes it with schemas.enable."""
    return plain({"schema": schema, "payload": payload})


def plain(payload: Any) -> bytes:
    """The same without."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
