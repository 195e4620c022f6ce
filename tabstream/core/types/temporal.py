"""Dates and times: a serial number to the millisecond, or text where a serial number would lose something.

A serial number counts days since 1899-12-30 by the clock of the spreadsheet's own zone. Text is used for microseconds,
for days before 1899-12-30 and past 9999-12-31, for infinity, for 24:00:00, and for the hour that a change of the clocks
repeats.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types import civil
from tabstream.core.types.base import PLAIN_TEXT, Builder, ColumnType, NumberFormat, PgType
from tabstream.core.types.cell_text import clean, cleaned, fitted, in_words, kept, refuse_cut
from tabstream.core.types.serial import cell_of_day, cell_of_wall, kept_serial, serial_number, wall_of
from tabstream.errors import BindingProblem, NotAccepted

_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

DATE_FORMAT = NumberFormat("DATE", "yyyy-mm-dd")
TIME_FORMAT = NumberFormat("TIME", "hh:mm:ss")
DATE_TIME_FORMAT = NumberFormat("DATE_TIME", "yyyy-mm-dd hh:mm:ss")


@dataclass(frozen=True, slots=True)
class Date:
    """A day."""

    read_only: bool = False
    number_format: NumberFormat | None = DATE_FORMAT
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        text = clean(text)
        return None if text is None else self._read(text)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType. A number with a time of day is no date and stays what it is."""
        value = cleaned(cell.value)
        if isinstance(value, str):
            return self._read(value)
        wall_us = wall_of(value)
        if wall_us is None or wall_us % civil.DAY_US:
            return kept_serial(value)
        return cell_of_day(wall_us // civil.DAY_US)

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        if value is None:
            return None
        infinite = infinite_value(value, civil.LAST_DATE)
        if infinite:
            return infinite
        number = _day_of(value)
        if not civil.FIRST_DAY <= number <= civil.LAST_DATE:
            raise NotAccepted(f"{in_words(value)} is outside the dates that the database keeps")
        return civil.date_text(number)

    def _read(self, text: str) -> CellValue:
        moment = civil.parse_moment(text)
        infinite = civil.infinite(text, civil.LAST_DATE)
        if infinite or moment is None or moment.time_us is not None:
            return infinite or fitted(text)
        return cell_of_day(moment.day)


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day without a zone."""

    read_only: bool = False
    number_format: NumberFormat | None = TIME_FORMAT
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        text = clean(text)
        return None if text is None else self._read(text)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType."""
        value = cleaned(cell.value)
        return self._read(value) if isinstance(value, str) else kept_serial(value)

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        if value is None:
            return None
        if isinstance(value, str):
            refuse_cut(value)
            parsed = civil.parse_time(value)
            time_us = parsed[0] if parsed else None
        else:
            time_us = wall_of(value)
        if time_us is None:
            raise NotAccepted(f"{in_words(value)} is not a time of day such as 14:30:00")
        if not isinstance(value, str) and not 0 <= time_us < civil.DAY_US:
            raise NotAccepted(f"{civil.timestamp_text(time_us)} is not a time of day only")
        return civil.time_text(time_us)

    def _read(self, text: str) -> CellValue:
        parsed = civil.parse_time(text)
        if parsed is None:
            return fitted(text)
        return serial_number(parsed[0]) if parsed[0] < civil.DAY_US and parsed[0] % 1000 == 0 else civil.time_text(parsed[0])


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A date and time without a zone: the same digits in the database and in the sheet."""

    read_only: bool = False
    number_format: NumberFormat | None = DATE_TIME_FORMAT
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        text = clean(text)
        return None if text is None else self._read(text)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType."""
        value = cleaned(cell.value)
        if isinstance(value, str):
            return self._read(value)
        wall_us = wall_of(value)
        return kept_serial(value) if wall_us is None else cell_of_wall(wall_us)

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        if value is None:
            return None
        infinite = infinite_value(value, civil.LAST_TIMESTAMP_DAY)
        if infinite:
            return infinite
        wall_us, offset_us = wall_and_offset(value)
        if offset_us:
            raise NotAccepted(f"{in_words(value)} names a time zone, and this column keeps none")
        check_timestamp(wall_us, value)
        return civil.timestamp_text(wall_us)

    def _read(self, text: str) -> CellValue:
        moment = civil.parse_moment(text)
        infinite = civil.infinite(text, civil.LAST_TIMESTAMP_DAY)
        if infinite or moment is None or moment.offset_us:
            return infinite or fitted(text)
        return cell_of_wall(moment.wall_us)


@dataclass(frozen=True, slots=True)
class TimestampTz:
    """A moment, shown by the clock of `zone`; the sink makes a new type where the spreadsheet's zone changes."""

    zone: str
    read_only: bool = False
    number_format: NumberFormat | None = DATE_TIME_FORMAT
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType. PostgreSQL's text may have any offset: the moment counts."""
        text = clean(text)
        return None if text is None else self._read(text)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType. A clock time that is skipped or repeated in the zone stays what it is."""
        value = cleaned(cell.value)
        if isinstance(value, str):
            return self._read(value)
        wall_us = wall_of(value)
        moments = [] if wall_us is None else self._moments(wall_us)
        return self._cell(moments[0]) if len(moments) == 1 else kept_serial(value)

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        if value is None:
            return None
        infinite = infinite_value(value, civil.LAST_TIMESTAMP_DAY)
        if infinite:
            return infinite
        wall_us, offset_us = wall_and_offset(value)
        moment_us = self._moment(wall_us) if offset_us is None else wall_us - offset_us
        check_timestamp(moment_us, value)
        return civil.timestamp_text(moment_us, "+00")

    def _read(self, text: str) -> CellValue:
        moment = civil.parse_moment(text)
        infinite = civil.infinite(text, civil.LAST_TIMESTAMP_DAY)
        if infinite or moment is None:
            return infinite or fitted(text)
        if moment.offset_us is not None:
            return self._cell(moment.wall_us - moment.offset_us)
        moments = self._moments(moment.wall_us)
        return self._cell(moments[0]) if len(moments) == 1 else cell_of_wall(moment.wall_us)

    def _cell(self, moment_us: int) -> CellValue:
        local = self._local(moment_us)
        offset = local.utcoffset() if local else None
        offset_us = offset // _MICROSECOND if offset is not None else 0
        wall_us = moment_us + offset_us
        cell = cell_of_wall(wall_us)
        repeated = local is not None and local.replace(fold=1 - local.fold).utcoffset() != offset
        if isinstance(cell, float) and not repeated:
            return cell
        return civil.timestamp_text(wall_us, civil.offset_text(offset_us))

    def _local(self, moment_us: int) -> datetime | None:
        """The moment by the zone's clock; None outside the years that Python's calendar has."""
        try:
            return (_EPOCH + moment_us * _MICROSECOND).astimezone(ZoneInfo(self.zone))
        except OverflowError:
            return None

    def _moments(self, wall_us: int) -> list[int]:
        """The moments at which the zone's clock shows this: none, one or two."""
        try:
            wall = (_EPOCH + wall_us * _MICROSECOND).replace(tzinfo=ZoneInfo(self.zone))
            offset = wall.utcoffset()
            if offset is not None and wall.replace(fold=1).utcoffset() == offset:  # neither skipped nor repeated
                return [(wall.astimezone(UTC) - _EPOCH) // _MICROSECOND]
            seen = {(wall.replace(fold=fold).astimezone(UTC) - _EPOCH) // _MICROSECOND for fold in (0, 1)}
            return sorted(m for m in seen if (_EPOCH + m * _MICROSECOND).astimezone(wall.tzinfo).replace(fold=0) == wall)
        except OverflowError:
            return [wall_us]

    def _moment(self, wall_us: int) -> int:
        moments = self._moments(wall_us)
        shown = civil.timestamp_text(wall_us)
        if not moments:
            raise NotAccepted(f"{shown} does not exist in {self.zone}: the clocks skip it")
        if len(moments) > 1:
            local = self._local(moments[0])
            offset = local.utcoffset() if local else None
            example = shown + civil.offset_text(offset // _MICROSECOND if offset else 0)
            raise NotAccepted(f"{shown} comes twice in {self.zone}: type it as text with its offset, such as '{example}")
        return moments[0]


@dataclass(frozen=True, slots=True)
class TimeTz:
    """A time of day with an offset, shown in UTC. Read-only: Debezium does not tell which offset was stored."""

    read_only: bool = True
    number_format: NumberFormat | None = PLAIN_TEXT
    validation: None = None

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        parsed = civil.parse_time(text) if text else None
        if parsed is None:
            return fitted(text)
        return civil.time_text((parsed[0] - (parsed[1] or 0)) % civil.DAY_US) + "Z"

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType."""
        return kept(cell.value)

    def to_database(self, value: CellValue) -> str | None:
        """Accepts nothing."""
        raise NotAccepted("times with a time zone can't be changed in the sheet")


def infinite_value(value: CellValue, last_day: int) -> str | None:
    """`infinity` or `-infinity` if that is the cell's text."""
    word = value.strip().lower() if isinstance(value, str) else ""
    return civil.infinite(word, last_day) if word.endswith("infinity") else None


def wall_and_offset(value: CellValue) -> tuple[int, int | None]:
    """The clock time of a serial number or an ISO text, and the text's offset; raises NotAccepted."""
    if isinstance(value, str):
        refuse_cut(value)
        moment = civil.parse_moment(value)
        if moment:
            return moment.wall_us, moment.offset_us
    wall_us = wall_of(value)
    if wall_us is None:
        raise NotAccepted(f"{in_words(value)} is not a date and time such as 2026-11-23 14:30:00")
    return wall_us, None


def check_timestamp(wall_us: int, value: CellValue) -> None:
    """Raises NotAccepted for a time that PostgreSQL doesn't have."""
    if not civil.FIRST_DAY * civil.DAY_US <= wall_us < (civil.LAST_TIMESTAMP_DAY + 1) * civil.DAY_US:
        raise NotAccepted(f"{in_words(value)} is outside the times that the database keeps")


def _day_of(value: CellValue) -> int:
    if isinstance(value, str):
        refuse_cut(value)
        moment = civil.parse_moment(value)
        if moment and moment.time_us is None:
            return moment.day
    wall_us = wall_of(value)
    if wall_us is None:
        raise NotAccepted(f"{in_words(value)} is not a date such as 2026-11-23")
    if wall_us % civil.DAY_US:
        raise NotAccepted(f"{civil.timestamp_text(wall_us)} has a time of day, and this column keeps dates only")
    return wall_us // civil.DAY_US


def _date(pg_type: PgType) -> ColumnType:
    return Date(pg_type.read_only)


def _time(pg_type: PgType) -> ColumnType:
    return Time(pg_type.read_only)


def _timestamp(pg_type: PgType) -> ColumnType:
    return Timestamp(pg_type.read_only)


def _timestamptz(pg_type: PgType) -> ColumnType:
    try:
        ZoneInfo(pg_type.zone)
    except (KeyError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        raise BindingProblem(
            f"the spreadsheet's time zone {pg_type.zone!r} is not known here",
            "choose another one in the sheet's File > Settings, or update the package tzdata",
        ) from None
    return TimestampTz(pg_type.zone, pg_type.read_only)


def _timetz(_: PgType) -> ColumnType:
    return TimeTz()


BUILDERS: Mapping[str, Builder] = {
    "date": _date,
    "time without time zone": _time,
    "timestamp without time zone": _timestamp,
    "timestamp with time zone": _timestamptz,
    "time with time zone": _timetz,
}
