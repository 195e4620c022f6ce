"""Which edits a replay takes, and what it refuses."""

import pytest

from tabstream.core.places import Beginning, Bounds, End, Moment, Offset, Place
from tabstream.core.replay import Edits, Span, from_progress, refuse_forgotten, spans
from tabstream.errors import OperatorError

EARLY, LATE, NEVER = Moment(1_000), Moment(2_000), Moment(3_000)
WHOLE = {0: Bounds(0, 10), 1: Bounds(0, 20)}
CUT = {0: Bounds(0, 10), 1: Bounds(5, 20)}
AT = {EARLY: {0: 3, 1: 7}, LATE: {0: 8}, NEVER: {}}


def edits(bounds: dict[int, Bounds]) -> Edits:
    return Edits("edits", bounds, AT)


@pytest.mark.parametrize(
    ("begin", "end", "wanted"),
    [
        (Beginning(), None, {0: Span(0, 10), 1: Span(0, 20)}),
        (End(), None, {0: Span(10, 10), 1: Span(20, 20)}),
        (EARLY, None, {0: Span(3, 10), 1: Span(7, 20)}),
        (EARLY, LATE, {0: Span(3, 8), 1: Span(7, 20)}),
        (NEVER, None, {0: Span(10, 10), 1: Span(20, 20)}),
        (Offset(4, 1), None, {1: Span(4, 20)}),
        (Offset(4, 1), Offset(9, 1), {1: Span(4, 9)}),
        (Offset(4, 1), LATE, {1: Span(4, 20)}),
    ],
)
def test_a_span_lies_between_two_places(begin: Place, end: Place | None, wanted: dict[int, Span]) -> None:
    assert spans(edits(WHOLE), begin, end) == wanted


@pytest.mark.parametrize(
    ("bounds", "begin", "end", "said"),
    [
        (WHOLE, Offset(21, 1), None, "no offset 21"),
        (WHOLE, Offset(2, 7), None, "no partition 7"),
        (WHOLE, Offset(2), None, "name the partition"),
        (WHOLE, LATE, EARLY, "--to is before --from"),
        (WHOLE, Offset(9, 1), Offset(4, 1), "--to is before --from"),
        (WHOLE, EARLY, Offset(4, 1), "and --from every partition"),
        (WHOLE, Offset(4, 0), Offset(9, 1), "and --from partition 0"),
        (CUT, Offset(4, 1), None, "no longer holds offset 4: its retention has removed it"),
        ({0: Bounds(0, 10), 1: Bounds(7, 20)}, EARLY, None, "the oldest of partition 1 were removed by its retention"),
        ({0: Bounds(0, 10), 1: Bounds(20, 20)}, LATE, None, "the oldest of partition 1 were removed by its retention"),
    ],
)
def test_a_place_that_is_not_there_is_refused_bad(
    bounds: dict[int, Bounds], begin: Place, end: Place | None, said: str
) -> None:
    with pytest.raises(OperatorError) as caught:
        spans(edits(bounds), begin, end)
    assert said in f"{caught.value.problem} {caught.value.remedy}"


def test_what_is_younger_than_the_oldest_that_is_left_can_be_replayed() -> None:
    assert spans(edits(CUT), EARLY, None) == {0: Span(3, 10), 1: Span(7, 20)}


def test_what_the_database_has_not_dealt_with_comes_first() -> None:
    wanted = {0: Span(3, 10), 1: Span(7, 20)}
    assert from_progress(wanted, {0: 1, 1: 20}, edits(WHOLE), EARLY) == {0: Span(1, 10), 1: Span(7, 20)}


def test_edits_that_are_gone_before_the_database_had_them_are_told() -> None:
    wanted = {1: Span(7, 20)}
    with pytest.raises(OperatorError, match="edits 2 to 4 of partition 1"):
        from_progress(wanted, {1: 2}, edits(CUT), EARLY)
    assert from_progress({1: Span(5, 20)}, {1: 2}, edits(CUT), Beginning()) == {1: Span(5, 20)}


def test_edits_whose_registers_are_tidied_up_are_not_decided_again() -> None:
    day_ms = 86_400_000
    with pytest.raises(OperatorError, match="older than 90 days"):
        refuse_forgotten(9 * day_ms, 100 * day_ms, 90)
    refuse_forgotten(11 * day_ms, 100 * day_ms, 90)
