"""Text: text, varchar, char, citext, name, xml, uuid, and addresses of networks and devices."""

import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types.base import PLAIN_TEXT, Builder, ColumnType, NumberFormat, PgType
from tabstream.core.types.cell_text import clean, fitted, fitted_clean, in_words, plain_number, refuse_cut
from tabstream.errors import NotAccepted

_HOST_MASK = re.compile(r"(?<=[0-9.])/32$|(?<=:)/128$|(?<=[0-9a-f])/128$")
_DEVICE = re.compile(r"(?:[0-9a-f]{2}[:.-]?){5}[0-9a-f]{2}(?:[:.-]?[0-9a-f]{2}[:.-]?[0-9a-f]{2})?", re.IGNORECASE)
_NAME_BYTES = 63


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `longest` characters; `padded` is char(n), whose trailing blanks mean nothing."""

    longest: int | None = None
    padded: bool = False
    read_only: bool = False
    number_format: NumberFormat | None = PLAIN_TEXT
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        return fitted_clean(self._trimmed(text))

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType. Where the sheet has made a number of what was typed, what it shows: 007."""
        return self._trimmed(displayed(cell))

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType. Too long a text is refused here, because a cast would cut it silently."""
        text = self._trimmed(as_text(value))
        if text is None:
            return None
        refuse_cut(text)
        if self.longest is not None and len(text) > self.longest:
            raise NotAccepted(f"too long: {len(text):,} characters, and this column holds {self.longest:,}")
        return text

    def _trimmed(self, text: str | None) -> str | None:
        text = clean(text)
        return (text.rstrip(" ") or None) if self.padded and text else text


@dataclass(frozen=True, slots=True)
class CheckedText:
    """Text of a fixed shape; `fault` says what is wrong with a text, `canonical` is the database's spelling of it."""

    fault: Callable[[str], str | None]
    canonical: Callable[[str], str] = str
    read_only: bool = False
    number_format: NumberFormat | None = PLAIN_TEXT
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        return fitted(self.canonical(text)) if text else None

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType."""
        return clean(displayed(cell))

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        text = as_text(value)
        if text is None:
            return None
        refuse_cut(text)
        text = text.strip()
        fault = self.fault(text)
        if fault:
            raise NotAccepted(f"{in_words(text)} {fault}")
        return text


def displayed(cell: ObservedCell) -> str | None:
    """What a person sees in the cell, which is what they mean where the column is text."""
    if isinstance(cell.value, str) or cell.value is None:
        return cell.value or None
    return cell.shown or as_text(cell.value)


def as_text(value: CellValue) -> str | None:
    """The text of a value as the sheet shows it unformatted; empty text is an empty cell."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | int):
        return plain_number(value)
    return value or None


def without_host_mask(text: str) -> str:
    """An address as PostgreSQL prints an inet; only its cast to text adds the mask of a single host."""
    return _HOST_MASK.sub("", text)


def _uuid_fault(text: str) -> str | None:
    try:
        uuid.UUID(text)
    except ValueError:
        return "is not a UUID such as 6f1b3c1e-8a3b-4a0e-9d3f-0a4f0e6b7c11"
    return None


def _address_fault(text: str) -> str | None:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return "is not a network address such as 192.168.0.1 or 2001:db8::1"
    return None


def _network_fault(text: str) -> str | None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return "is not a network such as 192.168.0.0/24"
    return None


def _device_fault(text: str) -> str | None:
    return None if _DEVICE.fullmatch(text) else "is not a device address such as 08:00:2b:01:02:03"


def _name_fault(text: str) -> str | None:
    return None if len(text.encode()) <= _NAME_BYTES else f"is longer than {_NAME_BYTES} bytes"


def _plain(pg_type: PgType) -> ColumnType:
    return Text(pg_type.modifiers[0] if pg_type.modifiers else None, read_only=pg_type.read_only)


def _character(pg_type: PgType) -> ColumnType:
    return Text(pg_type.modifiers[0] if pg_type.modifiers else 1, padded=True, read_only=pg_type.read_only)


def _blank_padded(pg_type: PgType) -> ColumnType:
    return Text(pg_type.modifiers[0] if pg_type.modifiers else None, padded=True, read_only=pg_type.read_only)


def _checked(fault: Callable[[str], str | None], canonical: Callable[[str], str] = str) -> Builder:
    def build(pg_type: PgType) -> ColumnType:
        return CheckedText(fault, canonical, pg_type.read_only)

    return build


BUILDERS: Mapping[str, Builder] = {
    "text": _plain,
    "character varying": _plain,
    "character": _character,
    "bpchar": _blank_padded,
    "citext": _plain,
    "xml": _plain,
    "name": _checked(_name_fault),
    "uuid": _checked(_uuid_fault),
    "inet": _checked(_address_fault, without_host_mask),
    "cidr": _checked(_network_fault),
    "macaddr": _checked(_device_fault),
    "macaddr8": _checked(_device_fault),
}
