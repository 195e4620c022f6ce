"""What becomes of a text that somebody types (USER_ENTERED): a number, date, boolean, formula, or the text itself."""

import re
from datetime import datetime
from typing import NamedTuple

from sheets_emulator.model.locales import Locale, locale_of
from sheets_emulator.model.serials import EPOCH, to_serial
from sheets_emulator.model.values import PLAIN, Cell, Formula, Json, Style, Value

_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,3})?)?\s*([AaPp][Mm])?")
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_NUMERIC_DATE = re.compile(r"(\d{1,4})([/.-])(\d{1,2})\2(\d{1,4})")
_NAMED_DATE = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})|(\d{1,2})[ -]([A-Za-z]{3,9})\.?[ -](\d{4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)


class Entry(NamedTuple):
    """What is entered, and the NumberFormat that a cell without one gets for it."""

    value: Value
    number_format: Json | None = None


def typed(text: str, locale: str, old: Cell) -> Cell:
    """The cell after somebody typed `text` over it: its format, note and validation stay."""
    entry = read_entry(text, locale, old.style)
    style = old.style
    if entry.number_format is not None and not style.number_format:
        style = style._replace(format={**(style.format or {}), "numberFormat": entry.number_format})
    return Cell(entry.value, style)


def read_entry(text: str, locale: str, style: Style = PLAIN) -> Entry:
    """What `text` means in a cell of that style. A leading apostrophe, or plain-text format, keeps it as it is."""
    if text == "":
        return Entry(None)
    if style.is_plain_text:
        return Entry(text)
    if text.startswith("'"):
        return Entry(text[1:] or None)
    if text.startswith("=") and len(text) > 1:
        return Entry(Formula(text))
    stripped = text.strip()
    if stripped.upper() in ("TRUE", "FALSE"):
        return Entry(stripped.upper() == "TRUE")
    conventions = locale_of(locale)
    return _number(stripped, conventions) or _moment(stripped, conventions) or Entry(text)


def _number(text: str, locale: Locale) -> Entry | None:
    group, decimal = re.escape(locale.group), re.escape(locale.decimal)
    digits = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)?(?:{decimal}\d*)?"
    match = re.fullmatch(
        rf"([+-]?)({re.escape(locale.currency)}|\$)?([+-]?)({digits})([eE][+-]?\d+)?\s?(%)?\s?({re.escape(locale.currency)})?",
        text,
        re.ASCII,
    )
    if match is None or not re.search(r"\d", match[4]) or (match[1] and match[3]):
        return None
    plain = match[4].replace(locale.group, "").replace(locale.decimal, ".")
    number = float(f"{match[1] or match[3]}{plain}{match[5] or ''}")
    if number in (float("inf"), float("-inf")):
        return None
    return Entry(number / 100 if match[6] else number, _number_format(match, locale))


def _number_format(match: re.Match[str], locale: Locale) -> Json | None:
    decimals = locale.decimal in match[4]
    if match[6]:
        return {"type": "PERCENT", "pattern": "0.00%" if decimals else "0%"}
    if match[2] or match[7]:
        return {"type": "CURRENCY", "pattern": f"[${locale.currency}]#,##0.00"}
    if match[5]:
        return {"type": "SCIENTIFIC", "pattern": "0.00E+00"}
    if locale.group in match[4]:
        return {"type": "NUMBER", "pattern": "#,##0.00" if decimals else "#,##0"}
    return None


def _moment(text: str, locale: Locale) -> Entry | None:
    time = _TIME.fullmatch(text)
    if time is not None:
        fraction = _time(time)
        return None if fraction is None else Entry(fraction, {"type": "TIME", "pattern": "h:mm:ss am/pm"})
    day_text, _, time_text = text.partition("T") if _ISO.match(text) and "T" in text else _date_and_time(text)
    found = _day(day_text.strip(" ,"), locale)
    if found is None:
        return None
    day, pattern = found
    if not time_text:
        return Entry(to_serial(day), {"type": "DATE", "pattern": pattern})
    time = _TIME.fullmatch(time_text.strip())
    fraction = _time(time) if time else None
    if fraction is None:
        return None
    serial = round((to_serial(day) + fraction) * 86_400_000) / 86_400_000
    return Entry(serial, {"type": "DATE_TIME", "pattern": f"{pattern} H:mm:ss"})


def _date_and_time(text: str) -> tuple[str, str, str]:
    match = re.fullmatch(r"(.*?)\s+(\d{1,2}:\d{2}.*)", text)
    return (match[1], " ", match[2]) if match else (text, "", "")


def _time(match: re.Match[str]) -> float | None:
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    half = (match[5] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    return (hour * 3600 + minute * 60 + second + float(match[4] or 0)) / 86_400


def _day(text: str, locale: Locale) -> tuple[datetime, str] | None:
    match = _ISO.fullmatch(text)
    if match is not None:
        return _date(match[1], match[2], match[3], "yyyy-mm-dd")
    match = _NUMERIC_DATE.fullmatch(text)
    if match is not None:
        parts = dict(zip(locale.date_order, (match[1], match[3], match[4]), strict=True))
        return _date(parts["y"], parts["m"], parts["d"], locale.date)
    match = _NAMED_DATE.fullmatch(text)
    if match is None:
        return None
    name = (match[1] or match[5]).lower()
    if name not in _MONTHS and name not in _MONTH_NAMES:
        return None
    month = _MONTHS.index(name[:3]) + 1
    return _date(match[3] or match[6], str(month), match[2] or match[4], "mmm d, yyyy")


def _date(year: str, month: str, day: str, pattern: str) -> tuple[datetime, str] | None:
    if len(year) not in (2, 4):
        return None
    number = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 30 else 1900)
    try:
        found = datetime(number, int(month), int(day))
    except ValueError:
        return None
    return (found, pattern) if found >= EPOCH else None
