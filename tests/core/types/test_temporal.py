"""Dates and times mean the same on both sides, in every zone, and lose no microsecond."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types import civil
from tabstream.core.types.base import NumberFormat
from tabstream.core.types.factory import column_type
from tabstream.errors import NotAccepted


def _type(pg_type: str, zone: str = "Europe/Berlin"):
    return column_type(pg_type, nullable=True, zone=zone)


HALF_PAST_TEN = 37_800_000 / 86_400_000

FROM_TEXT: list[tuple[str, str | None, CellValue]] = [
    ("date", None, None),
    ("date", "1899-12-30", 0.0),
    ("date", "2026-11-23", 46349.0),
    ("date", "2026-11-23Z", 46349.0),
    ("date", "9999-12-31", 2958465.0),
    ("date", "1899-12-29", "1899-12-29"),
    ("date", "12026-01-01", "12026-01-01"),
    ("date", "+12026-01-01Z", "12026-01-01"),
    ("date", "0044-03-15 BC", "0044-03-15 BC"),
    ("date", "-0043-03-15Z", "0044-03-15 BC"),
    ("date", "0000-12-31Z", "0001-12-31 BC"),
    ("date", "infinity", "infinity"),
    ("date", "-infinity", "-infinity"),
    ("date", "-5877611-06-21Z", "infinity"),
    ("date", "-5877611-06-22Z", "-infinity"),
    ("date", "+292278994-08-17Z", "infinity"),
    ("time", "10:30:00", HALF_PAST_TEN),
    ("time", "10:30:00Z", HALF_PAST_TEN),
    ("time", "10:30:00.000001", "10:30:00.000001"),
    ("time", "10:30:00.500000Z", (37_800_500) / 86_400_000),
    ("time", "24:00:00", "24:00:00"),
    ("time(3) without time zone", "00:00:00", 0.0),
    ("timestamp", "2026-11-23 10:30:00", 46349 + HALF_PAST_TEN),
    ("timestamp", "2026-11-23T10:30:00Z", 46349 + HALF_PAST_TEN),
    ("timestamp", "2026-11-23T20:00:51.959037Z", "2026-11-23 20:00:51.959037"),
    ("timestamp", "2026-11-23 20:00:51.95904", "2026-11-23 20:00:51.95904"),
    ("timestamp(0) without time zone", "0044-03-15 12:00:00 BC", "0044-03-15 12:00:00 BC"),
    ("timestamp", "-0043-03-15T12:00:00Z", "0044-03-15 12:00:00 BC"),
    ("timestamp", "infinity", "infinity"),
    ("timestamp", "+294247-01-10T04:00:25.2Z", "infinity"),
    ("timestamp", "-290308-12-21T19:59:27.6Z", "-infinity"),
    ("timestamptz", "2026-11-23 09:30:00+00", 46349 + HALF_PAST_TEN),
    ("timestamptz", "2026-11-23T09:30:00Z", 46349 + HALF_PAST_TEN),
    ("timestamptz", "2026-11-23 15:00:00+05:30", 46349 + HALF_PAST_TEN),
    ("timestamptz", "2026-07-01 08:30:00+00", 46204 + HALF_PAST_TEN),
    ("timestamptz", "2026-11-23T20:00:51.959037Z", "2026-11-23 21:00:51.959037+01:00"),
    ("timestamptz", "2026-10-25 00:30:00+00", "2026-10-25 02:30:00+02:00"),
    ("timestamptz", "2026-10-25 01:30:00+00", "2026-10-25 02:30:00+01:00"),
    ("timestamptz", "1850-01-01 00:00:00+00", "1850-01-01 00:53:28+00:53:28"),
    ("timestamptz", "12026-01-01 00:00:00+00", "12026-01-01 00:00:00+00:00"),
    ("timestamptz", "0044-03-15 12:00:00+00 BC", "0044-03-15 12:00:00+00:00 BC"),
    ("timestamptz", "infinity", "infinity"),
    ("timetz", "22:00:51.959037+02", "20:00:51.959037Z"),
    ("timetz", "20:00:51.959037Z", "20:00:51.959037Z"),
    ("timetz", "00:30:00+01", "23:30:00Z"),
]


@pytest.mark.parametrize(("pg_type", "text", "cell"), FROM_TEXT)
def test_database_text_becomes_a_cell(pg_type: str, text: str | None, cell: CellValue) -> None:
    found = _type(pg_type).from_text(text)
    if isinstance(cell, float) and isinstance(found, float):
        assert abs(found - cell) < 1e-9
        assert found == round(found * 86_400_000) / 86_400_000
    else:
        assert found == cell


FROM_CELL: list[tuple[str, CellValue, CellValue]] = [
    ("date", 46349.0, 46349.0),
    ("date", "2026-11-23", 46349.0),
    ("date", -1.0, "1899-12-29"),
    ("date", 46349.5, 46349.5),
    ("date", "next monday", "next monday"),
    ("date", "2026-02-30", "2026-02-30"),
    ("date", "Infinity", "infinity"),
    ("date", True, True),
    ("time", 0.4375, 0.4375),
    ("time", "10:30", 0.4375),
    ("time", 1.5, 1.5),
    ("timestamp", 46349.4375, 46349.4375),
    ("timestamp", 46349.43750000001, 46349.4375),
    ("timestamp", "2026-11-23 10:30", 46349.4375),
    ("timestamp", "2026-11-23T10:30:00+02", "2026-11-23T10:30:00+02"),
    ("timestamptz", 46349.4375, 46349.4375),
    ("timestamptz", "2026-11-23 10:30", 46349.4375),
    ("timestamptz", "2026-11-23T09:30:00Z", 46349.4375),
    ("timestamptz", "2026-10-25 02:30", 46320.104166666664),
    ("timestamptz", 46320.104166666664, 46320.104166666664),
    ("timestamptz", -18260.0, "1850-01-01 00:00:00+00:53:28"),
]


@pytest.mark.parametrize(("pg_type", "value", "cell"), FROM_CELL)
def test_a_cell_is_the_time_it_means(pg_type: str, value: CellValue, cell: CellValue) -> None:
    found = _type(pg_type).from_cell(ObservedCell(value, "shown otherwise"))
    assert found == pytest.approx(cell, abs=1e-9) if isinstance(cell, float) else found == cell


TO_DATABASE: list[tuple[str, CellValue, str | None]] = [
    ("date", None, None),
    ("date", 46349.0, "2026-11-23"),
    ("date", "0044-03-15 BC", "0044-03-15 BC"),
    ("date", "infinity", "infinity"),
    ("time", 0.4375, "10:30:00"),
    ("time", "24:00:00", "24:00:00"),
    ("timestamp", 46349.4375, "2026-11-23 10:30:00"),
    ("timestamp", "2026-11-23 24:00:00", "2026-11-24 00:00:00"),
    ("timestamp", "-infinity", "-infinity"),
    ("timestamptz", 46349.4375, "2026-11-23 09:30:00+00"),
    ("timestamptz", "2026-10-25 02:30:00+01:00", "2026-10-25 01:30:00+00"),
    ("timestamptz", "0044-03-15 12:00:00+00:00 BC", "0044-03-15 12:00:00+00 BC"),
]


@pytest.mark.parametrize(("pg_type", "value", "text"), TO_DATABASE)
def test_a_time_goes_to_the_database(pg_type: str, value: CellValue, text: str | None) -> None:
    assert _type(pg_type).to_database(value) == text


TO_DATABASE_BAD: list[tuple[str, CellValue, str]] = [
    ("date", "next monday", '"next monday" is not a date such as 2026-11-23'),
    ("date", "2026-02-30", "is not a date"),
    ("date", "2026-11-23 10:30", "is not a date"),
    ("date", 46349.4375, "2026-11-23 10:30:00 has a time of day, and this column keeps dates only"),
    ("date", True, "TRUE is not a date"),
    ("date", "4714-11-23 BC", "outside the dates"),
    ("date", "5874898-01-01", "outside the dates"),
    ("date", 1e12, "is not a date"),
    ("time", 1.5, "1899-12-31 12:00:00 is not a time of day only"),
    ("time", "25:00", "is not a time of day such as"),
    ("time", "10:30:60", "is not a time of day"),
    ("timestamp", "2026-11-23T10:30:00+02", "names a time zone, and this column keeps none"),
    ("timestamp", "294277-01-01 00:00:00", "outside the times"),
    ("timestamp", "tomorrow", "is not a date and time"),
    ("timestamptz", 46110.104166666664, "2026-03-29 02:30:00 does not exist in Europe/Berlin"),
    ("timestamptz", "2026-03-29 02:30:00", "does not exist in Europe/Berlin"),
    ("timestamptz", 46320.104166666664, "type it as text with its offset, such as '2026-10-25 02:30:00+02:00"),
    ("timestamptz", False, "FALSE is not a date and time"),
    ("timetz", "10:30:00Z", "can't be changed"),
]


@pytest.mark.parametrize(("pg_type", "value", "reason"), TO_DATABASE_BAD)
def test_a_time_that_does_not_fit_is_refused_in_plain_words_bad(pg_type: str, value: CellValue, reason: str) -> None:
    with pytest.raises(NotAccepted) as refused:
        _type(pg_type).to_database(value)
    assert reason in refused.value.reason


@pytest.mark.parametrize(
    ("pg_type", "expected"),
    [
        ("date", NumberFormat("DATE", "yyyy-mm-dd")),
        ("time", NumberFormat("TIME", "hh:mm:ss")),
        ("timestamp", NumberFormat("DATE_TIME", "yyyy-mm-dd hh:mm:ss")),
        ("timestamptz", NumberFormat("DATE_TIME", "yyyy-mm-dd hh:mm:ss")),
    ],
)
def test_times_are_shown_as_times(pg_type: str, expected: NumberFormat) -> None:
    assert _type(pg_type).number_format == expected


@given(st.dates())
def test_day_numbers_agree_with_pythons_calendar(day: date) -> None:
    assert civil.day_number(day.year, day.month, day.day) == (day - date(1899, 12, 30)).days


@given(st.integers(civil.FIRST_DAY, civil.LAST_DATE))
def test_a_date_survives_the_way_there_and_back(number: int) -> None:
    column, text = _type("date"), civil.date_text(number)
    cell = column.from_text(text)
    assert column.to_database(cell) == text
    assert column.from_cell(ObservedCell(cell, "any")) == cell


@given(st.times())
def test_a_time_survives_the_way_there_and_back(value: time) -> None:
    column = _type("time")
    cell = column.from_text(str(value))
    assert time.fromisoformat(column.to_database(cell) or "") == value
    assert column.from_cell(ObservedCell(cell, "any")) == cell == column.from_text(f"{value}Z")


MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)) | st.datetimes(
    datetime(1900, 1, 1), datetime(2100, 1, 1)
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))


@given(MOMENTS)
def test_a_timestamp_survives_the_way_there_and_back(value: datetime) -> None:
    column = _type("timestamp")
    cell = column.from_text(str(value))
    assert datetime.fromisoformat(column.to_database(cell) or "") == value
    assert column.from_cell(ObservedCell(cell, "any")) == cell == column.from_text(f"{value.isoformat()}Z")


ZONES = ["Etc/GMT", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]


@given(MOMENTS, st.sampled_from(ZONES), st.integers(-12 * 60, 14 * 60))
def test_a_moment_survives_in_every_zone(value: datetime, zone: str, offset_minutes: int) -> None:
    column = _type("timestamptz", zone)
    elsewhere = value + timedelta(minutes=offset_minutes)
    cell = column.from_text(str(value) + "+00")
    assert datetime.fromisoformat(column.to_database(cell) or "") == value.replace(tzinfo=UTC)
    assert column.from_cell(ObservedCell(cell, "any")) == cell
    assert column.from_text(str(elsewhere) + civil.offset_text(offset_minutes * 60_000_000)) == cell


@given(st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)), st.sampled_from(ZONES))
def test_around_a_change_of_the_clocks_no_two_moments_are_the_same_cell(value: datetime, zone: str) -> None:
    column = _type("timestamptz", zone)
    first, second = (column.from_text(str(value + timedelta(hours=h)) + "+00") for h in (0, 1))
    assert first != second


@given(st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20) | st.booleans() | st.none())
@pytest.mark.parametrize("pg_type", ["date", "time", "timestamp", "timestamptz"])
def test_reading_a_cell_again_changes_nothing(pg_type: str, value: CellValue) -> None:
    column = _type(pg_type)
    once = column.from_cell(ObservedCell(value, "any"))
    assert column.from_cell(ObservedCell(once, "any")) == once


@given(st.floats(-3e6, 3e6))
@pytest.mark.parametrize("pg_type", ["date", "time", "timestamp", "timestamptz"])
def test_a_serial_number_that_is_saved_comes_back_as_the_same_cell(pg_type: str, value: float) -> None:
    column = _type(pg_type)
    cell = column.from_cell(ObservedCell(value, "any"))
    try:
        text = column.to_database(cell)
    except NotAccepted:
        return
    assert column.from_text(text) == cell
