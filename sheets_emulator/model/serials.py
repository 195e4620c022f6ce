"""Dates and times as serial numbers: days since 1899-12-30, the time of day as the fraction.

https://developers.google.com/workspace/sheets/api/guides/formats#about_date_time_values
"""

from datetime import date, datetime, timedelta

EPOCH = datetime(1899, 12, 30)
_DAY_MS = 86_400_000
_LAST = 2_958_466  # the first day past 9999-12-31


def to_serial(moment: datetime) -> float:
    """The serial number of a moment on the spreadsheet's clock."""
    return (moment - EPOCH) / timedelta(days=1)


def date_serial(day: date) -> float:
    """The serial number of a day."""
    return to_serial(datetime(day.year, day.month, day.day))


def from_serial(serial: float) -> datetime | None:
    """The moment of a serial number to the millisecond; None outside of the years that a date can have."""
    if not -693_593 <= serial < _LAST:
        return None
    return EPOCH + timedelta(milliseconds=round(serial * _DAY_MS))
