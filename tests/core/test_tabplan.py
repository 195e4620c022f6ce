"""What one flush does to a tab."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tabstream.core.binding import Direction
from tabstream.core.book import CONFIRM_MISSING_MS, Book
from tabstream.core.cells import ObservedCell, digest
from tabstream.core.edits import EditKind, Outcome, SeenCell
from tabstream.core.guard import held_digest
from tabstream.core.marks import CopiedRow, Mark, NewRow
from tabstream.core.notes import with_message
from tabstream.core.plan import COPY_MESSAGE, CellWrite
from tabstream.core.results import REPLAYED, Answer, EditResult, RowAnswer, Truncated
from tabstream.core.tab import ObservedRow
from tabstream.core.tabparts import Look, TabPlan
from tabstream.core.tabplan import LooksWrong, believe, plan_tab, recognise, wanted_changes
from tests.core.tabs import book, desired, gone, key, look, mark, row, shown, tokens


def test_unknown_keys_are_added_and_nothing_else() -> None:
    known = book()
    known.change(desired(1, "a", 2.0, 3))
    plan = look(known, [])
    assert [add.desired.key for add in plan.adds] == [key(1)]
    assert not plan.rows and not plan.drafts


def test_a_mark_that_was_parted_from_its_row_goes_back_there_though_no_event_of_the_row_has_come() -> None:
    known, _ = shown(1)
    known.apply_rows({key(7): 2}, {})
    ahead = mark(7, "x", None, -1, {"name": 4})
    plan = look(known, [row(1, 7.0, "x", None, mark(1, "a", None, 1)), row(2, 1.0, "a", None, ahead)])
    assert plan.rows[key(7)].row == 1 and plan.rows[key(7)].mark == ahead
    assert not plan.drafts


def test_the_same_value_typed_over_in_another_kind_is_written_as_it_was_and_is_no_edit() -> None:
    known = book()
    known.apply_rows({key(1): 1}, {})
    made = row(1, 1.0, "a", 55.0, mark(1, "a", 55.0, 1))
    assert not look(known, [made]).rows
    plan = look(known, [made._replace(cells={**made.cells, "amount": ObservedCell("55", "55")})])
    assert plan.rows[key(1)].cells == [CellWrite("amount", 55.0)]
    assert plan.rows[key(1)].mark is None
    assert not plan.drafts
    assert not look(known, [made._replace(cells={**made.cells, "amount": ObservedCell("55", "55", formula=True)})]).rows


def test_what_was_typed_in_a_row_that_is_put_back_is_told_on_the_header() -> None:
    known, (first, second) = shown(1, 2)
    look(known, [first, second])
    known.changes[key(2)] = desired(2, "a", None, 2)
    plan = look(known, [first, row(2, 1.0, "typed", None, mark(1, "a", None, 1))])
    assert plan.rows[key(2)].writes
    assert plan.stories == [f"row {key(2)} was put back where another row was pasted over it; not saved: name: typed"]


@pytest.mark.parametrize(
    ("made", "base"),
    [(mark(1, "a", None, 1), digest("a")), (None, digest("typed"))],
    ids=["what its mark tells", "nothing but what stands there"],
)
def test_what_stood_behind_a_persons_own_value_counts_as_not_seen_when_the_row_is_deleted(
    made: Mark | None, base: str
) -> None:
    known, _ = shown(1)
    look(known, [row(1, 1.0, "a", None, mark(1, "a", None, 1))])
    known.change(desired(1, "newer", None, 5))
    first = look(known, [row(1, 1.0, "typed", None, made)], 10)
    known.settled(key(1), first.settled[key(1)])
    for now_ms in (20, 20 + CONFIRM_MISSING_MS):
        known.changes[key(1)] = desired(1, "newer", None, 5)
        plan = look(known, [], now_ms)
    (draft,) = plan.drafts
    assert draft.kind is EditKind.DELETE
    assert {cell.column: cell.base for cell in draft.cells}["name"] == base


def test_what_was_answered_counts_as_seen_when_the_row_is_deleted() -> None:
    known, _ = shown(1)
    known.hides(key(1), [SeenCell("name", "typed", "typed", digest("a"), 3)])
    known.hides(key(1), [SeenCell("name", "again", "again", digest("b"), 4)])
    assert known.unanswered[key(1)]["name"].base == digest("a"), "since that was typed over"
    known.hides(key(1), [])
    assert not known.unanswered


def test_a_row_that_moved_asks_for_a_whole_look() -> None:
    known, rows = shown(1, 2)
    with pytest.raises(LooksWrong):
        believe(known, {key(1): rows[1]}, {})


def test_a_row_deleted_in_the_database_is_removed() -> None:
    known, rows = shown(1, 2)
    known.change(gone(1, 9))
    assert [r.row for r in look(known, rows).removes] == [1]


def test_a_missing_row_is_deleted_in_the_database_after_two_looks_only() -> None:
    known, rows = shown(1, 2)
    known.changes[key(2)] = desired(2, "a", None, 2)
    assert not look(known, rows[:1], 0).drafts
    drafts = look(known, rows[:1], CONFIRM_MISSING_MS).drafts
    assert [(d.kind, d.row_key) for d in drafts] == [(EditKind.DELETE, key(2))]


def test_a_missing_row_that_the_database_deletes_and_inserts_again_is_placed_again() -> None:
    known, rows = shown(1, 2)
    look(known, rows[:1], 0)
    known.change(gone(2, 5))
    known.settled(key(2), look(known, rows[:1], 10).settled[key(2)])
    known.change(desired(2, "again", None, 6))
    plan = look(known, rows[:1], CONFIRM_MISSING_MS)
    assert [add.desired.key for add in plan.adds] == [key(2)]
    assert not plan.drafts


def test_a_missing_row_is_not_deleted_while_another_row_is_torn() -> None:
    known, rows = shown(1, 2, 3)
    known.changes[key(2)] = desired(2, "a", None, 2)
    torn = row(1, 77.0, "a", None, mark(1, "a", None, 1))
    for now in (0, CONFIRM_MISSING_MS, 3 * CONFIRM_MISSING_MS):
        assert not [d for d in look(known, [torn, rows[2]], now).drafts if d.kind is EditKind.DELETE]


def test_many_missing_rows_are_held_until_confirmed() -> None:
    known, rows = shown(*range(1, 101))
    for number in range(1, 101):
        known.changes[key(number)] = desired(number, "a", None, number)
    look(known, rows[:20], 0)
    assert not look(known, rows[:20], CONFIRM_MISSING_MS).drafts
    assert len(known.held) == 80
    assert not known.confirm(held_digest([key(1)]))
    assert not look(known, rows[:20], CONFIRM_MISSING_MS).drafts
    assert known.confirm(held_digest(known.held))
    assert len(look(known, rows[:20], CONFIRM_MISSING_MS).drafts) == 80
    assert not known.held


def changed(rows: Sequence[ObservedRow], count: int) -> list[ObservedRow]:
    """The rows, of which the first `count` were typed into."""
    typed = [row(r.row, r.values["id"], "typed", None, r.mark) for r in rows[:count]]  # type: ignore[arg-type]
    return [*typed, *rows[count:]]


def test_a_change_of_most_of_a_tab_is_held_until_confirmed() -> None:
    known, rows = shown(*range(1, 41))
    plan = look(known, changed(rows, 21))
    assert not plan.drafts and not plan.rows
    assert known.held.keys() == {key(n) for n in range(1, 22)}
    assert not look(known, changed(rows, 21), 10).drafts
    assert known.confirm(held_digest(known.held))
    assert len(look(known, changed(rows, 21), 20).drafts) == 21
    assert not known.held and not known.confirmed


@pytest.mark.parametrize(("count", "rows"), [(20, 20), (21, 42)], ids=["few rows", "half of the tab"])
def test_a_smaller_change_is_reported_at_once(count: int, rows: int) -> None:
    known, there = shown(*range(1, rows + 1))
    assert len(look(known, changed(there, count)).drafts) == count


def test_what_can_do_no_harm_is_not_held() -> None:
    known, rows = shown(*range(1, 41))
    known.binding = replace(known.binding, direction=Direction.DATABASE_TO_SHEET)
    assert len(look(known, changed(rows, 40)).drafts) == 40


def test_a_held_row_that_is_read_alone_stays_held() -> None:
    known, rows = shown(*range(1, 41))
    typed = changed(rows, 30)
    look(known, typed)
    known.change(desired(1, "a", 5.0, 99))
    found = believe(known, {key(1): typed[0]}, {})
    plan = plan_tab(known, found, Look.ROWS, 0, tokens(), 0)
    assert not plan.drafts
    assert [(c.column, c.value) for c in plan.rows[key(1)].cells] == [("amount", 5.0)]


def test_a_change_that_was_undone_is_held_no_longer() -> None:
    known, rows = shown(*range(1, 41))
    look(known, changed(rows, 30))
    assert not look(known, rows, 10).drafts
    assert not known.held


def test_rows_that_a_new_snapshot_leaves_out_are_taken_away_once_the_database_says_so() -> None:
    known, rows = shown(1, 2, 3)
    known.change(desired(1, "a", None, 10, 50)._replace(of_snapshot=True))
    assert known.left_out() == [key(2), key(3)]
    assert known.watermark({0: 11}) == {0: 9}, "a restart has to meet the snapshot again"
    known.vanished([key(3)])
    assert {remove.key for remove in look(known, rows).removes} == {key(3)}
    assert known.snapshot.open, "the row of key 2 is still to come"
    known.change(desired(2, "a", None, 11, 50)._replace(of_snapshot=True))
    known.vanished([])
    assert not known.snapshot.open
    assert known.truncated_to == {0: 9}


def test_a_row_that_comes_back_is_inserted_again() -> None:
    known, rows = shown(1, 2)
    known.fold(key(2), 0, 9, True)
    drafts = look(known, rows).drafts
    assert [(d.kind, d.row_key, d.offset) for d in drafts] == [(EditKind.RETURN, key(2), 9)]


def test_a_cleared_row_is_removed_once_the_database_has_deleted_it() -> None:
    known, rows = shown(1, 2)
    cleared = row(2, None, None, None, mark(2, "a", None, 2))
    known.change(gone(2, 9))
    assert [r.row for r in look(known, [rows[0], cleared]).removes] == [2]


def test_a_copy_is_marked_as_one_and_told_so() -> None:
    known, rows = shown(1, 2)
    copy = row(3, 1.0, "a", None, mark(1, "a", None, 1))
    [plan] = look(known, [*rows, copy]).others
    assert (plan.row, plan.mark) == (3, CopiedRow(key(1)))
    assert [(c.column, c.note) for c in plan.cells] == [("id", with_message("", COPY_MESSAGE))]


def test_a_copy_does_not_keep_other_rows_from_being_deleted() -> None:
    known, rows = shown(1, 2)
    known.changes[key(2)] = desired(2, "a", None, 2)
    copy = row(2, 1.0, "x", None, CopiedRow(key(1)))
    assert not look(known, [rows[0], copy], 0).drafts
    drafts = look(known, [rows[0], copy], CONFIRM_MISSING_MS).drafts
    assert [(d.kind, d.row_key) for d in drafts] == [(EditKind.DELETE, key(2))]


TYPED = {"id": "1", "name": "typed", "amount": None}


def result_of(number: int, name: str | None, lsn: int) -> EditResult:
    """An answer to an edit of the name, with the row as it was then."""
    stored = None if name is None else {"id": str(number), "name": name, "amount": None}
    return EditResult(key(number), (Answer("name", "", name, 1, Outcome.APPLIED),), None, stored, lsn)


def test_a_result_that_is_read_again_does_not_bring_an_older_value_back() -> None:
    known, _ = shown(1)
    known.result(0, result_of(1, "older", 50))
    found = recognise(known, [row(1, 1.0, "a", None, mark(1, "a", None, 1, {"name": 1}))])
    assert wanted_changes(known, found, Look.WHOLE, 0) == {key(1)}
    known.changes[key(1)] = desired(1, "a", None, 1, 90)
    plan = plan_tab(known, found, Look.WHOLE, 0, tokens(), 0)
    assert not plan.rows
    assert key(1) in plan.settled


def test_a_result_that_is_read_again_does_not_bring_a_deleted_row_back() -> None:
    known, rows = shown(1)
    known.fold(key(2), 0, 9, True)
    known.result(0, result_of(2, "older", 50))
    plan = look(known, rows)
    assert not plan.adds
    assert key(2) in plan.settled


def test_a_result_that_is_newer_than_the_event_needs_no_other_message() -> None:
    known, rows = shown(1)
    known.change(desired(1, "a", None, 1, 40))
    known.settled(key(1), known.changes[key(1)])
    known.result(0, result_of(1, "newer", 50))
    assert not wanted_changes(known, recognise(known, rows), Look.WHOLE, 0)


def test_an_event_from_before_the_result_that_is_shown_does_not_bring_an_older_value_back() -> None:
    known, _ = shown(1)
    known.changes[key(1)] = desired(1, "a", None, 1, lsn=30)
    known.result(0, result_of(1, "newer", 50))
    known.settled(key(1), known.desired(key(1)))
    known.change(desired(1, "older", None, 3, lsn=40))
    plan = look(known, [row(1, 1.0, "newer", None, mark(1, "newer", None, 1, {"name": 1}))])
    assert not plan.rows[key(1)].cells
    assert plan.rows[key(1)].mark == mark(1, "newer", None, 3, {"name": 1})


def showing_an_edit() -> Book:
    """A book whose row shows an edit by its result, which is newer than the event of the same change."""
    known, _ = shown(1)
    known.change(desired(1, "second", None, 3, lsn=40))
    known.result(0, result_of(1, "second", 50))
    look(known, [row(1, 1.0, "second", None, mark(1, "first", None, 2))])
    known.settled(key(1), known.desired(key(1)))
    return known


def look_again(known: Book, seen: ObservedRow, how: Look = Look.WHOLE) -> TabPlan:
    """A look for which the newest message of the row is read again, where it is needed."""
    found = recognise(known, [seen]) if how is Look.WHOLE else believe(known, {key(1): seen}, {})
    for _ in wanted_changes(known, found, how, 0):
        known.learn(desired(1, "second", None, 3, lsn=40))
    return plan_tab(known, found, how, 0, tokens(), 0)


@pytest.mark.parametrize("how", list(Look))
def test_an_old_row_pasted_back_with_its_mark_follows_the_topic_though_a_result_was_shown_since(how: Look) -> None:
    known = showing_an_edit()
    plan = look_again(known, row(1, 1.0, "first", None, mark(1, "first", None, 2)), how)
    assert plan.rows[key(1)].cells == [CellWrite("name", "second")]
    assert not plan.drafts


@pytest.mark.parametrize("number", [0, 1])
def test_a_rebuild_shows_what_the_topic_says_in_every_cell_that_equals_its_mark(number: int) -> None:
    known = showing_an_edit()
    damaged = row(1, 1.0, "forged", 7.0, mark(1, "forged", 7.0, 3, {"name": number}))
    assert not look_again(known, damaged).writes
    known.rebuild([key(1)])
    plan = look_again(known, damaged)
    assert plan.rows[key(1)].cells == [CellWrite("name", "second"), CellWrite("amount", None)]
    assert key(1) in plan.settled
    assert not plan.drafts


def test_a_rebuild_leaves_an_edit_alone_that_is_not_answered() -> None:
    known = showing_an_edit()
    known.rebuild([key(1)])
    plan = look_again(known, row(1, 1.0, "third", 7.0, mark(1, "second", 7.0, 3, {"name": 1})))
    assert plan.rows[key(1)].cells == [CellWrite("amount", None)]
    assert [(cell.column, cell.value, cell.number) for cell in plan.drafts[0].cells] == [("name", "third", 1)]
    assert plan.rows[key(1)].mark == mark(1, "second", None, 3, {"name": 1})


def test_a_rebuild_leaves_a_cell_an_edit_that_is_back_at_its_mark_when_its_answer_comes() -> None:
    known, _ = shown(1)
    known.change(desired(1, "typed", None, 3, lsn=40))
    back = row(1, 1.0, "a", None, mark(1, "a", None, 1))
    known.result(0, EditResult(key(1), (Answer("name", digest("a"), "typed", 1, Outcome.APPLIED),), None, TYPED, 50))
    known.rebuild([key(1)])
    plan = look_again(known, back)
    assert not plan.rows[key(1)].cells
    assert plan.rows[key(1)].mark == mark(1, "typed", None, 3, {"name": 1})


def test_a_row_that_an_older_event_has_removed_follows_the_events_again() -> None:
    known, _ = shown(1)
    known.changes[key(1)] = desired(1, "a", None, 1, lsn=30)
    known.result(0, result_of(1, "newer", 50))
    known.settled(key(1), known.desired(key(1)))
    for change in (gone(1, 31), desired(1, "again", None, 32)):
        known.change(change)
        known.settled(key(1), change)
    known.change(desired(1, "newer", None, 40))
    plan = look(known, [row(1, 1.0, "again", None, mark(1, "again", None, 32))])
    assert [(c.column, c.value) for c in plan.rows[key(1)].cells] == [("name", "newer")]


def test_an_edit_is_reported_once_while_it_is_under_way() -> None:
    known, rows = shown(1)
    edited = row(1, 1.0, "typed", None, rows[0].mark)  # type: ignore[arg-type]
    assert [d.kind for d in look(known, [edited], 0).drafts] == [EditKind.CELLS]
    assert not look(known, [edited], 10).drafts
    back = look(known, rows, 20).drafts
    assert [(d.cells[0].value, d.cells[0].column) for d in back] == [("a", "name")]


def test_the_watermark_stands_below_what_is_not_shown() -> None:
    known = book()
    known.change(desired(1, "a", 2.0, 3))
    known.change(desired(2, "a", 2.0, 8))
    assert known.watermark({0: 9}) == {0: 2}
    assert known.watermark({0: 9}, {key(1)}) == {0: 7}
    known.settled(key(1), desired(1, "a", 2.0, 3))
    known.settled(key(2), desired(2, "a", 2.0, 8))
    assert known.watermark({0: 9}) == {0: 8}


def test_a_changed_primary_key_renames_the_row_where_it_stands() -> None:
    made = book()
    made.fold(key(1), 0, 5, False)
    made.renamed(key(1), key(9))
    made.change(gone(1, 7))
    made.change(desired(9, "a", None, 8))
    found = recognise(made, [row(4, 1.0, "a", None, mark(1, "a", None, 5))])
    plan = plan_tab(made, found, Look.WHOLE, 0, lambda: "new:1", 0)
    assert not plan.removes
    assert not plan.adds
    assert plan.rows[key(9)].row == 4
    assert [(c.column, c.value) for c in plan.rows[key(9)].cells] == [("id", 9.0)]


def test_a_deleted_key_waits_for_the_row_that_it_has_become() -> None:
    made = book()
    made.fold(key(1), 0, 5, False)
    made.renamed(key(1), key(9))
    made.change(gone(1, 7))
    found = recognise(made, [row(4, 1.0, "a", None, mark(1, "a", None, 5))])
    plan = plan_tab(made, found, Look.WHOLE, 0, lambda: "new:1", 0)
    assert not plan.removes
    assert made.is_idle()
    made.change(desired(9, "a", None, 8))
    assert not made.is_idle()


def test_rows_that_a_truncate_took_away_stay_gone_after_a_restart() -> None:
    known, rows = shown(1, 2)
    known.truncated(Truncated(lsn=100, at_ms=0))
    plan = look(known, rows)
    assert {remove.key for remove in plan.removes} == {key(1), key(2)}
    again = Book(known.binding, known.shape, truncated_to=dict(known.truncated_to))
    for each in known.entries:
        again.fold(each, 0, known.entries[each].offset, False)
    later = look(again, [], CONFIRM_MISSING_MS)
    assert not again.suspects
    assert not later.drafts


def test_a_column_of_another_type_is_written_anew_in_every_row_and_is_nobodys_edit() -> None:
    known, rows = shown(*range(1, 41))
    known.retyped = frozenset({"name"})
    for number in range(1, 41):
        known.change(desired(number, "b", None, number))
    plan = look(known, rows)
    assert not plan.drafts and not known.held
    assert {(c.column, c.value) for p in plan.rows.values() for c in p.cells} == {("name", "b")}
    for number in range(1, 41):
        known.settled(key(number), plan.settled[key(number)])
    written = [row(n, float(n), "b", None, mark(n, "b", None, n)) for n in range(1, 41)]
    assert not look(known, written).writes
    assert not known.retyped
    edited = row(1, 1.0, "typed", None, written[0].mark)  # type: ignore[arg-type]
    assert [d.row_key for d in look(known, [edited, *written[1:]]).drafts] == [key(1)]


def answered(number: int, outcome: Outcome, lsn: int = 0, there: bool = False) -> EditResult:
    """What became of a row as a whole."""
    row_now = {"id": str(number), "name": "b", "amount": None} if there else None
    return EditResult(key(number), (), RowAnswer(outcome, 8, None), row_now, lsn)


def test_a_row_that_only_a_result_calls_gone_waits_for_its_event() -> None:
    known, rows = shown(1)
    edited = row(1, 1.0, "typed", None, rows[0].mark)  # type: ignore[arg-type]
    refused = Answer("name", "", "typed", 4, Outcome.REJECTED, "gone")
    known.result(0, EditResult(key(1), (refused,), None, None, 50))
    known.learn(desired(1, "a", None, 1))
    plan = look(known, [edited])
    assert not plan.drafts and not plan.removes
    assert known.is_idle()
    known.change(gone(1, 9))
    assert [r.row for r in look(known, [edited]).removes] == [1]


def test_a_cleared_row_that_stays_is_written_where_it_stands() -> None:
    known, rows = shown(1)
    cleared = row(1, None, None, None, rows[0].mark)  # type: ignore[arg-type]
    known.result(0, answered(1, Outcome.RESTORED, 50, there=True))
    known.learn(desired(1, "a", None, 1))
    plan = look(known, [cleared])
    assert {c.column: c.value for c in plan.rows[key(1)].cells if isinstance(c.value, str | float)} == {"id": 1.0, "name": "b"}
    assert plan.rows[key(1)].mark == mark(1, "b", None, 1, {"id": 8, "name": 8, "amount": 8})
    assert not plan.adds


def test_a_row_of_a_deleted_key_whose_key_cell_was_emptied_is_a_new_row() -> None:
    known, rows = shown(1)
    known.entries[key(1)].deleted = True
    plan = look(known, [row(1, None, "a", None, rows[0].mark)])  # type: ignore[arg-type]
    assert [p.mark for p in plan.others] == [NewRow("new:1")]
    assert not plan.drafts


def test_a_report_of_what_an_older_mark_said_is_given_up() -> None:
    known, rows = shown(1)
    edited = row(1, 1.0, "typed", None, rows[0].mark)  # type: ignore[arg-type]
    assert look(known, [edited]).drafts
    moved_on = row(1, 1.0, "b", None, mark(1, "b", None, 2))
    assert not look(known, [moved_on]).drafts
    assert not known.reports


def test_a_row_that_lost_its_mark_holds_what_people_changed_since_it_was_written_and_no_more() -> None:
    known, rows = shown(1)
    known.change(desired(1, "the application's", 1.0, 9))
    lost = row(rows[0].row, 1.0, rows[0].values["name"], 7.0)
    known.learn(desired(1, rows[0].values["name"], 1.0, known.entries[key(1)].shown_offset))
    plan = look(known, [lost])
    assert [(c.column, c.value) for d in plan.drafts for c in d.cells] == [("amount", 7.0)]
    assert {c.column: c.value for c in plan.rows[key(1)].cells} == {"name": "the application's"}


def test_a_deletion_names_what_the_row_showed_last() -> None:
    known, _ = shown(1)
    known.change(desired(1, "changed since", None, 5))
    look(known, [])
    known.learn(desired(1, "a", None, 1))
    (draft,) = look(known, [], CONFIRM_MISSING_MS).drafts
    assert {c.column: c.value for c in draft.cells} == {"id": 1.0, "name": "a", "amount": None}
    assert draft.offset == 5


def test_what_a_truncate_took_away_is_not_read_again() -> None:
    known, _ = shown(1)
    known.suspects[key(1)] = 0
    known.truncated(Truncated(lsn=100, at_ms=0))
    known.changes.clear()
    assert not wanted_changes(known, recognise(known, []), Look.WHOLE, CONFIRM_MISSING_MS)


def test_the_answers_under_the_old_key_are_shown_with_the_new_one() -> None:
    known, rows = shown(1)
    typed = row(1, 1.0, "typed", None, rows[0].mark)  # type: ignore[arg-type]
    base = rows[0].mark.cells["name"].digest  # type: ignore[union-attr]
    answer = Answer("name", base, "typed", 4, Outcome.APPLIED)
    known.result(0, EditResult(key(1), (answer,), None, {"id": "1", "name": "typed", "amount": None}, 50))
    known.renamed(key(1), key(9))
    known.change(gone(1, 60))
    known.change(desired(9, "typed", None, 61))
    assert look(known, [typed]).rows[key(9)].mark == mark(9, "typed", None, 61, {"name": 4})


def test_rows_that_one_flush_does_not_reach_stay_in_doubt_and_are_taken_away_later() -> None:
    known = book()
    known.doubtful = True
    for number in (1, 2):
        known.change(desired(number, "new", None, number))
    rows = [row(n, float(n), "old", None, mark(n, "old", None, 0)) for n in (1, 2, 3)]
    first = plan_tab(known, recognise(known, rows), Look.WHOLE, 0, tokens(), 0, max_rows=2)
    assert set(first.rows) == {key(1), key(2)}
    assert first.look_whole_at_ms == 0
    later = plan_tab(known, recognise(known, rows), Look.WHOLE, 0, tokens(), 0)
    assert [remove.key for remove in later.removes] == [key(3)]
    assert [draft.kind for draft in later.drafts] == [], "nobody asks to have the row inserted again"


@pytest.mark.parametrize(("reason", "removed"), [(REPLAYED, True), (None, False)], ids=["of a replay", "of a person's delete"])
def test_a_row_that_stands_there_after_its_delete_was_answered_is_a_persons_act_but_after_a_replay(
    reason: str | None, removed: bool
) -> None:
    known, rows = shown(1, 2)
    known.change(gone(2, 9))
    known.result(0, EditResult(key(2), (), RowAnswer(Outcome.DELETED, 4, key(2), reason), None, 9))
    plan = look(known, rows)
    assert bool(plan.removes) is removed
    assert [draft.kind for draft in plan.drafts] == ([] if removed else [EditKind.RETURN])
