"""Native Avro values, as Debezium sends them, to the text that a column type's `from_text` takes."""

import json
import math
from typing import Any

UNAVAILABLE = "__debezium_unavailable_value"
_UNAVAILABLE_BYTES = UNAVAILABLE.encode()
_UNAVAILABLE_LISTS = ([UNAVAILABLE], [_UNAVAILABLE_BYTES], list(_UNAVAILABLE_BYTES))


def is_unavailable(value: Any) -> bool:
    """True for what Debezium sends instead of a TOASTed value that did not change.

    Its `unavailable.value.placeholder` as text, as bytes, or in a list: whole, or each byte as a number
    (UnchangedToastedPlaceholder.java).
    """
    if isinstance(value, str):
        return value == UNAVAILABLE
    if isinstance(value, list):
        return value in _UNAVAILABLE_LISTS
    if isinstance(value, dict):
        return UNAVAILABLE in value
    return bool(value == _UNAVAILABLE_BYTES)


def avro_text(value: Any) -> str | None:
    """Text such that `from_text(avro_text(v))` is the same cell as `from_text` of PostgreSQL's own text.

    Arrays become JSON lists of texts, records and maps JSON objects, bytes the hex form of bytea.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, list | tuple | dict):
        return json.dumps(_texts(value), ensure_ascii=False, sort_keys=True)
    return str(value)


def _float_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _texts(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _texts(item) for key, item in value.items()}
    return avro_text(value)
