"""What a book knows: truncates, changed keys, where rows stand, and how far the tab shows its topics."""

from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.book import Book
from tabstream.core.bookparts import Mistakes
from tabstream.core.changes import Desired
from tabstream.core.edits import Outcome
from tabstream.core.results import Claim, EditResult, RowAnswer, Truncated
from tests.core.tabs import book, desired, gone, key, mark


def shown(*numbers: int) -> Book:
    """Rows 1, 2, ... of the tab show these keys, at offsets 1, 2, ..."""
    made = book()
    for at, number in enumerate(numbers, 1):
        made.fold(key(number), 0, at, False)
        made.entries[key(number)].row = at
    return made


def result(row_key: str, lsn: int = 5) -> EditResult:
    return EditResult(row_key, (), RowAnswer(Outcome.APPLIED, 1, None), {"id": "1", "name": "x", "amount": None}, lsn)


def test_a_truncate_takes_away_what_did_not_change_later() -> None:
    made = shown(1, 2)
    made.change(desired(2, "later", None, 3, lsn=60))
    made.change(desired(3, "earlier", None, 4, lsn=40))
    made.truncated(Truncated(50, 0))
    assert [made.entries[key(n)].deleted for n in (1, 2, 3)] == [True, False, True]
    assert made.desired(key(1)) is not None and made.desired(key(1)).values is None  # type: ignore[union-attr]
    assert made.desired(key(2)).values["name"] == "later"  # type: ignore[union-attr,index]
    assert set(made.dirty) == {key(1), key(2), key(3)}


def test_what_a_truncate_took_away_is_gone_when_the_topic_is_folded_again() -> None:
    first = shown(1, 2)
    first.truncated(Truncated(50, 0))
    again = book()
    again.truncated_to = dict(first.truncated_to)
    for at, number in enumerate((1, 2), 1):
        again.fold(key(number), 0, at, False)
    again.fold(key(3), 0, 3, False)
    assert [again.entries[key(n)].shown for n in (1, 2, 3)] == [False, False, True]


def test_a_changed_key_is_followed_over_several_changes() -> None:
    made = shown(1)
    made.renamed(key(1), key(2))
    made.renamed(key(2), key(3))
    assert made.new_key(key(1)) == key(3)
    assert made.new_key(key(3)) is None


def test_keys_that_changed_places_lead_nowhere_else() -> None:
    made = shown(1, 2)
    made.renamed(key(1), key(2))
    made.renamed(key(2), key(1))
    assert made.new_key(key(1)) == key(1)


def test_the_old_name_waits_no_longer_when_the_new_one_comes() -> None:
    made = shown(1)
    made.renamed(key(1), key(2))
    made.waiting.add(key(1))
    made.change(desired(2, "a", None, 9))
    assert made.waiting == set()


def test_the_watermark_stands_before_the_smallest_offset_that_is_not_shown() -> None:
    made = shown(1, 2, 3)
    assert made.watermark({0: 4}) == {0: 3}
    made.change(desired(1, "a", None, 5))
    made.change(gone(2, 7))
    assert made.watermark({0: 8, 1: 20}) == {0: 4, 1: 19}
    assert made.watermark({0: 8}, {key(1)}) == {0: 6}
    made.parked[key(1)] = "does not fit"
    assert made.watermark({0: 8}) == {0: 6}, "what is parked does not hold up the others"
    made.settled(key(2), gone(2, 7))
    assert made.watermark({0: 8}) == {0: 7}


def test_a_key_that_changes_while_it_is_shown_stays_dirty() -> None:
    made = shown(1)
    made.change(desired(1, "a", None, 5))
    planned = made.desired(key(1))
    made.change(desired(1, "b", None, 6))
    made.settled(key(1), planned)
    assert made.watermark({0: 7}) == {0: 5}


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=40))
def test_no_change_that_is_not_shown_stands_at_or_below_the_watermark(steps: list[tuple[int, bool]]) -> None:
    made, newest, pending = book(), 0, {}
    for number, show in steps:
        if show and number in pending:
            made.settled(key(number), made.desired(key(number)))
            del pending[number]
        else:
            newest += 1
            pending[number] = newest
            made.change(desired(number, "a", None, newest))
        mark = made.watermark({0: newest + 1})[0]
        assert mark == min([newest + 1, *pending.values()]) - 1


def test_results_that_are_not_shown_hold_the_watermark_of_results() -> None:
    made = shown(1)
    assert made.results_watermark(8) == 7
    made.result(5, result(key(1)))
    made.result(6, result("new:t"))
    assert made.results_watermark(8) == 4
    assert made.results_watermark(8, {key(1)}) == 5
    assert made.results_watermark(8, {key(1)}, {"new:t"}) == 7
    made.settled(key(1), None)
    assert made.results_watermark(8) == 5


def test_rows_are_where_insertions_and_deletions_have_moved_them() -> None:
    made = shown(1, 2, 3)
    made.added([key(4), key(5)], 2)
    assert {n: made.entries[key(n)].row for n in range(1, 6)} == {1: 1, 2: 4, 3: 5, 4: 2, 5: 3}
    made.removed(key(4), 2)
    assert {n: made.entries[key(n)].row for n in range(1, 6)} == {1: 1, 2: 3, 3: 4, 4: None, 5: 2}
    assert made.last_row() == 4


def test_a_parked_key_is_tried_again_when_it_changes() -> None:
    made = shown(1)
    made.parked[key(1)] = "too long"
    made.change(desired(1, "short", None, 4))
    assert made.parked == {}
    assert not made.is_idle()


def test_the_newer_of_event_and_answer_is_what_a_row_should_show() -> None:
    made = shown(1)
    made.change(desired(1, "event", None, 5, lsn=10))
    made.result(1, result(key(1), lsn=9))
    assert made.desired(key(1)).values["name"] == "event"  # type: ignore[union-attr,index]
    made.result(2, result(key(1), lsn=11))
    assert made.desired(key(1)).values["name"] == "x"  # type: ignore[union-attr,index]


def test_a_row_that_was_hit_by_mistake_is_looked_at_again() -> None:
    made = shown(1, 2)
    made.fold(key(2), 0, 7, True)
    made.doubt([key(1), key(2), key(9)], made.mistakes)
    assert made.dirty == {key(1): 1, key(2): 7}
    assert made.changes[key(2)].values is None, "what is deleted needs no message to be taken away"


def test_a_row_in_doubt_was_shown_for_the_next_owner_but_for_one_that_was_overwritten() -> None:
    made = shown(1, 2)
    made.doubt([key(2)], Mistakes())
    assert made.watermark({0: 3}) == {0: 2}, "it is missing where it is gone, not new"
    made.doubt([key(2)], Mistakes(marks={key(2): mark(2, "a", None, 2)}))
    assert made.watermark({0: 3}) == {0: 1}


def test_a_tombstone_says_no_more_than_the_delete_before_it() -> None:
    made = shown(1)
    made.change(gone(1, 5))
    made.change(Desired(key(1), None, 0, 6))
    found = made.desired(key(1))
    assert found is not None
    assert (found.values, found.lsn, found.offset, made.dirty) == (None, 5, 6, {key(1): 6})
    made.settled(key(1), found)
    made.change(Desired(key(1), None, 0, 7))
    assert not made.dirty
    assert made.entries[key(1)].offset == 7


def test_a_tombstone_alone_is_newer_than_any_result() -> None:
    made = shown(1)
    made.result(0, result(key(1), lsn=50))
    made.change(Desired(key(1), None, 0, 6))
    found = made.desired(key(1))
    assert found is not None
    assert found.values is None


def test_a_change_from_before_a_truncate_that_arrives_after_it_is_taken_away() -> None:
    made = shown(1)
    made.truncated(Truncated(50, 0))
    made.change(desired(2, "earlier", None, 3, lsn=40))
    made.change(desired(3, "later", None, 4, lsn=60))
    assert [made.entries[key(n)].deleted for n in (2, 3)] == [True, False]
    assert made.truncated_to == {0: 3}


def test_the_results_are_read_again_from_a_claim_that_is_not_answered() -> None:
    made = shown(1)
    made.claim(4, Claim(7, frozenset({key(1)})))
    assert made.results_watermark(9) == 3
    made.result(8, result(key(1)))
    made.settled(key(1), desired(1, "x", None, 1))
    assert made.results_watermark(9) == 8


def test_new_rows_that_were_deleted_are_forgotten() -> None:
    made = shown()
    made.result(3, result("new:1"))
    made.finished(["new:1", "new:2"])
    assert not made.tokens
    assert made.results_watermark(4) == 3


def test_rows_of_a_table_that_was_made_anew_stay_away_for_the_next_owner() -> None:
    """The topic has no delete of them; what it has from later on is there."""
    first = shown(1, 2, 3, 4)
    first.vanished([key(1), key(2), key(4)])
    assert first.truncated_to == {0: 2}, "key 4 is newer than one that is left"
    following = book()
    following.truncated_to = dict(first.truncated_to)
    for number in (1, 2, 3):
        following.fold(key(number), 0, number, False)
    assert following.alive() == [key(3)]


def test_a_message_that_is_read_again_does_not_bring_back_what_a_truncate_took_away() -> None:
    made = shown(1)
    made.truncated(Truncated(50, 0))
    made.learn(desired(1, "a", None, 1))
    assert made.desired(key(1)).values is None  # type: ignore[union-attr]
