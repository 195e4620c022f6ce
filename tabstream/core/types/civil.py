"""Dates and times as PostgreSQL has them: years 4714 BC to 5874897, microseconds, 24:00, infinity.

Python's datetime ends at the years 1 and 9999, so days and microseconds are counted here as integers since
1899-12-30, the day that a spreadsheet counts from. Years are astronomical inside (0 is 1 BC) and written as PostgreSQL
writes them (`0044-03-15 BC`). Java's way, in which Debezium sends them (`-0043-03-15`, `+12026-01-01`), is read too.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

_DAYS = 4_096  # that are kept once they are counted: most rows of a table are of few days
DAY_US = 86_400_000_000
_DATE = r"([+-]?)([0-9]{4,9})-([0-9]{2})-([0-9]{2})"
_TIME = r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6})(?:000)?)?)?"
_OFFSET = r"(Z|[+-][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?)"
_ERA = r"(?: (BC|AD))?"
_MOMENT_TEXT = re.compile(f"{_DATE}(?:[T ]{_TIME})?(?: ?{_OFFSET})?{_ERA}", re.IGNORECASE)
_TIME_TEXT = re.compile(f"{_TIME}(?: ?{_OFFSET})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a text says: `day` since 1899-12-30, `time_us` since midnight and `offset_us` from UTC, if it says them."""

    day: int
    time_us: int | None = None
    offset_us: int | None = None

    @property
    def wall_us(self) -> int:
        """Microseconds since 1899-12-30 00:00, by the clock that the text was read from."""
        return self.day * DAY_US + (self.time_us or 0)


def day_number(year: int, month: int, day: int) -> int:
    """Days since 1899-12-30 in the proleptic Gregorian calendar (algorithm: Howard Hinnant's days_from_civil)."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 693_899


def civil_date(number: int) -> tuple[int, int, int]:
    """Year, month and day of a day number."""
    era, day_of_era = divmod(number + 693_899, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


FIRST_DAY = day_number(-4713, 11, 24)  # https://www.postgresql.org/docs/current/datatype-datetime.html
LAST_DATE = day_number(5_874_897, 12, 31)
LAST_TIMESTAMP_DAY = day_number(294_276, 12, 31)
_JAVA_INFINITIES = {  # what Debezium's PostgresValueConverter makes of them where it has no word for infinity
    "-5877611-06-21": "infinity",
    "+294247-01-10T04:00:25.2": "infinity",
    "+294247-01-10T04:00:25.200": "infinity",
}


def infinite(text: str, last_day: int) -> str | None:
    """`infinity` or `-infinity` if the text means it; Debezium sends days that PostgreSQL doesn't have for them."""
    lowered = "" if text[0].isdigit() else text.strip().lower()
    if lowered in ("infinity", "+infinity"):
        return "infinity"
    if lowered == "-infinity":
        return lowered
    if len(text) <= 10 or text[0] not in "+-":
        return None
    if text.rstrip("Z") in _JAVA_INFINITIES:
        return _JAVA_INFINITIES[text.rstrip("Z")]
    moment = parse_moment(text)
    if moment is None or FIRST_DAY <= moment.day <= last_day:
        return None
    return "infinity" if moment.day > 0 else "-infinity"


def parse_moment(text: str) -> Moment | None:
    """The date, and time and offset if there, of an ISO text; None for any other text and for days that don't exist."""
    match = _MOMENT_TEXT.fullmatch(text.strip())
    if not match:
        return None
    sign, years, months, days, hours, minutes, seconds, fractions, offset, era = match.groups()
    number = _day_of(sign + years, months, days, era)
    if number is None or hours is None:
        return None if number is None else Moment(number, None, _offset_us(offset))
    time_us = _time_us(hours, minutes, seconds, fractions)
    return None if time_us is None else Moment(number, time_us, _offset_us(offset))


def parse_time(text: str) -> tuple[int, int | None] | None:
    """Microseconds since midnight and the offset from UTC, if there, of an ISO text."""
    match = _TIME_TEXT.fullmatch(text.strip())
    if not match:
        return None
    *time, offset = match.groups()
    time_us = _time_us(*time)
    return None if time_us is None else (time_us, _offset_us(offset))


def date_text(number: int) -> str:
    """A day as PostgreSQL writes it."""
    return _dated(number, "")


def timestamp_text(wall_us: int, offset: str = "") -> str:
    """Date, time and the given text of an offset, as PostgreSQL writes them."""
    number, time_us = divmod(wall_us, DAY_US)
    return _dated(number, f" {time_text(time_us)}{offset}")


def time_text(time_us: int) -> str:
    """A time of day; 24:00:00 is the end of the day."""
    seconds, fraction = divmod(time_us, 1_000_000)
    shown = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{shown}.{fraction:06}".rstrip("0") if fraction else shown


def offset_text(offset_us: int) -> str:
    """An offset from UTC, such as +01:00; with seconds where a zone's local mean time has them."""
    sign = "-" if offset_us < 0 else "+"
    seconds = abs(offset_us) // 1_000_000
    shown = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}"
    return f"{shown}:{seconds % 60:02}" if seconds % 60 else shown


def _dated(number: int, rest: str) -> str:
    year, month, day = civil_date(number)
    shown, era = (year, "") if year > 0 else (1 - year, " BC")
    return f"{shown:04}-{month:02}-{day:02}{rest}{era}"


@lru_cache(maxsize=_DAYS)
def _day_of(years: str, months: str, days: str, era: str | None) -> int | None:
    year, month, day = int(years), int(months), int(days)
    if era and era.upper() == "BC":
        year = 1 - year
    number = day_number(year, month, day) if 1 <= month <= 12 else None
    return None if number is None or civil_date(number) != (year, month, day) else number


def _time_us(hours: str, minutes: str, seconds: str | None, fractions: str | None) -> int | None:
    hour, minute, second = int(hours), int(minutes), int(seconds or 0)
    fraction = int(fractions.ljust(6, "0")) if fractions else 0
    total = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
    return None if minute > 59 or second > 59 or total > DAY_US else total


def _offset_us(text: str | None) -> int | None:
    if text is None:
        return None
    if text in "Zz":
        return 0
    digits = text[1:].replace(":", "").ljust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
    return (-seconds if text[0] == "-" else seconds) * 1_000_000
