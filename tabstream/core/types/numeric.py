"""Numbers: smallint to bigint, numeric, real, double precision.

A number whose digits a spreadsheet can't keep is text of all its digits, so that nothing is rounded on the way.
"""

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tabstream.core.cells import CellValue, ObservedCell, number
from tabstream.core.types.base import Builder, ColumnType, NumberFormat, PgType
from tabstream.core.types.cell_text import clean, cleaned, fitted, in_words, kept, quantised, refuse_cut
from tabstream.errors import NotAccepted

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
_SHORT_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_SPECIAL = {
    "nan": "NaN",
    "infinity": "Infinity",
    "+infinity": "Infinity",
    "inf": "Infinity",
    "+inf": "Infinity",
    "positive_infinity": "Infinity",
    "-infinity": "-Infinity",
    "-inf": "-Infinity",
    "negative_infinity": "-Infinity",
}
_EXACT_INTEGERS = 2**53  # doubles hold every integer below this
_EXACT_DIGITS = 15  # and every decimal of so many significant digits
_WIDEST_INTEGER = 20
_LONGEST_ZEROS = 30
_NUMERIC_DIGITS_BEFORE_POINT = 131_072  # https://www.postgresql.org/docs/current/datatype-numeric.html
_NUMERIC_DIGITS_AFTER_POINT = 16_383
_MOST_DECIMALS_SHOWN = 15

WHOLE_NUMBER = NumberFormat("NUMBER", "0")


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between `low` and `high`: a number below 2^53, else text."""

    low: int
    high: int
    read_only: bool = False
    number_format: NumberFormat | None = WHOLE_NUMBER
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        text = clean(text)
        if text is None or _is_short(text):
            return None if text is None else number(float(text))
        parsed = parse_number(text)
        return fitted(text) if parsed is None else integer_cell(parsed)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType. A number past 2^53 has already lost digits in the sheet and stays as it is."""
        value = cleaned(cell.value)
        if isinstance(value, str):
            parsed = parse_number(value)
            return value if parsed is None else integer_cell(parsed)
        if isinstance(value, float) and value.is_integer():
            return number(value)
        return kept(value)

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        if value is None:
            return None
        parsed = accepted_number(value)
        if isinstance(value, float) and abs(value) >= _EXACT_INTEGERS:
            raise NotAccepted(f"{in_words(value)} has more digits than a spreadsheet keeps: type it as text, with ' before it")
        if parsed.adjusted() > _WIDEST_INTEGER:
            raise NotAccepted(f"{in_words(value)} is outside {self.low} to {self.high}")
        if parsed != int(parsed):
            raise NotAccepted(f"{in_words(value)} is not a whole number")
        if not self.low <= int(parsed) <= self.high:
            raise NotAccepted(f"{in_words(value)} is outside {self.low} to {self.high}")
        return str(int(parsed))


@dataclass(frozen=True, slots=True)
class Numeric:
    """A decimal number; `precision` and `scale` are None where the column sets none."""

    precision: int | None = None
    scale: int | None = None
    read_only: bool = False
    validation: None = None

    @property
    def number_format(self) -> NumberFormat | None:
        """As many decimals as the column has."""
        if self.scale is None:
            return None
        decimals = max(0, min(self.scale, _MOST_DECIMALS_SHOWN))
        return NumberFormat("NUMBER", "0." + "0" * decimals if decimals else "0")

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        return from_number_text(text)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType. Not rounded to the column's scale: the answer to the edit shows what was saved."""
        return from_number_cell(cell)

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType. PostgreSQL rounds to the column's scale."""
        if value is None:
            return None
        special = special_number(value)
        if special == "NaN" or (special and self.precision is None):
            return special
        if special:
            raise NotAccepted(f"{in_words(value)} does not fit a column of {self.precision} digits")
        parsed = accepted_number(value)
        self._check_size(parsed, value)
        return decimal_text(parsed)

    def _check_size(self, parsed: Decimal, value: CellValue) -> None:
        if self.precision is None:
            exponent = parsed.as_tuple().exponent
            digits_after = -exponent if isinstance(exponent, int) else 0
            if parsed and (parsed.adjusted() >= _NUMERIC_DIGITS_BEFORE_POINT or digits_after > _NUMERIC_DIGITS_AFTER_POINT):
                raise NotAccepted(f"{in_words(value)} has more digits than the database keeps")
            return
        scale = self.scale or 0
        # The smallest number that rounds up to one digit too many: 99.995 for numeric(4,2).
        first_too_large = Decimal((0, (9,) * self.precision + (5,), -scale - 1))
        if parsed.copy_abs() >= first_too_large:
            raise NotAccepted(
                f"{in_words(value)} is too large: this column has room for {self.precision} digits, {scale} of them "
                "after the decimal point"
            )


@dataclass(frozen=True, slots=True)
class Float:
    """A binary floating-point number of 4 or 8 bytes."""

    size: int = 8
    read_only: bool = False
    number_format: NumberFormat | None = None
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType. The shortest digits that mean the same number: Debezium sends a real as a double, and Java may print
        more digits than are needed."""
        text = clean(text)
        parsed = parse_number(text) if text else None
        if parsed is not None and self.size == 4:
            single = as_single(float(parsed))
            text = text if single is None else shortest_single(single)
        elif parsed is not None and math.isfinite(float(parsed)):
            text = repr(float(parsed))
        return from_number_text(text)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType."""
        return from_number_cell(cell)

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        if value is None:
            return None
        special = special_number(value)
        if special:
            return special
        parsed = accepted_number(value)
        rounded: float | None = float(parsed)
        if self.size == 4 and rounded is not None:
            rounded = as_single(rounded)
        if rounded is None or math.isinf(rounded) or (rounded == 0) != (parsed == 0):
            raise NotAccepted(f"{in_words(value)} is too large or too small for this column")
        return decimal_text(parsed)


def parse_number(text: str) -> Decimal | None:
    """The number that a plain decimal text means; None for any other, thousands separators and currencies included."""
    stripped = text.strip()
    return Decimal(stripped) if _NUMBER.fullmatch(stripped) else None


def special_number(value: CellValue) -> str | None:
    """NaN, Infinity or -Infinity in PostgreSQL's spelling, if the text means one of them."""
    return _SPECIAL.get(value.strip().lower()) if isinstance(value, str) else None


def accepted_number(value: CellValue) -> Decimal:
    """The number that a cell's value means; raises NotAccepted."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        return Decimal(repr(quantised(value) if abs(value) >= _EXACT_INTEGERS or value != int(value) else int(value)))
    if isinstance(value, str):
        refuse_cut(value)
        parsed = parse_number(value)
        if parsed is not None:
            return parsed
    raise NotAccepted(f"{in_words(value)} is not a number")


def from_number_text(text: str | None) -> CellValue:
    """The canonical cell of PostgreSQL's text for a number."""
    text = clean(text)
    if text is None or _is_short(text):
        return None if text is None else number(float(text))
    parsed = parse_number(text)
    return special_number(text) or fitted(text) if parsed is None else number_cell(parsed)


def from_number_cell(cell: ObservedCell) -> CellValue:
    """The canonical value of a cell in a column of numbers; number-like text becomes the number."""
    value = cleaned(cell.value)
    if not isinstance(value, str):
        return kept(value)
    parsed = parse_number(value)
    return special_number(value) or value if parsed is None else number_cell(parsed)


def _is_short(text: str) -> bool:
    """True for a plain number of so few digits that a double keeps them all."""
    return len(text) <= _EXACT_DIGITS and _SHORT_NUMBER.fullmatch(text) is not None


def number_cell(parsed: Decimal) -> CellValue:
    """A number if a double keeps all its digits, else their text."""
    value = float(parsed)
    if math.isfinite(value) and Decimal(f"{value:.{_EXACT_DIGITS}g}") == parsed:
        return number(value)
    return fitted(decimal_text(parsed))


def integer_cell(parsed: Decimal) -> CellValue:
    """The same for columns of whole numbers, where all below 2^53 are numbers."""
    if parsed.adjusted() <= _WIDEST_INTEGER and parsed == int(parsed):
        whole = int(parsed)
        return float(whole) if abs(whole) < _EXACT_INTEGERS else str(whole)
    return number_cell(parsed)


def decimal_text(parsed: Decimal) -> str:
    """All significant digits, without trailing zeros; with an exponent only where it saves a long row of zeros."""
    sign, digits, exponent = _stripped(parsed)
    shown = "".join(map(str, digits))
    zeros = exponent if exponent > 0 else -exponent - len(shown)
    if zeros > _LONGEST_ZEROS:
        shown = f"{shown[0]}.{shown[1:]}".rstrip(".") + f"e{exponent + len(shown) - 1:+d}"
    elif exponent >= 0:
        shown += "0" * exponent
    else:
        padded = shown.rjust(1 - exponent, "0")
        shown = f"{padded[:exponent]}.{padded[exponent:]}"
    return "-" + shown if sign else shown


def as_single(value: float) -> float | None:
    """The value rounded to 4 bytes, None if it is too large for them."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return None


def shortest_single(value: float) -> str:
    """The fewest digits that read back as the same 4-byte number, as PostgreSQL prints a real."""
    for digits in range(6, 9):
        shown = f"{value:.{digits}g}"
        if as_single(float(shown)) == value:
            return shown
    return f"{value:.9g}"


def _stripped(parsed: Decimal) -> tuple[int, tuple[int, ...], int]:
    sign, digits, exponent = parsed.as_tuple()
    shown = "".join(map(str, digits)).lstrip("0")
    kept_digits = shown.rstrip("0")
    if not kept_digits or not isinstance(exponent, int):
        return 0, (0,), 0
    return sign, tuple(map(int, kept_digits)), exponent + len(shown) - len(kept_digits)


def _integer(low: int, high: int) -> Builder:
    def build(pg_type: PgType) -> ColumnType:
        return Integer(low, high, pg_type.read_only)

    return build


def _numeric(pg_type: PgType) -> ColumnType:
    precision, scale = (*pg_type.modifiers, 0, 0)[:2] if pg_type.modifiers else (None, None)
    return Numeric(precision, scale, pg_type.read_only)


def _float(size: int) -> Builder:
    def build(pg_type: PgType) -> ColumnType:
        return Float(size, pg_type.read_only)

    return build


BUILDERS: Mapping[str, Builder] = {
    "smallint": _integer(-(2**15), 2**15 - 1),
    "integer": _integer(-(2**31), 2**31 - 1),
    "bigint": _integer(-(2**63), 2**63 - 1),
    "oid": _integer(0, 2**32 - 1),
    "numeric": _numeric,
    "real": _float(4),
    "double precision": _float(8),
}
