"""What a cell shows (`formattedValue`): numbers, dates and booleans under a number format.

Patterns: https://developers.google.com/workspace/sheets/api/guides/formats
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from sheets_emulator.model.locales import Locale, locale_of
from sheets_emulator.model.serials import from_serial
from sheets_emulator.model.values import ErrorValue, Result

DATE_TYPES = frozenset({"DATE", "TIME", "DATE_TIME"})
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DATE_TOKEN = re.compile(r'\[h+\]|\[m+\]|\[s+\]|y+|m+|d+|h+|s+|\.0+|am/pm|a/p|"[^"]*"|\\.|.', re.IGNORECASE | re.DOTALL)
_COLOUR = re.compile(r"\[(?:black|blue|cyan|green|magenta|red|white|yellow|color\d+)\]", re.IGNORECASE)
_NUMBER_TOKEN = re.compile(r'"[^"]*"|\\.|\[\$[^\]]*\]|[eE][+-]0+|[0#?.,]+|_.|\*.|.', re.DOTALL)


def shown(value: Result, number_format: Mapping[str, Any], locale: str) -> str | None:
    """The text in the cell; None where it is blank."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, ErrorValue):
        return value.shown
    if not number_format:
        return general(value, locale_of(locale).decimal)
    return _number(value, number_format.get("type") or "", number_format.get("pattern") or "", locale_of(locale))


def general(number: float, decimal: str = ".") -> str:
    """A number without a format: ten significant digits, whole numbers in full up to fifteen."""
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    text = f"{number:.5E}" if abs(number) >= 1e15 or 0 < abs(number) < 1e-5 else f"{number:.10g}"
    if "E" in text or "e" in text:
        mantissa, exponent = text.upper().split("E")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        text = f"{mantissa}E{int(exponent):+03d}"
    return text if decimal == "." else text.replace(".", decimal)


def _number(number: float, kind: str, pattern: str, locale: Locale) -> str:
    if kind == "TEXT" or pattern in ("@", "General"):
        return general(number, locale.decimal)
    if kind in DATE_TYPES or (not kind and re.search(r"[ymdhs]", pattern, re.IGNORECASE)):
        return _moment(number, pattern or _default_date(kind, locale))
    defaults = {"PERCENT": "0.00%", "CURRENCY": f"[${locale.currency}]#,##0.00", "SCIENTIFIC": "0.00E+00"}
    return _patterned(number, pattern or defaults.get(kind, "#,##0.00"), locale)


def _default_date(kind: str, locale: Locale) -> str:
    if kind == "DATE":
        return locale.date
    return "h:mm:ss am/pm" if kind == "TIME" else f"{locale.date} H:mm:ss"


def _moment(serial: float, pattern: str) -> str:
    moment = from_serial(serial)
    if moment is None:
        return general(serial)
    steps = _date_steps(pattern)
    twelve = any(step.kind == "half" for step in steps)
    hour = (moment.hour % 12 or 12) if twelve else moment.hour
    elapsed = round(serial * 86_400_000) // 1000
    known = {
        "y": moment.year,
        "d": moment.day,
        "h": hour,
        "min": moment.minute,
        "s": moment.second,
        "m": moment.month,
        "[h]": elapsed // 3600,
        "[m]": elapsed // 60,
        "[s]": elapsed,
    }
    texts = {
        "yy": f"{moment.year % 100:02d}",
        "ddd": _DAYS[moment.weekday()][:3],
        "dddd": _DAYS[moment.weekday()],
        "mmm": _MONTHS[moment.month - 1][:3],
        "mmmm": _MONTHS[moment.month - 1],
        "mmmmm": _MONTHS[moment.month - 1][:1],
    }
    return "".join(_date_part(step, known, texts, moment.hour, moment.microsecond) for step in steps)


class _Step(NamedTuple):
    kind: str
    width: int
    text: str


def _date_part(step: _Step, known: Mapping[str, int], texts: Mapping[str, str], hour: int, microsecond: int) -> str:
    if step.kind == "text":
        return step.text
    if step.kind == "half":
        return ("AM" if hour < 12 else "PM")[: step.width]
    if step.kind == "fraction":
        return "." + f"{microsecond:06d}"[: step.width]
    if step.kind in texts:
        return texts[step.kind]
    return f"{known[step.kind]:0{step.width}d}"


@lru_cache(maxsize=500)
def _date_steps(pattern: str) -> tuple[_Step, ...]:
    tokens = _DATE_TOKEN.findall(pattern)
    steps = []
    for index, token in enumerate(tokens):
        steps.append(_date_step(token, _is_minute(tokens, index)))
    return tuple(steps)


def _is_minute(tokens: list[str], index: int) -> bool:
    # `m` is the minute right after the hour or right before the second, else the month.
    before = next((t[0].lower() for t in reversed(tokens[:index]) if t[:1].lower() in "ymdhs["), "")
    after = next((t[0].lower() for t in tokens[index + 1 :] if t[:1].lower() in "ymdhs["), "")
    return before in ("h", "[") or after == "s"


def _date_step(token: str, minute: bool) -> _Step:
    lower = token.lower()
    if lower in ("am/pm", "a/p"):
        return _Step("half", 2 if lower == "am/pm" else 1, "")
    if lower[0] == "[" and len(lower) > 2:
        return _Step(lower[:2] + "]", len(lower) - 2, "")
    if lower.startswith(".0"):
        return _Step("fraction", len(lower) - 1, "")
    if lower[0] == '"':
        return _Step("text", 0, token[1:-1])
    if lower[0] == "\\":
        return _Step("text", 0, token[1:])
    return _field_step(token, lower, minute)


def _field_step(token: str, lower: str, minute: bool) -> _Step:
    width = len(lower)
    if lower[0] == "y":
        return _Step("yy", 2, "") if width <= 2 else _Step("y", 4, "")
    if lower[0] == "m":
        if minute and width <= 2:
            return _Step("min", width, "")
        return _Step("m" if width <= 2 else "m" * min(width, 5), width, "")
    if lower[0] == "d":
        return _Step("d" if width <= 2 else "d" * min(width, 4), width, "")
    if lower[0] in "hs":
        return _Step(lower[0], min(width, 2), "")
    return _Step("text", 0, token)


def _patterned(number: float, pattern: str, locale: Locale) -> str:
    sections = _sections(pattern)
    section, signed = sections[0], True
    if number < 0 and len(sections) > 1:
        section, signed = sections[1], False
    elif number == 0 and len(sections) > 2:
        section = sections[2]
    text = _section(abs(number), section, locale)
    return f"-{text}" if number < 0 and signed and re.search("[1-9]", text) else text


@lru_cache(maxsize=500)
def _sections(pattern: str) -> tuple[tuple[str, ...], ...]:
    parts = re.split(r';(?=(?:[^"]*"[^"]*")*[^"]*$)', _COLOUR.sub("", pattern))
    return tuple(tuple(_NUMBER_TOKEN.findall(part)) for part in parts)


def _section(number: float, tokens: tuple[str, ...], locale: Locale) -> str:
    if "%" in tokens:
        number *= 100
    text = ""
    placed = False
    scientific = next((token for token in tokens if token[0] in "eE" and len(token) > 2), None)
    for token in tokens:
        if token[0] in "0#?.," and not placed:
            placed = True
            text += _scientific(number, token, scientific, locale) if scientific else _digits(number, token, locale)
        elif token is not scientific:
            text += _literal(token)
    return text


def _literal(token: str) -> str:
    if token[0] == '"':
        return token[1:-1]
    if token.startswith("[$"):
        return token[2:-1].partition("-")[0]
    if token[0] in "\\":
        return token[1:]
    return " " if token[0] == "_" else "" if token[0] == "*" else token


def _digits(number: float, token: str, locale: Locale) -> str:
    whole, _, fraction = token.partition(".")
    while whole.endswith(","):
        number, whole = number / 1000, whole[:-1]
    least, most = fraction.count("0"), len(fraction.replace(",", ""))
    # Google rounds halves up as they print; the shortest text of the double tells what prints.
    integer, _, decimals = _rounded(number, most).partition(".")
    while len(decimals) > least and decimals.endswith("0"):
        decimals = decimals[:-1]
    integer = integer.lstrip("0").rjust(whole.count("0"), "0")
    if "," in whole:
        integer = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", locale.group, integer)
    return f"{integer}{locale.decimal}{decimals}" if decimals or (fraction == "" and "." in token) else integer


def _rounded(number: float, places: int) -> str:
    exact = Decimal(repr(number))
    return format(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, Context(prec=400)), "f")


def _scientific(number: float, token: str, exponent: str, locale: Locale) -> str:
    places = len(token.partition(".")[2])
    mantissa, power = f"{number:.{places}E}".split("E")
    return f"{mantissa.replace('.', locale.decimal)}E{int(power):+0{exponent.count('0') + 1}d}"
