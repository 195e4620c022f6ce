"""json and jsonb: canonical text, with blanks after `,` and `:` and every number's digits as they are.

A jsonb has its keys in the order and its numbers in the form that PostgreSQL prints; a json keeps the order, the
doubled keys and the spelling of numbers that it was stored with.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types.base import PLAIN_TEXT, Builder, ColumnType, NumberFormat, PgType
from tabstream.core.types.cell_text import clean, cleaned, fitted, in_words, plain_number, refuse_cut
from tabstream.errors import NotAccepted

_UNFIT_FOR_A_CELL = re.compile("[\x7f\ud800-\udfff]")
_LONGEST_EXPONENT = 1000


@dataclass(frozen=True, slots=True)
class Literal:
    """A number as it is spelled."""

    text: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """A JSON object with its keys in order, doubled ones included."""

    items: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON value; `binary` is jsonb."""

    binary: bool
    read_only: bool = False
    number_format: NumberFormat | None = PLAIN_TEXT
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType. A value nested deeper than Python's parser goes stays the text it is."""
        text = clean(text)
        if text is None:
            return None
        try:
            return fitted(canonical_json(text, binary=self.binary))
        except ValueError:
            return fitted(text)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType. Text that is no JSON stays what it is."""
        text = json_text(cleaned(cell.value))
        try:
            return canonical_json(text, binary=self.binary) if text else None
        except ValueError:
            return text

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        text = json_text(value)
        if text is None:
            return None
        refuse_cut(text)
        try:
            shown = canonical_json(text, binary=self.binary)
        except ValueError as error:
            raise NotAccepted(f"{in_words(text)} is not valid JSON: {error}") from None
        if self.binary and "\\u0000" in shown.replace("\\\\", ""):
            raise NotAccepted("the database keeps no text with the character U+0000")
        return shown


def json_text(value: CellValue) -> str | None:
    """The JSON of a cell: Google may have made a boolean or a number of what was typed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | int):
        return plain_number(value)
    return value or None


def canonical_json(text: str, *, binary: bool) -> str:
    """The canonical text; raises ValueError, saying why, on what is no JSON."""
    try:
        return printed(parsed_json(text), binary=binary)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg.lower()} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parsed_json(text: str) -> Any:
    """The value with numbers as Literal and objects as Pairs, so that no digit and no key is lost."""
    return json.loads(text, parse_float=Literal, parse_int=Literal, parse_constant=_refuse_constant, object_pairs_hook=_pairs)


def printed(value: Any, *, binary: bool) -> str:
    """The inverse of `parsed_json`."""
    if isinstance(value, Literal):
        return _plain_literal(value.text) if binary else value.text
    if isinstance(value, Pairs):
        items = dict(value.items) if binary else None
        pairs = sorted(items.items(), key=_as_in_jsonb) if items is not None else value.items
        return "{" + ", ".join(f"{_string(k)}: {printed(v, binary=binary)}" for k, v in pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(printed(v, binary=binary) for v in value) + "]"
    if isinstance(value, str):
        return _string(value)
    return json.dumps(value)


def _string(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNFIT_FOR_A_CELL.sub(lambda m: f"\\u{ord(m[0]):04x}", quoted)


def _as_in_jsonb(item: tuple[str, Any]) -> tuple[int, bytes]:
    """PostgreSQL sorts the keys of a jsonb by length, then by bytes."""
    key = item[0].encode("utf-8", "surrogatepass")
    return len(key), key


def _plain_literal(text: str) -> str:
    """A number as jsonb prints it, without an exponent; one too long to be printed stays as it is spelled."""
    number = Decimal(text)
    if abs(number.adjusted()) > _LONGEST_EXPONENT:
        return text
    shown = f"{number:f}"
    return shown if number else shown.lstrip("-")


def _pairs(items: list[tuple[str, Any]]) -> Pairs:
    return Pairs(tuple(items))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _json(pg_type: PgType) -> ColumnType:
    return Json(pg_type.name == "jsonb", pg_type.read_only)


BUILDERS: Mapping[str, Builder] = {"json": _json, "jsonb": _json}
