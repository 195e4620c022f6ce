"""Moments as an operator types and reads them."""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

from tabstream.errors import OperatorError

_AGO = re.compile(r"(?P<count>[0-9]{1,6}) ?(?P<unit>s|min|m|h|d)(?: ago)?")
_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days"}
HOW = "write it like 2026-11-24T18:05, 18:05 (today), or 15m, 2h, 3d (ago)"


class NotATime(OperatorError):
    """Text that names no moment."""


def moment_ms(text: str, now_ms: int, zone: tzinfo | None = None) -> int:
    """A moment in ms since 1970: ISO 8601, a time of today, or a length of time ago.

    `zone` is for what names none; None for the machine's own. Raises NotATime for anything else, OperatorError for the future.
    """
    now = _at(now_ms, zone)
    try:
        found = _read(text.strip(), now)
    except (ValueError, OverflowError) as problem:
        raise NotATime(f"{text!r} is not a time", HOW) from problem
    if found > now:
        raise OperatorError(f"{text!r} is in the future: it is {shown_moment(now_ms, zone)} now", HOW)
    return round(found.timestamp() * 1000)


def shown_moment(ms: int, zone: tzinfo | None = None) -> str:
    """`2026-11-24 18:05:01.250`, in this zone; None for the machine's own."""
    return _at(ms, zone).isoformat(" ", "milliseconds")[:23]


def _at(ms: int, zone: tzinfo | None) -> datetime:
    return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)).astimezone(zone)


def _read(text: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago["unit"]]: int(ago["count"])})
    if re.match(r"[0-9]{1,2}:", text):
        return datetime.combine(now.date(), time.fromisoformat(text), now.tzinfo)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
