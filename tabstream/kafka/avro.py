"""Avro messages in the registry's wire format: a zero byte, the schema's id (4 bytes, big-endian), the datum.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

import io
import struct
from typing import Any

import fastavro

from tabstream.errors import Poison
from tabstream.kafka.registry import Registry, UnknownSchema

_HEADER = struct.Struct(">bI")


class UndecodableMessage(Poison):
    """Bytes that no retry will make readable; `reason` says what is wrong with them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Decoder:
    """Decodes messages with the schema they were written with, or into `reader`'s shape where it is given.

    `reader` fills the defaults of fields that an older writer did not know. Thread-safe.
    """

    def __init__(self, registry_url: str, reader: dict[str, Any] | None = None) -> None:
        self._registry = Registry(registry_url)
        self._reader = None if reader is None else fastavro.parse_schema(reader, named_schemas={})
        self._schemas: dict[int, Any] = {}

    def decode(self, raw: bytes) -> Any:
        """The datum; raises UndecodableMessage (poison) or RegistryUnavailable (outage)."""
        schema = self.schema(raw)
        stream = io.BytesIO(raw)
        stream.seek(_HEADER.size)
        try:
            datum = fastavro.schemaless_reader(stream, schema, self._reader)
        except Exception as problem:  # bytes that are no datum of the schema surface as errors of many unrelated kinds
            raise UndecodableMessage(f"not a datum of its schema: {type(problem).__name__}: {problem}") from problem
        if left := len(raw) - stream.tell():
            raise UndecodableMessage(f"{left} bytes are left over after the datum")
        return datum

    def schema(self, raw: bytes) -> Any:
        """The parsed schema that the message names, cached by id; raises as `decode` does."""
        if len(raw) < _HEADER.size:
            raise UndecodableMessage(f"{len(raw)} bytes are too short for a schema id")
        magic, schema_id = _HEADER.unpack_from(raw)
        if magic != 0:
            raise UndecodableMessage(f"starts with byte {magic}, not with 0: not in the registry's wire format")
        if schema_id not in self._schemas:
            self._schemas[schema_id] = self._fetch(schema_id)
        return self._schemas[schema_id]

    def _fetch(self, schema_id: int) -> Any:
        try:
            return fastavro.parse_schema(self._registry.schema(schema_id), named_schemas={})
        except UnknownSchema as problem:
            raise UndecodableMessage(str(problem)) from problem
        except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType, ValueError) as problem:
            raise UndecodableMessage(f"schema {schema_id} is not valid: {problem}") from problem


class Encoder:
    """Encodes records of one schema, which is registered under `subject` on first use. Thread-safe."""

    def __init__(self, registry_url: str, subject: str, schema: dict[str, Any]) -> None:
        self._registry = Registry(registry_url)
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
