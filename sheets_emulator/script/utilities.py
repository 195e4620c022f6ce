"""Apps Script's Utilities. Pure but for ids; bytes are signed, -128 to 127, as they are there.

https://developers.google.com/apps-script/reference/utilities/utilities
"""

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sheets_emulator.script.errors import ScriptError

_PATTERN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)


def signed(data: bytes) -> list[int]:
    """The bytes as Apps Script gives them."""
    return [byte - 256 if byte > 127 else byte for byte in data]


def raw(data: str | Sequence[int], charset: str = "UTF-8") -> bytes:
    """The bytes of a text or of an Apps Script byte array; what the charset can't say becomes `?`."""
    if isinstance(data, str):
        return data.encode(charset, "replace")
    try:
        return bytes(byte & 0xFF for byte in data)
    except TypeError:
        raise ScriptError(f"Cannot convert {data!r} to byte[].") from None


def format_date(milliseconds: float, zone: str, pattern: str) -> str:
    """A moment in the pattern of Java's SimpleDateFormat."""
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        raise ScriptError(f"Invalid argument: timeZone. Should be of type: String, got {zone!r}") from None
    return "".join(_formatted(moment, match[0]) for match in _PATTERN.finditer(pattern))


def _formatted(moment: datetime, token: str) -> str:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'") if len(token) > 2 else "'"
    width = len(token)
    numbers = {
        "M": moment.month,
        "d": moment.day,
        "D": moment.timetuple().tm_yday,
        "H": moment.hour,
        "k": moment.hour or 24,
        "h": moment.hour % 12 or 12,
        "m": moment.minute,
        "s": moment.second,
        "S": moment.microsecond // 1000,
        "u": moment.isoweekday(),
    }
    letter = token[0]
    if letter in numbers and not (letter == "M" and width >= 3):
        return f"{numbers[letter]:0{width}d}"
    offset = f"{moment:%z}"
    iso_offset = f"{offset[:3]}:{offset[3:]}" if width == 3 else offset[: 1 + 2 * width]
    words = {
        "y": f"{moment.year % 100:02d}" if width == 2 else f"{moment.year:0{width}d}",
        "M": f"{moment:%b}" if width == 3 else f"{moment:%B}",
        "E": f"{moment:%a}" if width <= 3 else f"{moment:%A}",
        "X": "Z" if offset == "+0000" else iso_offset,
        "a": f"{moment:%p}",
        "Z": offset,
        "z": f"{moment:%Z}",
    }
    return words.get(letter, token)


def _decoded(text: str, web_safe: bool) -> list[int]:
    try:
        return signed(base64.b64decode(text, b"-_" if web_safe else None))
    except (binascii.Error, ValueError):
        raise ScriptError("Could not decode string.") from None


def _encoded(data: str | Sequence[int], charset: str, web_safe: bool) -> str:
    return base64.b64encode(raw(data, charset), b"-_" if web_safe else None).decode()


def _hmac(value: str | Sequence[int], key: str | Sequence[int], charset: str) -> list[int]:
    return signed(hmac.new(raw(key, charset), raw(value, charset), hashlib.sha256).digest())


SERVICES: Mapping[str, Callable[..., Any]] = {
    "utilities.hmacSha256": _hmac,
    "utilities.digest": lambda name, value, charset: signed(hashlib.new(name, raw(value, charset)).digest()),
    "utilities.base64Encode": _encoded,
    "utilities.base64Decode": _decoded,
    "utilities.uuid": lambda: str(uuid.uuid4()),
    "utilities.encode": lambda text, charset: signed(raw(text, charset)),
    "utilities.decode": lambda data, charset: raw(data).decode(charset, "replace"),
    "utilities.formatDate": format_date,
}
