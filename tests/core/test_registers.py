"""What an observation of a cell means to what was decided on it before."""

from dataclasses import replace

from tabstream.core.cells import digest
from tabstream.core.edits import Outcome
from tabstream.core.registers import EMPTY_REGISTER, CellRegister, Sighting, Standing

OLD, TYPED, SHOWN = digest("old"), "typed", digest("shown")
OVERWRITTEN = Sighting("name", OLD, TYPED, 0, 100, 200, overwritten=True)


def read_since(base: str, value: str) -> CellRegister:
    """The register after a later reading of a cell at its mark."""
    return EMPTY_REGISTER.read(Sighting("name", base, value, 0, 300, 301))


def test_what_was_overwritten_unseen_is_news_where_only_what_overwrote_it_was_read() -> None:
    assert read_since(SHOWN, "shown").standing(OVERWRITTEN, OLD) is Standing.NEW


def test_what_was_taken_back_before_it_was_overwritten_is_stale() -> None:
    assert read_since(OLD, "old").standing(OVERWRITTEN, OLD) is Standing.STALE


def test_what_was_overwritten_and_seen_before_is_stale() -> None:
    known = read_since(SHOWN, "shown").sighted(OVERWRITTEN)
    assert known.standing(OVERWRITTEN, OLD) is Standing.STALE


def test_what_can_be_seen_again_is_stale() -> None:
    assert read_since(SHOWN, "shown").standing(replace(OVERWRITTEN, overwritten=False), OLD) is Standing.STALE


def test_a_value_that_was_applied_and_is_not_shown_needs_not_be_applied_again() -> None:
    decided = EMPTY_REGISTER.decided(OVERWRITTEN, 5, Outcome.APPLIED, None).stored_as("TYPED")
    again = Sighting("name", SHOWN, TYPED, 2, 300, 301)
    assert decided.has_applied(again, digest("TYPED"))
    assert not decided.has_applied(again, digest("the application's"))
    assert not decided.has_applied(replace(again, value="another"), digest("TYPED"))
    assert not decided.has_applied(replace(again, number=5), digest("TYPED"))


def test_a_cell_that_is_back_at_the_mark_it_was_typed_on_takes_the_value_back() -> None:
    decided = EMPTY_REGISTER.decided(Sighting("name", OLD, TYPED, 2, 100, 101), 5, Outcome.APPLIED, None)
    back = Sighting("name", OLD, "old", 2, 300, 301)
    assert decided.standing(back, digest(TYPED)) is Standing.NEW


def test_a_cell_that_a_write_of_ours_has_overwritten_is_but_read() -> None:
    decided = EMPTY_REGISTER.decided(OVERWRITTEN, 5, Outcome.APPLIED, None)
    by_another_value = Sighting("name", SHOWN, "shown", 0, 300, 301)
    by_the_same_value = Sighting("name", OLD, "old", 4, 300, 301)
    for late in (by_another_value, by_the_same_value):
        assert decided.standing(late, digest(TYPED)) is Standing.READING
