"""How a message names the schema it was written with: in its first bytes, or in its headers. Pure.

- Confluent's and Karapace's format: a zero byte, the schema's id (4 bytes, big-endian), the datum.
  https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
- Apicurio's own (`DefaultIdHandler`): a zero byte, the id in 8 bytes. No registry gives the id 0, and none has given 2^32 of
  them, so that four zeros after the first byte tell the two apart.
- Ids in headers: `apicurio.value.globalId` and `.contentId` in 8 bytes (`DefaultHeadersHandler`), or Confluent's
  `__value_schema_id`. `framed` moves such an id in front of the datum, so that the bytes alone are enough from then on.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from tabstream.errors import UnknownForm

_HEADER = struct.Struct(">bI")
_LONG = struct.Struct(">Q")
CONFLUENT_BYTES, _APICURIO_BYTES = 5, 9
_GLUE = (b"\x03\x00", b"\x03\x05")
_PAYLOAD = b'"payload":'


class Ids(Enum):
    """What the number of a schema counts. `FRAMED_*` have come out of headers."""

    CONFLUENT = 0
    APICURIO = 1
    FRAMED_GLOBAL = 0xF1
    FRAMED_CONTENT = 0xF2
    FRAMED_CONFLUENT = 0xF3


_FRAMES = {ids.value: ids for ids in Ids if ids.value > 1}
_UNKNOWN_FRAME = 0xF0
CONVERTERS = "use an Avro converter of Confluent's, Karapace's or Apicurio's registry, or Connect's JsonConverter"
_AVRO_AS_JSON, _GUID, _NO_ID = range(3)
_UNKNOWN = (
    ("Avro as JSON (avro.encoding=JSON)", "set apicurio.registry.avro.encoding=BINARY in the converters"),
    ("schemas named by GUID in headers", "have the serializer write schema ids before the message"),
    ("schemas named by artifact or hash, not by id", "set apicurio.registry.use-id=contentId in the converters"),
)


@dataclass(frozen=True, slots=True)
class SchemaRef:
    """The schema that a message names; the datum begins at byte `begins`."""

    ids: Ids
    number: int
    begins: int


class NoSchemaId(ValueError):
    """The bytes name no schema: the message says what they begin with."""


def schema_ref(raw: bytes) -> SchemaRef:
    """The schema that a framed message names; raises NoSchemaId, or UnknownForm for a form that is known and not read."""
    if raw[:1] == bytes([_UNKNOWN_FRAME]) and len(raw) >= _APICURIO_BYTES:
        raise UnknownForm(*_UNKNOWN[raw[1] % len(_UNKNOWN)])
    if raw[:2] in _GLUE:
        raise UnknownForm("the format of AWS Glue's registry", CONVERTERS)
    if raw.startswith(b"Struct{"):
        raise UnknownForm("the StringConverter's text", CONVERTERS)
    if len(raw) < CONFLUENT_BYTES:
        raise NoSchemaId(f"{len(raw)} bytes are too short for a schema id")
    if raw[0] in _FRAMES:
        if len(raw) < _APICURIO_BYTES:
            raise NoSchemaId(f"{len(raw)} bytes are too short for a schema id")
        return SchemaRef(_FRAMES[raw[0]], _LONG.unpack_from(raw, 1)[0], _APICURIO_BYTES)
    if raw[0] != 0:
        raise NoSchemaId(f"starts with byte {raw[0]}, not with 0: not in the registry's wire format")
    number = _HEADER.unpack_from(raw)[1]
    if number == 0 and len(raw) >= _APICURIO_BYTES:
        return SchemaRef(Ids.APICURIO, _LONG.unpack_from(raw, 1)[0], _APICURIO_BYTES)
    return SchemaRef(Ids.CONFLUENT, number, CONFLUENT_BYTES)


def schema_mark(raw: bytes) -> int:
    """A number that is another one where the message was written with another schema; 0 for JSON without one."""
    if raw[:1] in (b"\0", b"\xf1", b"\xf2", b"\xf3"):
        short = raw[0] == 0 and raw[1:CONFLUENT_BYTES] != b"\0\0\0\0"
        return hash(raw[: CONFLUENT_BYTES if short else _APICURIO_BYTES])
    end = raw.find(_PAYLOAD) if raw.startswith(b'{"schema":') else -1
    return hash(raw[:end]) if end > 0 else 0


def may_delete(value: bytes) -> bool:
    """False where the undecoded message surely tells of no delete: `op` is no `d`, `__deleted` no `true`, in Avro or JSON."""
    told = b"\x02d" in value or b"\x08true" in value or b'"d"' in value or b'"true"' in value
    return told or value == b"null" or value.endswith(_PAYLOAD + b"null}")  # so the JsonConverter writes no value


def framed(raw: bytes | None, headers: Iterable[tuple[str, str | bytes | None]], part: str) -> bytes | None:
    """The message with the schema's id in front where its headers have it; `part` is key or value.

    Headers that name the schema in a way that is not read are framed too: `schema_ref` says so then.
    """
    mine = {name: value for name, value in headers if isinstance(value, bytes) and name in _NAMES[part]}
    if raw is None or not mine:
        return raw
    if mine.get(f"apicurio.{part}.encoding", b"BINARY") != b"BINARY":
        return _unknown(_AVRO_AS_JSON, raw)
    confluent = mine.get(f"__{part}_schema_id")
    if confluent is not None:
        known = confluent[:1] == b"\0" and len(confluent) == CONFLUENT_BYTES
        return _frame(Ids.FRAMED_CONFLUENT, b"\0\0\0" + confluent, raw) if known else _unknown(_GUID, raw)
    for name, ids in (("globalId", Ids.FRAMED_GLOBAL), ("contentId", Ids.FRAMED_CONTENT)):
        number = mine.get(f"apicurio.{part}.{name}")
        if number is not None and len(number) == _LONG.size:
            return _frame(ids, number, raw)
    named = f"apicurio.{part}.contentHash" in mine or f"apicurio.{part}.artifactId" in mine
    return _unknown(_NO_ID, raw) if named else raw


def unframed(raw: bytes | None) -> bytes | None:
    """The message as it was received: the inverse of `framed`."""
    is_framed = raw is not None and len(raw) >= _APICURIO_BYTES and (raw[0] in _FRAMES or raw[0] == _UNKNOWN_FRAME)
    return raw[_APICURIO_BYTES:] if raw is not None and is_framed else raw


_NAMES = {
    part: frozenset(
        (
            f"apicurio.{part}.globalId",
            f"apicurio.{part}.contentId",
            f"apicurio.{part}.contentHash",
            f"apicurio.{part}.artifactId",
            f"apicurio.{part}.encoding",
            f"__{part}_schema_id",
        )
    )
    for part in ("key", "value")
}


def _frame(ids: Ids, number: bytes, raw: bytes) -> bytes:
    return bytes([ids.value]) + number + raw


def _unknown(form: int, raw: bytes) -> bytes:
    return bytes([_UNKNOWN_FRAME, form]).ljust(_APICURIO_BYTES, b"\0") + raw
