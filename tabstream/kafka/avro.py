"""Avro messages whose schemas are in a registry; see tabstream.kafka.wire for how they name them."""

import io
import re
import struct
from collections.abc import Mapping
from typing import Any

import fastavro

from tabstream.config import RegistryAddress
from tabstream.errors import Poison, UnknownForm
from tabstream.kafka.registry import OtherSchema, Registry, UnknownSchema
from tabstream.kafka.wire import CONVERTERS, Ids, NoSchemaId, SchemaRef, schema_ref

_HEADER = struct.Struct(">bI")


class UndecodableMessage(Poison):
    """Bytes that no retry will make readable; `reason` says what is wrong with them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Decoder:
    """Decodes messages with the schema they were written with, or into `reader`'s shape where it is given.

    `reader` fills the defaults of fields that an older writer did not know. Values are as Avro stores them, whatever logical
    type they have. Thread-safe.
    """

    def __init__(self, registry: RegistryAddress | str, reader: dict[str, Any] | None = None) -> None:
        self._registry = Registry(registry)
        self._reader = None if reader is None else fastavro.parse_schema(reader, named_schemas={})
        self._schemas: dict[tuple[Ids, int, str], Any] = {}

    def decode(self, raw: bytes, topic: str = "") -> Any:
        """The datum; raises UndecodableMessage or UnknownForm (poison), or RegistryUnavailable (outage)."""
        ref = _ref(raw)
        return self.datum(raw, self.schema(ref, topic), ref.begins)

    def datum(self, raw: bytes, schema: Any, begins: int) -> Any:
        """The datum that begins at this byte; raises UndecodableMessage."""
        stream = io.BytesIO(raw)
        stream.seek(begins)
        try:
            datum = fastavro.schemaless_reader(stream, schema, self._reader)
        except Exception as problem:  # bytes that are no datum of the schema surface as errors of many unrelated kinds
            raise UndecodableMessage(f"not a datum of its schema: {type(problem).__name__}: {problem}") from problem
        if left := len(raw) - stream.tell():
            raise UndecodableMessage(f"{left} bytes are left over after the datum")
        return datum

    def schema(self, ref: SchemaRef, topic: str = "") -> Any:
        """The parsed schema that a message of this topic names, cached by id; raises as `decode` does."""
        # what a native id counts is found out by the topic's name
        known = ref.ids, ref.number, topic if ref.ids is Ids.APICURIO else ""
        if known not in self._schemas:
            self._schemas[known] = self._fetch(ref, topic)
        return self._schemas[known]

    def _fetch(self, ref: SchemaRef, topic: str) -> Any:
        try:
            return fastavro.parse_schema(_without_logical_types(self._look_up(ref, topic)), named_schemas={})
        except OtherSchema as problem:
            raise UnknownForm(str(problem), CONVERTERS) from problem
        except UnknownSchema as problem:
            raise UndecodableMessage(str(problem)) from problem
        except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType, ValueError) as problem:
            raise UndecodableMessage(f"schema {ref.number} is not valid: {problem}") from problem

    def _look_up(self, ref: SchemaRef, topic: str) -> dict[str, Any]:
        if ref.ids in (Ids.CONFLUENT, Ids.FRAMED_CONFLUENT):
            return self._registry.schema(ref.number)
        if ref.ids is not Ids.APICURIO:
            return self._registry.native(ref.number, "globalIds" if ref.ids is Ids.FRAMED_GLOBAL else "contentIds")
        found: list[dict[str, Any]] = []
        for kind in ("globalIds", "contentIds"):
            try:
                found.append(self._registry.native(ref.number, kind))
            except UnknownSchema as problem:
                unknown = problem
        if not found:
            raise unknown
        return _of_topic(found, topic, ref.number)


def _ref(raw: bytes) -> SchemaRef:
    try:
        return schema_ref(raw)
    except NoSchemaId as problem:
        raise UndecodableMessage(str(problem)) from problem


def _of_topic(found: list[dict[str, Any]], topic: str, number: int) -> dict[str, Any]:
    """The schema that a number means, as a global id or as one of content: Debezium names records by their topic."""
    if len(found) == 1 or found[0] == found[1]:
        return found[0]
    prefix = re.sub(r"[^A-Za-z0-9_.]", "_", topic) + "."
    named = [schema for schema in found if f"{schema.get('namespace', '')}.{schema.get('name', '')}".startswith(prefix)]
    if topic and len(named) == 1:
        return named[0]
    raise UnknownForm(
        f"Apicurio's 8-byte id {number}, which is of one schema as a global id and of another as a content id",
        "set as-confluent=true and use-id=contentId in the connector's converters, or headers.enabled=true",
    )


def _without_logical_types(schema: Any) -> Any:
    """The schema whose values fastavro leaves as they are stored: Python's dates and decimals don't hold all of them."""
    if isinstance(schema, list):
        return [_without_logical_types(branch) for branch in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: _without_logical_types(value) if name in _NESTED else value
        for name, value in schema.items()
        if name != "logicalType"
    }


_NESTED = {"type", "items", "values", "fields"}


class Encoder:
    """Encodes records of one schema, which is registered under `subject` on first use. Thread-safe."""

    def __init__(self, registry: RegistryAddress | str, subject: str, schema: dict[str, Any]) -> None:
        self._registry = Registry(registry)
        self._subject = subject
        self._schema = schema
        self._parsed = fastavro.parse_schema(schema, named_schemas={})
        self._header: bytes | None = None

    def close(self) -> None:
        """Gives the connection to the registry back; what needs the registry can't be done any more."""
        self._registry.close()

    def register(self) -> bytes:
        """Registers the schema unless that was done, and returns its messages' header; raises as `encode` does."""
        if self._header is None:
            self._header = _HEADER.pack(0, self._registry.register(self._subject, self._schema))
        return self._header

    def encode(self, record: dict[str, Any]) -> bytes:
        """The message in wire format; raises RegistryUnavailable, SchemaRefused, ValueError (not such a record)."""
        stream = io.BytesIO()
        stream.write(self.register())
        try:
            fastavro.schemaless_writer(stream, self._parsed, record, strict=True)
        except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as problem:
            raise ValueError(f"not a record of {self._subject!r}: {problem}") from problem
        return stream.getvalue()
