"""Places in a topic: what an operator may write, and where reading begins."""

from datetime import UTC

import pytest

from tabstream.core.places import (
    Beginning,
    Bounds,
    End,
    Moment,
    Offset,
    Place,
    begins,
    last_window,
    offset,
    place,
    told_bounds,
)
from tabstream.errors import OperatorError

NOW_MS = 1_700_000_000_000
ONE = {0: Bounds(5, 42)}
THREE = {0: Bounds(0, 10), 1: Bounds(3, 3), 2: Bounds(7, 100)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("beginning", Beginning()),
        ("end", End()),
        ("120", Offset(120)),
        ("3/120", Offset(120, 3)),
        ("1h", Moment(NOW_MS - 3_600_000)),
    ],
)
def test_a_place_is_a_word_an_offset_or_a_time(text: str, expected: Place) -> None:
    assert place(text, NOW_MS, UTC) == expected


@pytest.mark.parametrize("text", ["start", "-1", "1/2/3", "/5", "tomorrow"])
def test_a_place_bad(text: str) -> None:
    with pytest.raises(OperatorError):
        place(text, NOW_MS, UTC)


def test_an_offset_bad() -> None:
    with pytest.raises(OperatorError, match="'newest' is not an offset"):
        offset("newest")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Beginning(), {0: 0, 1: 3, 2: 7}),
        (End(), {0: 10, 1: 3, 2: 100}),
        (Offset(8, 2), {2: 8}),
        (Offset(10, 0), {0: 10}),
        (Moment(1), {0: 4, 1: 3, 2: 9}),
    ],
)
def test_where_reading_begins(wanted: Place, expected: dict[int, int]) -> None:
    assert begins(wanted, "t", THREE, {0: 4, 2: 9}) == expected


def test_a_topic_of_one_partition_needs_no_partition() -> None:
    assert begins(Offset(5), "t", ONE, {}) == {0: 5}


@pytest.mark.parametrize(
    ("wanted", "bounds", "problem", "remedy"),
    [
        (Offset(4), ONE, "t has no offset 4", "it holds offsets 5 to 41"),
        (Offset(43), ONE, "t has no offset 43", "it holds offsets 5 to 41"),
        (Offset(4), THREE, "t has 3 partitions", "name the partition too, such as 0/4"),
        (Offset(4, 9), THREE, "t has no partition 9", "choose from 0 to 2"),
    ],
)
def test_where_reading_begins_bad(wanted: Offset, bounds: dict[int, Bounds], problem: str, remedy: str) -> None:
    with pytest.raises(OperatorError, match=problem) as caught:
        begins(wanted, "t", bounds, {})
    assert caught.value.remedy == remedy


def test_bounds_are_told_by_partition() -> None:
    assert told_bounds(THREE) == "partition 0: offsets 0 to 9, partition 1: nothing, partition 2: offsets 7 to 99"


def test_a_window_ends_at_the_end_and_begins_no_earlier_than_the_topic() -> None:
    assert last_window(THREE, 20) == {0: 0, 1: 3, 2: 80}
