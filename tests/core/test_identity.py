"""Every row of a tab is known for what it is, whatever people did to it."""

from tabstream.core.identity import Repair, identify, row_content
from tabstream.core.marks import CopiedRow, NewRow
from tests.core.tabs import key, mark, row

KNOWN = {key(1), key(2), key(3)}


def test_a_row_is_believed_where_key_and_mark_agree() -> None:
    found = identify([row(1, 1.0, "a", None, mark(1, "a", None, 5))], KNOWN, {})
    assert found.rows[key(1)].repair is Repair.NONE
    assert not found.unsure


def test_marks_follow_the_keys_after_a_sort_without_sync() -> None:
    rows = [row(1, 2.0, "b", None, mark(1, "a", None, 5)), row(2, 1.0, "a", None, mark(2, "b", None, 6))]
    found = identify(rows, KNOWN, {})
    assert {k: (v.row.row, v.mark.key if v.mark else "") for k, v in found.rows.items()} == {
        key(2): (1, key(2)),
        key(1): (2, key(1)),
    }
    assert all(v.repair is Repair.MARK for v in found.rows.values())
    assert found.unsure


def test_a_row_pasted_over_is_put_back_whole() -> None:
    rows = [row(1, 1.0, "a", None, mark(1, "a", None, 5)), row(2, 1.0, "a", None, mark(2, "b", None, 6))]
    found = identify(rows, KNOWN, {})
    assert found.rows[key(2)].repair is Repair.WHOLE
    assert found.rows[key(1)].row.row == 1


def test_a_key_typed_over_is_put_back() -> None:
    found = identify([row(1, 99.0, "a", None, mark(1, "a", None, 5))], KNOWN, {})
    assert found.rows[key(1)].repair is Repair.KEY


def test_the_same_mark_with_an_unknown_key_is_a_new_row() -> None:
    rows = [row(1, 1.0, "a", None, mark(1, "a", None, 5)), row(2, 99.0, "a", None, mark(1, "a", None, 5))]
    found = identify(rows, KNOWN, {})
    assert [r.row for r in found.new] == [2]
    assert found.rows[key(1)].row.row == 1


def test_of_two_copies_the_one_where_it_was_last_seen_is_the_row() -> None:
    rows = [row(1, 1.0, "a", None, mark(1, "a", None, 5)), row(2, 1.0, "a", None, mark(1, "a", None, 5))]
    found = identify(rows, KNOWN, {key(1): 2})
    assert found.rows[key(1)].row.row == 2
    assert [r.row for r in found.copies] == [1]
    assert found.unsure


def test_a_copy_that_is_marked_as_one_leaves_no_doubt() -> None:
    rows = [row(1, 1.0, "a", None, CopiedRow(key(1))), row(2, 1.0, "a", None, mark(1, "a", None, 5))]
    found = identify(rows, KNOWN, {key(1): 1})
    assert found.rows[key(1)].row.row == 2
    assert [r.row for r in found.copies] == [1]
    assert not found.unsure


def test_a_copy_with_another_key_is_a_new_row() -> None:
    rows = [row(1, 1.0, "a", None, mark(1, "a", None, 5)), row(2, 99.0, "a", None, CopiedRow(key(1)))]
    assert [r.row for r in identify(rows, KNOWN, {key(1): 1}).new] == [2]


def test_a_copy_whose_row_is_nowhere_else_is_the_row() -> None:
    found = identify([row(2, 1.0, "a", None, CopiedRow(key(1)))], KNOWN, {key(1): 1})
    assert found.rows[key(1)].repair is Repair.MARK


def test_a_copy_that_was_cleared_is_nobodys() -> None:
    blank = row(2, None, None, None, CopiedRow(key(1)))
    assert [r.row for r in identify([blank], KNOWN, {}).strays] == [2]


def test_a_row_over_which_another_was_pasted_with_its_mark_is_put_back() -> None:
    rows = [row(1, 1.0, "a", None, mark(1, "a", None, 5)), row(2, 1.0, "a", None, mark(1, "a", None, 5))]
    found = identify(rows, KNOWN, {key(1): 1, key(2): 2})
    assert found.rows[key(2)].repair is Repair.WHOLE
    assert found.rows[key(2)].row.row == 2
    assert not found.copies


def test_a_copy_that_moved_up_is_not_taken_for_a_row_pasted_over() -> None:
    rows = [row(1, 1.0, "a", None, mark(1, "a", None, 5)), row(2, 1.0, "a", None, CopiedRow(key(1)))]
    found = identify(rows, KNOWN, {key(1): 1, key(2): 2})
    assert key(2) not in found.rows


def test_a_damaged_mark_leaves_the_decision_to_the_key() -> None:
    found = identify([row(1, 1.0, "a", None, None, damaged=True)], KNOWN, {})
    assert found.rows[key(1)].mark is None
    assert found.rows[key(1)].repair is Repair.MARK


def test_cells_cut_and_pasted_without_sync_keep_their_mark() -> None:
    rows = [row(1, None, None, None, mark(1, "a", None, 5)), row(4, 1.0, "a", None)]
    found = identify(rows, KNOWN, {key(1): 1})
    assert found.rows[key(1)].row.row == 4
    assert found.rows[key(1)].mark == mark(1, "a", None, 5)
    assert [r.row for r in found.strays] == [1]
    assert not found.cleared


def test_a_cleared_row_is_known_by_its_mark() -> None:
    found = identify([row(1, None, None, None, mark(1, "a", None, 5))], KNOWN, {})
    assert found.cleared[key(1)].row.row == 1


def test_a_row_without_a_mark_is_new_and_a_doubled_token_too() -> None:
    rows = [row(1, None, "x", None), row(2, None, "y", None, NewRow("new:1")), row(3, None, "y", None, NewRow("new:1"))]
    found = identify(rows, KNOWN, {})
    assert [r.row for r in found.new] == [3, 1]
    assert found.tokens["new:1"].row == 2


def test_a_sort_without_sync_over_new_rows_parts_neither_keys_nor_tokens() -> None:
    rows = [
        row(1, 2.0, "b", None, NewRow("new:1")),
        row(2, 1.0, "a", None, mark(2, "b", None, 6)),
        row(3, None, "begun", None, mark(1, "a", None, 5)),
    ]
    found = identify(rows, KNOWN, {}, {"new:1": row_content(rows[2])})
    assert {k: (v.row.row, v.repair) for k, v in found.rows.items()} == {
        key(2): (1, Repair.MARK),
        key(1): (2, Repair.MARK),
    }
    assert found.tokens["new:1"].row == 3
    assert found.moved_tokens == {"new:1"}
    assert not found.new


def test_a_key_that_moved_to_an_unmarked_row_is_found_there() -> None:
    rows = [row(1, None, "begun", None, mark(1, "a", None, 5)), row(2, 1.0, "a", None)]
    found = identify(rows, KNOWN, {})
    assert found.rows[key(1)].row.row == 2
    assert [r.row for r in found.new] == [1]


def test_a_known_key_typed_into_a_new_row_stays_a_new_row() -> None:
    rows = [row(1, 1.0, "a", None, mark(1, "a", None, 5)), row(2, 1.0, "x", None, NewRow("new:1"))]
    found = identify(rows, KNOWN, {})
    assert found.tokens["new:1"].row == 2
    assert found.rows[key(1)].row.row == 1


def test_a_token_whose_content_was_moved_away_follows_it() -> None:
    rows = [row(1, None, None, None, NewRow("new:1")), row(2, None, "begun", None)]
    found = identify(rows, KNOWN, {}, {"new:1": row_content(rows[1])})
    assert found.tokens == {"new:1": rows[1]}
    assert found.strays == [rows[0]]


def test_a_token_that_a_person_cleared_stays_with_its_row() -> None:
    rows = [row(1, None, "begun", None), row(2, None, "other", None)]
    found = identify(rows, KNOWN, {}, {"new:1": row_content(rows[0])})
    assert found.tokens == {"new:1": rows[0]}
    assert found.new == [rows[1]]


def test_a_row_whose_mark_was_deleted_after_a_sort_without_sync_is_found_by_its_key() -> None:
    rows = [row(1, 3.0, "c", None, mark(1, "a", None, 5)), row(2, 1.0, "a", None, mark(2, "b", None, 6))]
    found = identify(rows, KNOWN, {key(1): 1, key(2): 2, key(3): 3})
    assert {k: v.row.row for k, v in found.rows.items()} == {key(1): 2, key(3): 1}
    assert not found.new


def test_a_shown_row_that_stands_where_a_new_one_was_begun_is_found_by_its_key() -> None:
    found = identify([row(1, 3.0, "c", None, NewRow("new:1"))], KNOWN, {key(3): 7})
    assert found.rows[key(3)].repair is Repair.MARK
    assert not found.tokens
