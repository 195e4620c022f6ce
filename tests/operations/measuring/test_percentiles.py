"""Percentiles are times that were measured, and small counts are told apart from enough."""

import pytest

from tabstream.operations.measuring.percentiles import Spread, milliseconds, percentile, spread

HUNDRED = [float(n) for n in range(100, 0, -1)]


@pytest.mark.parametrize(
    ("samples", "share", "expected"),
    [
        (HUNDRED, 0.5, 50),
        (HUNDRED, 0.99, 99),
        (HUNDRED, 1.0, 100),
        ([7.0], 0.99, 7),
        ([1.0, 9.0], 0.5, 1),
        ([1.0, 9.0], 0.51, 9),
    ],
)
def test_a_percentile_is_the_nearest_rank(samples: list[float], share: float, expected: float) -> None:
    assert percentile(samples, share) == expected


def test_no_samples_have_no_percentile() -> None:
    assert spread([]) is None
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_a_spread_says_whether_its_samples_are_enough() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(3, 2.0, 3.0, 3.0)
    assert not Spread(199, 1, 1, 1).enough
    assert Spread(200, 1, 1, 1).enough


@pytest.mark.parametrize(("value", "text"), [(4.24, "4.2 ms"), (86.7, "87 ms"), (1_310, "1.3 s")])
def test_times_are_short_to_read(value: float, text: str) -> None:
    assert milliseconds(value) == text
