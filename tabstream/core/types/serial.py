"""Serial numbers: days since 1899-12-30 00:00 by a spreadsheet's own clock, kept to the millisecond."""

from tabstream.core.cells import CellValue
from tabstream.core.types import civil
from tabstream.core.types.cell_text import kept

_DAY_MS = 86_400_000
_FIRST_UNSHOWN_DAY = civil.day_number(10_000, 1, 1)
_MOST_DAYS = 10_000_000  # beyond any day that PostgreSQL has; keeps serial arithmetic exact


def serial_number(wall_us: int) -> float:
    """Days since 1899-12-30 00:00, for whole milliseconds."""
    return wall_us // 1000 / _DAY_MS


def wall_of(value: CellValue) -> int | None:
    """Microseconds since 1899-12-30 00:00 that a serial number means, None for what is no serial number."""
    if isinstance(value, bool) or not isinstance(value, float | int) or abs(value) > _MOST_DAYS:
        return None
    return round(value * _DAY_MS) * 1000


def kept_serial(value: CellValue) -> CellValue:
    """The canonical form of a cell that its column can't take: a number to the millisecond, the rest as it is."""
    wall_us = wall_of(value)
    return kept(value) if wall_us is None else serial_number(wall_us)


def cell_of_day(number: int) -> CellValue:
    """A serial number, or the text of a day that a sheet can't show."""
    return float(number) if 0 <= number < _FIRST_UNSHOWN_DAY else civil.date_text(number)


def cell_of_wall(wall_us: int) -> CellValue:
    """A serial number, or the text of a time that a serial number can't hold."""
    if 0 <= wall_us < _FIRST_UNSHOWN_DAY * civil.DAY_US and wall_us % 1000 == 0:
        return serial_number(wall_us)
    return civil.timestamp_text(wall_us)
