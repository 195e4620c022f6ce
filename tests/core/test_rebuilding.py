"""What an operator's rebuild asks of a book, and what the owner does about it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.book import CONFIRM_MISSING_MS, Book
from tabstream.core.edits import EditKind
from tabstream.core.rebuilding import decode_keys, encode_keys
from tests.core.tabs import BINDING, desired, gone, key, look, mark, row, shown


@given(st.lists(st.text()), st.integers(1, 50))
def test_keys_come_through_signals_in_their_order(keys: list[str], characters: int) -> None:
    arguments = list(encode_keys(keys, characters))
    assert [k for argument in arguments for k in decode_keys(argument)] == keys
    assert all(sum(map(len, decode_keys(argument)[:-1])) <= characters for argument in arguments)


def test_no_keys_are_a_signal_too() -> None:
    assert list(encode_keys([])) == ["[]"]


@pytest.mark.parametrize("argument", ["", "{", '"a"', "[1]", "{}"])
def test_another_argument_is_refused_bad(argument: str) -> None:
    with pytest.raises(ValueError):
        decode_keys(argument)


def rebuilt(book: Book, *keys: str) -> int:
    """Asks for it, with the messages that the owner fetches."""
    dropped = book.rebuild(keys)
    for name in book.dirty:
        if not book.entries[name].deleted:
            book.changes.setdefault(name, desired(1, "a", None, book.entries[name].offset)._replace(key=name))
    return dropped


def test_a_missing_row_is_placed_again_and_not_deleted_in_the_database() -> None:
    known, rows = shown(1, 2)
    look(known, rows[:1], 0)
    assert rebuilt(known, key(2)) == 1
    plan = look(known, rows[:1], CONFIRM_MISSING_MS)
    assert [add.desired.key for add in plan.adds] == [key(2)]
    assert not plan.drafts


def test_a_cell_that_its_mark_confirms_is_written_as_the_topic_has_it() -> None:
    known, _ = shown(1)
    assert rebuilt(known, key(1)) == 0
    plan = look(known, [row(1, 1.0, "damaged", None, mark(1, "damaged", None, 1))])
    assert [(c.column, c.value) for c in plan.rows[key(1)].cells] == [("name", "a")]


def test_a_persons_edit_stays() -> None:
    known, _ = shown(1)
    rebuilt(known, key(1))
    plan = look(known, [row(1, 1.0, "typed", None, mark(1, "a", None, 1))])
    assert not plan.rows
    assert [(d.kind, d.cells[0].value) for d in plan.drafts] == [(EditKind.CELLS, "typed")]


def test_a_row_that_the_topic_does_not_know_is_taken_away_and_not_inserted_in_the_database() -> None:
    known, rows = shown(1)
    stranger = row(2, 9.0, "x", None, mark(9, "x", None, 4))
    assert look(known, [*rows, stranger]).drafts[0].kind is EditKind.RETURN
    known, rows = shown(1)
    rebuilt(known, key(9))
    plan = look(known, [*rows, stranger])
    assert [remove.row for remove in plan.removes] == [2]
    assert not plan.drafts
    known.settled(key(9), None)
    assert look(known, [*rows, stranger]).drafts[0].kind is EditKind.RETURN, "what comes back later is somebody's act"


def test_a_row_whose_key_the_topic_says_is_deleted_is_taken_away() -> None:
    known, rows = shown(1, 2)
    known.change(gone(2, 9))
    known.settled(key(2), gone(2, 9))
    rebuilt(known, key(2))
    assert [remove.row for remove in look(known, rows).removes] == [2]


def test_many_rows_that_the_topic_does_not_know_wait_for_a_confirmation() -> None:
    known, rows = shown(1)
    known.binding = replace(BINDING, hold_above_count=2)
    strangers = [row(n, float(n), "x", None, mark(n, "x", None, 1)) for n in range(10, 13)]
    rebuilt(known, *(key(n) for n in range(10, 13)))
    plan = look(known, [*rows, *strangers])
    assert not plan.removes
    assert known.held.keys() == {key(n) for n in range(10, 13)}


def test_the_watermark_goes_back_before_what_is_shown_anew() -> None:
    known, _ = shown(1, 2, 3)
    rebuilt(known, key(2))
    assert known.watermark({0: 4}) == {0: 1}


def test_a_new_row_that_the_topic_has_not_told_of_yet_is_left_alone() -> None:
    known, rows = shown(1)
    known.ahead[key(9)] = 5
    rebuilt(known, key(9))
    own = row(2, 9.0, "x", None, mark(9, "x", None, -1))
    assert not look(known, [*rows, own]).removes


def test_a_parked_row_is_tried_again() -> None:
    known, rows = shown(1)
    known.parked[key(1)] = "refused"
    rebuilt(known, key(1))
    assert not known.parked
    assert look(known, rows).settled.keys() == {key(1)}
