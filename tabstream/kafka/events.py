"""Decodes what Debezium has written, ours or a team's own, in whatever form: each message tells its form by itself."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tabstream.config import RegistryAddress
from tabstream.core.binding import TableShape
from tabstream.core.cells import RowKey
from tabstream.core.changes import key_of
from tabstream.core.envelopes import (
    GONE,
    Envelope,
    RowPlan,
    converted_envelope,
    envelope_of_row,
    is_envelope,
    key_record,
    plan_row,
    refuse_foreign,
    row_kinds,
)
from tabstream.core.semantic import Kind, avro_kind, connect_kind
from tabstream.errors import UnknownForm
from tabstream.kafka.avro import Decoder, UndecodableMessage
from tabstream.kafka.wire import CONFLUENT_BYTES, CONVERTERS, Ids, NoSchemaId, schema_ref

_SCHEMA, _PAYLOAD = b'{"schema":', b',"payload":'
_JSON_STARTS = b'{["0123456789-tfn'


class Events(Decoder):
    """Reads keys and values of the topics of tables and edit results into canonical envelopes. Thread-safe.

    Every method raises UndecodableMessage or UnknownForm (poison), and RegistryUnavailable. `change` raises FormRefused for a
    column of `shape` that loses something on the way; `shape` is None where it is not known.
    """

    def __init__(self, registry: RegistryAddress | str) -> None:
        super().__init__(registry)
        self._kinds: dict[Any, Kind] = {}
        self._short: dict[tuple[bytes, str], tuple[Any, Any, Kind]] = {}
        self._plans: dict[tuple[str, Any], tuple[TableShape | None, RowPlan]] = {}
        self._prefixes: dict[tuple[str, bool], tuple[bytes, Kind]] = {}

    def key(self, raw: bytes, topic: str, shape: TableShape) -> RowKey:
        """The row's key; raises KeyError, TypeError or ValueError too, for values that the columns can't have."""
        decoded, schema, kind = self._read(raw, topic, True)
        record = key_record(decoded, shape)
        fields = kind.fields if kind is not None and kind.fields else None if kind is None else dict.fromkeys(record, kind)
        return key_of(self._plan(schema, fields, record, shape, topic).row(record), shape)

    def change(self, raw: bytes, topic: str, shape: TableShape | None) -> Envelope:
        """The canonical envelope; see tabstream.core.envelopes."""
        decoded, schema, kind = self._read(raw, topic)
        if decoded is None:
            return GONE
        enveloped = is_envelope(decoded)
        if not enveloped:
            refuse_foreign(decoded, shape)
        if not isinstance(decoded, Mapping):
            raise UndecodableMessage(f"no record, but {type(decoded).__name__}")
        row = (decoded["after"] or decoded.get("before") or {}) if enveloped else decoded
        plan = self._plan(schema, None if kind is None else row_kinds(kind), row, shape, topic)
        try:
            return converted_envelope(decoded, plan) if enveloped else envelope_of_row(decoded, plan)
        except (TypeError, ValueError, ArithmeticError) as problem:
            raise UndecodableMessage(f"not a value of its kind: {problem}") from problem

    def shown(self, raw: bytes, topic: str) -> Any:
        """The datum as a person is to see it: times and decimals as texts."""
        decoded, schema, kind = self._read(raw, topic)
        if kind is None or not isinstance(decoded, Mapping):
            return decoded
        fields = row_kinds(kind)
        plan = self._plan(schema, fields, decoded, None, topic)
        return converted_envelope(decoded, plan) if is_envelope(decoded) else plan.row(decoded)

    def _plan(
        self, schema: Any, fields: Mapping[str, Kind] | None, row: Mapping[str, Any], shape: TableShape | None, topic: str
    ) -> RowPlan:
        """The plan for rows of this schema, made once for each shape."""
        schema = frozenset(row) if fields is None else schema
        known = self._plans.get((topic, schema))
        if known is not None and known[0] is shape:
            return known[1]
        plan = plan_row(fields, set(row if fields is None else fields), shape, topic)
        self._plans[topic, schema] = shape, plan
        return plan

    def _read(self, raw: bytes, topic: str, is_key: bool = False) -> tuple[Any, Any, Kind | None]:
        """The datum, what its schema is known by, and the schema's kind, None where the message has none."""
        found = self._short.get((raw[:CONFLUENT_BYTES], topic))
        if found is not None:
            return self.datum(raw, found[0], CONFLUENT_BYTES), found[1], found[2]
        try:
            ref = schema_ref(raw)
        except NoSchemaId as problem:
            if raw[:1] and raw[:1] in _JSON_STARTS:
                return self._read_json(raw, (topic, is_key))
            raise UndecodableMessage(str(problem)) from problem
        schema = self.schema(ref, topic)
        known = ref.ids, ref.number, topic
        kind = self._kinds.get(known)
        if kind is None:
            kind = self._kinds[known] = avro_kind(schema)
        if ref.ids is Ids.CONFLUENT:
            self._short[raw[:CONFLUENT_BYTES], topic] = schema, known, kind
        return self.datum(raw, schema, ref.begins), known, kind

    def _read_json(self, raw: bytes, place: tuple[str, bool]) -> tuple[Any, Any, Kind | None]:
        prefix, kind = self._prefixes.get(place, (b"", Kind("struct")))
        if prefix and raw.startswith(prefix):  # a schema is longer than a row, and is the same in most messages
            return _parsed(raw[len(prefix) : -1]), prefix, kind
        decoded = _parsed(raw)
        if isinstance(decoded, Mapping) and decoded.keys() == {"schema", "payload"}:
            kind = connect_kind(decoded["schema"]) if decoded["schema"] else Kind("struct")
            end = _end_of_schema(raw)
            if end:
                self._prefixes[place] = raw[:end], kind
            return decoded["payload"], raw[:end] if end else hash(json.dumps(decoded["schema"])), kind
        if isinstance(decoded, Mapping) and decoded.keys() == {"schemaId", "payload"}:
            raise UnknownForm("what Apicurio's ExtJsonConverter writes", CONVERTERS)
        return decoded, None, None


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError) as problem:
        raise UndecodableMessage(f"no JSON: {problem}") from problem


def _end_of_schema(raw: bytes) -> int:
    """Where the payload begins in what Connect's JsonConverter writes; 0 where the message is spelled otherwise."""
    if not raw.startswith(_SCHEMA):
        return 0
    try:
        text = raw[len(_SCHEMA) :].decode()
        _, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return 0
    at = len(_SCHEMA) + len(text[:end].encode())
    return at + len(_PAYLOAD) if raw[at:].startswith(_PAYLOAD) and raw.endswith(b"}") else 0
