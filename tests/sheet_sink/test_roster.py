"""A paused binding is tried again, more and more seldom."""

import pytest

from consumers.sheet_sink.roster import retry_ms


@pytest.mark.parametrize(
    ("paused_ms", "expected"),
    [(0, 5_000), (4_000, 5_000), (20_000, 20_000), (60_000, 60_000), (86_400_000, 60_000)],
)
def test_the_pause_between_tries_grows_with_the_time_it_is_paused_up_to_a_minute(paused_ms: int, expected: int) -> None:
    assert retry_ms(paused_ms) == expected
