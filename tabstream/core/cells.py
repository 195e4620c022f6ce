"""What a cell holds, on either side, and its digest.

A cell value is none, boolean, number or text. Everything the two sides compare is a cell value, made by one canonical
function per column type, so equality of digests is equality of what both sides show.
"""

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

CellValue: TypeAlias = bool | float | str | None
RowKey: TypeAlias = str
Digest: TypeAlias = str

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SHORT = 64
_DIGESTS = 65_536  # of short values; a row's are asked for several times, and many cells hold the same
_KEYS = 8_192  # a flush asks for each of its rows' keys several times
MAX_CELL_CHARACTERS = 50_000  # https://support.google.com/drive/answer/37603


class ObservedCell(NamedTuple):
    """One cell as Google shows it: `value` is the effective value, `shown` the text that a person sees."""

    value: CellValue = None
    shown: str = ""
    formula: bool = False
    note: str = ""


EMPTY_CELL = ObservedCell()


def observed_cell(data: Mapping[str, Any]) -> ObservedCell:
    """Reads a CellData object of the Sheets API; any of its fields may be absent."""
    if not data:
        return EMPTY_CELL
    entered = data.get("userEnteredValue") or {}
    value = extended_value(data.get("effectiveValue", entered))
    return ObservedCell(value, data.get("formattedValue", ""), "formulaValue" in entered, data.get("note", ""))


def extended_value(data: Mapping[str, Any]) -> CellValue:
    """Reads an ExtendedValue object; an error value reads as its text, such as `#REF!`."""
    if "numberValue" in data:
        return number(data["numberValue"])
    if "stringValue" in data:
        text: str = data["stringValue"]
        return text or None
    if "boolValue" in data:
        return bool(data["boolValue"])
    if "errorValue" in data:
        return f"#{data['errorValue'].get('type', 'ERROR')}!"
    return None


def number(value: float) -> float:
    """A float without negative zero."""
    return float(value) + 0.0


def digest(value: CellValue) -> Digest:
    """48 bits of BLAKE2b over the value's type and content, as 8 characters of base64url."""
    return _digest(value) if isinstance(value, str) and len(value) > _SHORT else _known_digest(value)


@lru_cache(maxsize=_DIGESTS, typed=True)
def _known_digest(value: CellValue) -> Digest:
    return _digest(value)


def _digest(value: CellValue) -> Digest:
    hashed = hashlib.blake2b(_canonical(value), digest_size=6)
    return base64.urlsafe_b64encode(hashed.digest()).decode("ascii")


def _canonical(value: CellValue) -> bytes:
    if value is None or value == "":
        return b"n"
    if isinstance(value, bool):
        return b"b1" if value else b"b0"
    if isinstance(value, float | int):
        return b"f" + repr(number(value)).encode("ascii")
    return b"s" + value.encode("utf-8", "surrogatepass")


EMPTY_DIGEST = digest(None)


def same(left: CellValue, right: CellValue) -> bool:
    """Equality of cell values, in which TRUE is not the number 1."""
    return type(left) is type(right) and left == right


def as_json_value(value: CellValue) -> bool | int | float | str | None:
    """The value as JSON prints it: integral numbers without a fraction."""
    if isinstance(value, float) and not isinstance(value, bool) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def row_key(values: Iterable[CellValue]) -> RowKey:
    """The canonical values of the key columns, in the order of the primary key, as one JSON text."""
    return _known_key(*values)


@lru_cache(maxsize=_KEYS, typed=True)
def _known_key(*values: CellValue) -> RowKey:
    return _COMPACT.encode([as_json_value(v) for v in values])


def key_values(key: RowKey) -> tuple[CellValue, ...]:
    """The inverse of `row_key`."""
    return key_cells(json.loads(key))


def key_cells(values: Iterable[Any]) -> tuple[CellValue, ...]:
    """The values of a key out of JSON; raises ValueError for what no cell holds."""
    return tuple(_from_json(v) for v in values)


def _from_json(value: Any) -> CellValue:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if math.isinf(value) or math.isnan(value):
            raise ValueError(f"{value!r} is not a cell value")
        return number(value)
    if value is None or isinstance(value, bool | str):
        return value
    raise ValueError(f"{value!r} is not a cell value")
