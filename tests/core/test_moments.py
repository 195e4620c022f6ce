"""Moments as an operator types them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tabstream.core.moments import moment_ms, shown_moment
from tabstream.errors import OperatorError

NOW = datetime(2026, 11, 24, 18, 5, 30, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T18:05", datetime(2026, 11, 24, 18, 5, tzinfo=UTC)),
        ("2026-11-24 18:05:01.250", datetime(2026, 11, 24, 18, 5, 1, 250_000, tzinfo=UTC)),
        ("2026-11-24T18:05+01:00", datetime(2026, 11, 24, 17, 5, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        ("09:30", datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),
        ("15m", NOW - timedelta(minutes=15)),
        ("90 s ago", NOW - timedelta(seconds=90)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
    ],
)
def test_a_moment_is_a_date_a_time_of_today_or_a_length_of_time_ago(text: str, expected: datetime) -> None:
    assert moment_ms(text, NOW_MS, UTC) == round(expected.timestamp() * 1000)


@pytest.mark.parametrize("text", ["", "yesterday", "25:00", "2026-13-01", "3 weeks", "1h30", "999999d ago!", "99999d" * 9])
def test_a_moment_bad(text: str) -> None:
    with pytest.raises(OperatorError, match="is not a time") as caught:
        moment_ms(text, NOW_MS, UTC)
    assert "2026-11-24T18:05" in caught.value.remedy


@pytest.mark.parametrize("text", ["2026-11-24T18:06", "19:00", "2030-01-01"])
def test_the_future_is_refused(text: str) -> None:
    with pytest.raises(OperatorError, match="is in the future"):
        moment_ms(text, NOW_MS, UTC)


def test_a_moment_is_shown_in_the_zone_with_milliseconds() -> None:
    assert shown_moment(NOW_MS + 7, timezone(timedelta(hours=1))) == "2026-11-24 19:05:30.007"
    assert shown_moment(0, UTC) == "1970-01-01 00:00:00.000"
