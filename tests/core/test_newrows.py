"""New rows of people, from the token to the answer."""

from dataclasses import replace

import pytest

from tabstream.core.book import CONFIRM_MISSING_MS, Book
from tabstream.core.edits import EditKind, Outcome
from tabstream.core.marks import NewRow
from tabstream.core.results import REPLAYED, Answer, Claim, EditResult, RowAnswer
from tabstream.core.tab import ObservedRow
from tabstream.core.tabparts import Look
from tabstream.core.tabplan import plan_tab, recognise
from tests.core.tabs import book, desired, gone, key, look, mark, row, shown


def test_a_new_row_gets_a_token_then_is_submitted_then_keyed() -> None:
    known, _ = shown()
    typed = row(1, None, "x", 5.0)
    first = look(known, [typed])
    assert [p.mark for p in first.others] == [NewRow("new:1")]
    named = row(1, None, "x", 5.0, NewRow("new:1"))
    second = look(known, [named], 10)
    assert [(d.kind, d.row_key) for d in second.drafts] == [(EditKind.INSERT, "new:1")]
    cells = tuple(Answer(c, "", v, 4, Outcome.INSERTED) for c, v in (("id", None), ("name", "x"), ("amount", 5.0)))
    answer = RowAnswer(Outcome.INSERTED, 4, key(7))
    known.claim(0, Claim(11, frozenset({"new:1"})))
    known.result(0, EditResult("new:1", cells, answer, {"id": "7", "name": "x", "amount": "5.00"}, 100))
    known.change(desired(7, "x", 5.0, 30, 90))
    third = look(known, [named], 20)
    assert third.rows[key(7)].mark == mark(7, "x", 5.0, 30, {"id": 4, "name": 4, "amount": 4})
    assert not third.adds


def submitted(name: str) -> tuple[Book, ObservedRow, EditResult]:
    """A person's new row that was submitted and inserted as 7, and the answer that the book does not know yet."""
    known, _ = shown()
    typed = row(1, None, name, None, NewRow("new:1"))
    look(known, [typed])
    cells = tuple(Answer(c, "", v, 4, Outcome.APPLIED) for c, v in (("id", None), ("name", name), ("amount", None)))
    stored = {"id": "7", "name": name, "amount": None}
    return known, typed, EditResult("new:1", cells, RowAnswer(Outcome.INSERTED, 4, key(7)), stored, 100)


@pytest.mark.parametrize("event_first", [True, False])
def test_a_new_row_that_is_deleted_before_its_answer_is_deleted_in_the_database(event_first: bool) -> None:
    known, _, answer = submitted("x")
    if event_first:
        known.change(desired(7, "x", None, 30, 90))
    known.result(0, answer)
    drafts = list(look(known, [], 10).drafts)
    known.change(desired(7, "x", None, 30, 90))
    for now_ms in (20, 20 + CONFIRM_MISSING_MS):
        plan = look(known, [], now_ms)
        assert not plan.adds
        drafts += plan.drafts
    assert [(d.kind, d.row_key) for d in drafts] == [(EditKind.DELETE, key(7))]
    assert known.is_idle()
    assert known.results_watermark(1) == -1, "the next owner must learn of it too"
    known.change(gone(7, 31))
    last = look(known, [], 5_000)
    for settled, wanted in last.settled.items():
        known.settled(settled, wanted)
    known.finished(last.finished_tokens)
    assert not known.dirty
    assert not known.tokens


def test_a_new_row_that_the_database_deletes_before_it_is_shown_is_removed() -> None:
    known, typed, answer = submitted("x")
    known.change(desired(7, "x", None, 30, 90))
    known.result(0, answer)
    known.change(gone(7, 131))
    known.result(1, replace(answer, row=None, lsn=140))
    plan = look(known, [row(1, None, "y", None, typed.mark if isinstance(typed.mark, NewRow) else None)], 10)
    assert [(r.key, r.row) for r in plan.removes] == [("new:1", 1)]
    assert plan.stories == ["row [7] was deleted in the database; not saved: name: y"]
    assert plan.finished_tokens == {"new:1": None}


def test_a_new_row_that_is_brought_back_after_its_deletion_is_a_new_row_again() -> None:
    known, typed, answer = submitted("x")
    known.fold(key(7), 0, 31, True)
    known.result(1, replace(answer, row=None, lsn=140))
    plan = plan_tab(known, recognise(known, [typed]), Look.WHOLE, 10, lambda: "new:2", 0)
    assert plan.rows["new:1"].mark == NewRow("new:2")
    assert not plan.removes


def test_a_key_whose_transaction_has_answers_to_come_waits() -> None:
    known = book()
    known.claim(0, Claim(11, frozenset({"new:1"})))
    change = desired(7, "x", 5.0, 30)
    known.change(type(change)(change.key, change.values, 0, 30, 90, 11))
    assert not look(known, []).adds


def test_a_shown_row_that_a_new_owner_finds_in_two_new_rows_is_the_first_of_them() -> None:
    known, _ = shown(1)
    known.changes[key(1)] = desired(1, "a", None, 1)
    plan = look(known, [row(at, 1.0, "a", None, NewRow(f"new:{at}0")) for at in (1, 2)])
    assert {k: p.row for k, p in plan.rows.items()} == {key(1): 1}


def test_a_new_row_that_a_replay_has_inserted_again_is_nobody_s_delete_and_comes_back() -> None:
    known, _ = shown()
    inserted = RowAnswer(Outcome.INSERTED, 4, key(7), REPLAYED)
    known.claim(0, Claim(11, frozenset({"new:1"})))
    known.result(1, EditResult("new:1", (), inserted, {"id": "7", "name": "x", "amount": None}, 100))
    plan = look(known, [], 10)
    assert plan.finished_tokens == {"new:1": None} and not plan.drafts
    known.finished(plan.finished_tokens)
    known.change(desired(7, "x", None, 30, 90))
    plan = look(known, [], 20)
    assert [added.desired.key for added in plan.adds] == [key(7)] and not plan.drafts


def test_an_incomplete_row_is_told_what_it_needs() -> None:
    known = book()
    plan = look(known, [row(1, None, None, 5.0, NewRow("new:1"))])
    assert "needed before this row is saved: name" in str(plan.rows["new:1"].cells[0].note)
    assert not plan.drafts and known.incomplete == 1


def test_a_new_row_that_was_refused_counts_as_incomplete_until_it_is_changed() -> None:
    known, typed, answer = submitted("x")
    known.result(0, replace(answer, row_answer=RowAnswer(Outcome.REJECTED, 4, None, "no"), row=None))
    for name in look(known, [typed], 10).rejected_tokens:
        known.reject_token(name)
    assert known.incomplete == 1
    look(known, [typed], 20)
    assert known.incomplete == 1
    look(known, [row(1, None, "y", None, NewRow("new:1"))], 30)
    assert known.incomplete == 0


def test_an_answer_that_is_read_again_finds_its_row_and_is_done() -> None:
    known, _, answer = submitted("x")
    known.fold(key(7), 0, 30, False)
    known.result(0, answer)
    keyed = row(1, 7.0, "x", None, mark(7, "x", None, 30))
    assert look(known, [keyed], 10).finished_tokens == {"new:1": None}


def test_the_next_owner_learns_of_a_new_row_of_which_no_event_has_come_yet() -> None:
    known, typed, answer = submitted("x")
    known.result(0, answer)
    plan = look(known, [typed], 10)
    assert plan.finished_tokens == {"new:1": key(7)}
    assert known.results_watermark(1, tokens={"new:1"}) == -1
    known.apply_rows({key(7): 1}, plan.finished_tokens)
    assert known.results_watermark(1) == -1, "nothing else says that it was shown, should a person delete it now"
    known.change(desired(7, "x", None, 30, 90))
    assert known.results_watermark(1) == 0


def test_an_answer_that_is_read_again_before_its_event_finds_its_row_and_is_done() -> None:
    known, _, answer = submitted("x")
    known.result(0, answer)
    plan = look(known, [row(1, 7.0, "x", None, mark(7, "x", None, -1))], 10)
    assert plan.finished_tokens == {"new:1": None} and not plan.drafts
    known.finished(plan.finished_tokens)
    assert known.results_watermark(1) == -1


def test_what_only_the_database_writes_makes_no_row_of_a_person() -> None:
    known, _ = shown(1)
    left = row(3, None, None, 12.0)._replace(shown_only=frozenset({"amount"}))
    stray = row(4, None, None, 12.0, NewRow("new:1"))._replace(shown_only=frozenset({"amount"}))
    plan = look(known, [left, stray])
    assert [(p.row, p.clear_mark, [(c.column, c.value) for c in p.cells]) for p in plan.others] == [
        (4, True, [("amount", None)])
    ]


def test_a_new_row_that_was_deleted_before_its_answer_was_shown_goes() -> None:
    known = book()
    typed = row(1, None, "x", 6.0, NewRow("new:1"))
    look(known, [typed])
    cells = tuple(Answer(c, "", v, 4, Outcome.INSERTED) for c, v in (("id", None), ("name", "x"), ("amount", 5.0)))
    known.result(0, EditResult("new:1", cells, RowAnswer(Outcome.INSERTED, 4, key(7)), {"id": "7", "name": "x"}, 90))
    known.change(gone(7, 100))
    plan = look(known, [typed], 20)
    assert [(r.key, r.row) for r in plan.removes] == [("new:1", 1)]
    assert plan.finished_tokens == {"new:1": None}
    assert plan.stories == [f"row {key(7)} was deleted in the database; not saved: amount: 6.0"]
