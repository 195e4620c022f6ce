"""Types that are shown but not edited: bytea, interval, money, and whatever has no family of its own."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types.base import PLAIN_TEXT, Builder, ColumnType, NumberFormat, PgType
from tabstream.core.types.cell_text import fitted, kept
from tabstream.core.types.json import canonical_json
from tabstream.core.types.numeric import decimal_text, parse_number
from tabstream.errors import NotAccepted

_ISO_INTERVAL = re.compile(
    r"P(?:(?P<years>-?\d+)Y)?(?:(?P<months>-?\d+)M)?(?:(?P<days>-?\d+)D)?"
    r"(?:T(?:(?P<hours>-?\d+)H)?(?:(?P<minutes>-?\d+)M)?(?:(?P<seconds>-?\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_POSTGRES_INTERVAL = re.compile(
    r"(?:(?P<years>[+-]?\d+) years? ?)?(?:(?P<months>[+-]?\d+) mons? ?)?(?:(?P<days>[+-]?\d+) days? ?)?"
    r"(?:(?P<sign>[+-]?)(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?))?",
    re.ASCII,
)
_HSTORE_PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|(NULL))', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MONEY_SIGNS = re.compile(r"[^0-9.,-]")
_LAST_SEPARATOR = re.compile(r"[.,](?=[0-9]{1,2}$)")


@dataclass(frozen=True, slots=True)
class Other:
    """Text that nobody can change in the sheet; `normalise` makes Debezium's and PostgreSQL's spelling the same."""

    pg_name: str
    normalise: Callable[[str], str] = str
    read_only: bool = True
    number_format: NumberFormat | None = PLAIN_TEXT
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        if not text:
            return None
        try:
            return fitted(self.normalise(text))
        except ValueError:
            return fitted(text)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType."""
        return kept(cell.value)

    def to_database(self, value: CellValue) -> str | None:
        """Accepts nothing."""
        raise NotAccepted(f"values of type {self.pg_name} can't be changed in the sheet")


def iso_interval(text: str) -> str:
    """ISO 8601 of PostgreSQL's `1 year 2 mons 3 days 04:05:06` and of Debezium's `P1Y2M3DT4H5M6.0S`."""
    match = _ISO_INTERVAL.fullmatch(text) or _POSTGRES_INTERVAL.fullmatch(text)
    if not match or not any(match.groupdict().values()):
        return text
    parts = match.groupdict(default="0")
    sign = -1 if parts.get("sign", "") == "-" else 1
    months = int(parts["years"]) * 12 + int(parts["months"])
    clock_us = sign * (int(parts["hours"]) * 3600 + int(parts["minutes"]) * 60) * 1_000_000
    clock_us += sign * _microseconds(parts["seconds"])
    date = _part(months, 12, "YM") + (f"{int(parts['days'])}D" if int(parts["days"]) else "")
    time = _clock(clock_us)
    return f"P{date}T{time}" if time else f"P{date}" if date else "PT0S"


def plain_money(text: str) -> str:
    """The amount in plain digits of `-$1,234.50`, `1.234,50 €` or `1234.50`."""
    digits = _MONEY_SIGNS.sub("", text)
    negative = "-" in digits or text.strip().startswith("(")
    whole, _, cents = _LAST_SEPARATOR.sub("#", digits.replace("-", "")).partition("#")
    parsed = parse_number(f"{re.sub('[.,]', '', whole)}.{cents}")
    return text if parsed is None else ("-" if negative and parsed else "") + decimal_text(parsed)


def bit_text(width: int | None) -> Callable[[str], str]:
    """The digits of a bit string. Debezium sends little-endian bytes that don't tell how many bits a `varbit` has."""

    def normalise(text: str) -> str:
        if text.startswith("\\x"):
            value = int.from_bytes(bytes.fromhex(text[2:]), "little")
        elif text in ("true", "false"):
            value = int(text == "true")
        elif re.fullmatch("[01]+", text):
            value = int(text, 2)
        else:
            return text
        return f"{value:b}".zfill(width or 1)

    return normalise


def hstore_json(text: str) -> str:
    """JSON with sorted keys of PostgreSQL's `"a"=>"1", "b"=>NULL` and of Debezium's `{"b":null,"a":"1"}`."""
    if text.startswith("{"):
        return canonical_json(text, binary=True)
    found = _HSTORE_PAIR.findall(text)
    pairs = {_ESCAPE.sub(r"\1", key): None if null else _ESCAPE.sub(r"\1", value) for key, value, null in found}
    return canonical_json(json.dumps(pairs), binary=True)


def _microseconds(text: str) -> int:
    whole, _, fraction = text.partition(".")
    amount = int(whole.lstrip("+-")) * 1_000_000 + int(fraction.ljust(6, "0")[:6])
    return -amount if whole.startswith("-") else amount


def _part(amount: int, size: int, units: str) -> str:
    large, small = divmod(abs(amount), size)
    sign = "-" if amount < 0 else ""
    return (f"{sign}{large}{units[0]}" if large else "") + (f"{sign}{small}{units[1]}" if small else "")


def _clock(clock_us: int) -> str:
    seconds, fraction = divmod(abs(clock_us), 1_000_000)
    sign = "-" if clock_us < 0 else ""
    hours = f"{sign}{seconds // 3600}H" if seconds >= 3600 else ""
    minutes = f"{sign}{seconds // 60 % 60}M" if seconds // 60 % 60 else ""
    rest = f"{seconds % 60}.{fraction:06}".rstrip("0").rstrip(".") if seconds % 60 or fraction else ""
    return hours + minutes + (f"{sign}{rest}S" if rest else "")


def other_type(pg_type: PgType) -> ColumnType:
    """The column type of anything that no family knows."""
    return Other(pg_type.name)


def _interval(_: PgType) -> ColumnType:
    return Other("interval", iso_interval)


def _money(_: PgType) -> ColumnType:
    return Other("money", plain_money)


def _hstore(_: PgType) -> ColumnType:
    return Other("hstore", hstore_json)


def _bits(pg_type: PgType) -> ColumnType:
    width = pg_type.modifiers[0] if pg_type.modifiers else 1
    return Other(pg_type.name, bit_text(None if pg_type.name == "bit varying" else width))


BUILDERS: Mapping[str, Builder] = {
    "bytea": other_type,
    "interval": _interval,
    "money": _money,
    "hstore": _hstore,
    "bit": _bits,
    "bit varying": _bits,
}
