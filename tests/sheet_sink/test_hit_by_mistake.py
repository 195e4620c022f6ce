"""Rows that a write hits by mistake, because people move rows between its read and itself, are put right."""

import pytest

from tabstream.core.cells import digest
from tabstream.core.edits import EditKind, Outcome
from tabstream.core.results import Answer, EditResult, RowAnswer
from tests.core.tabs import desired, gone, key
from tests.sheet_sink.acts import hit_ada, rename, written_late
from tests.sheet_sink.desk import Desk

OLD_BO = [["1", "Ada", "1", "remark 1"], ["2", "Bo", "2", "remark 2"], ["3", "Cy", "3", "remark 3"]]
NEW_BO = [["1", "Ada", "1", "remark 1"], ["2", "new", "2", "remark 2"], ["3", "Cy", "3", "remark 3"]]


def test_a_row_that_was_hit_by_mistake_is_put_right_and_is_nobodys_edit(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["", "new", "Bo", "Cy"], "the write hit the row of Ada"
    (met,) = filled.met()
    assert met.keys == {key(1), key(2)}
    assert filled.put_right() == []
    assert filled.grid() == [[""] * 4, *NEW_BO]


def test_a_row_of_which_the_topic_tells_nothing_is_put_right_too(filled: Desk) -> None:
    del filled.tab.book.entries[key(1)]
    filled.tab.book.lacks([key(1)], 0)
    hit_ada(filled)
    assert filled.put_right() == []
    assert filled.grid() == [[""] * 4, *NEW_BO]


def test_a_row_that_was_hit_by_mistake_and_is_deleted_then_stays_deleted_for_the_next_owner(filled: Desk) -> None:
    hit_ada(filled)
    for met in filled.met():
        filled.tab.book.doubt(met.keys, met.mistakes)
    filled.change(gone(1, 0))
    filled.flush()
    assert [row for row in filled.grid() if any(row)] == NEW_BO[1:]
    filled.pre_image.forget()
    assert not any(met.deleted for met in filled.met())


def test_a_row_that_was_cleared_before_it_was_hit_by_mistake_was_not_overwritten(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("clear", range="A2:C2")
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    (met,) = filled.met()
    filled.tab.book.doubt(met.keys, met.mistakes)
    assert met.keys == {key(1), key(2)}
    assert filled.tab.book.entries[key(1)].shown, "it is missing, as any row that a person has cleared"


def test_many_rows_hit_by_mistake_are_put_right_and_are_nobodys_edits(filled: Desk) -> None:
    filled.change(desired(1, "Ada", 1.5, 0), desired(2, "new", 2.0, 0), desired(3, "Cyd", 3.0, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    assert filled.put_right() == []
    assert [row[1:3] for row in filled.grid()] == [["", ""], ["Ada", "1.5"], ["new", "2"], ["Cyd", "3"]]
    assert [row[3] for row in filled.grid()] == ["", "remark 1", "remark 2", "remark 3"]


def test_many_rows_hit_by_mistake_after_a_deletion_are_put_right_too(filled: Desk) -> None:
    filled.change(desired(2, "new", 2.0, 0), desired(3, "Cyd", 3.5, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("delete-rows", rows=[2])
    filled.apply(filled.render(reading, plan), plan)
    assert filled.put_right() == []
    assert filled.grid() == [["2", "new", "2", "remark 2"], ["3", "Cyd", "3.5", "remark 3"]]


def test_a_mistake_is_known_to_a_binding_that_is_opened_again_before_it_is_put_right(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    (met,) = filled.met()
    filled.pre_image.reported = filled.read().scratch_batch
    assert filled.met() == []
    filled.pre_image.opened()
    (again,) = filled.met()
    assert (again.keys, again.mistakes, again.drafts) == (met.keys, met.mistakes, [])


def test_a_changed_key_that_was_written_into_another_row_is_written_into_its_own(filled: Desk) -> None:
    rename(filled, 1, desired(9, "Ada", 1.0, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    assert [row[0] for row in filled.grid()] == ["9", "1", "2", "3"], "the write hit the blank row"
    assert filled.put_right() == []
    assert [row for row in filled.grid() if any(row)] == [["9", "Ada", "1", "remark 1"], *OLD_BO[1:]]
    assert filled.tab.book.entries[key(9)].shown


def test_a_changed_key_that_no_row_has_after_a_mistake_is_not_taken_for_deleted(filled: Desk) -> None:
    rename(filled, 1, desired(9, "Ada", 1.0, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    (met,) = filled.met()
    filled.tab.book.doubt(met.keys, met.mistakes)
    assert not filled.tab.book.entries[key(9)].shown


def test_what_a_mistake_left_in_a_row_whose_key_then_changes_is_nobodys_edit(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("move-rows", rows=[2], before=4)
    filled.apply(filled.render(reading, plan), plan)
    assert [row[:2] for row in filled.grid()] == [["2", "Bo"], ["1", "new"], ["3", "Cy"]], "the write hit the row of Ada"
    rename(filled, 1, desired(9, "Ada", 1.0, 0))
    assert filled.put_right() == []
    assert filled.grid() == [NEW_BO[1], ["9", "Ada", "1", "remark 1"], NEW_BO[2]]


def test_what_a_mistake_left_in_a_row_that_is_then_deleted_is_nobodys_edit(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("move-rows", rows=[2], before=4)
    filled.apply(filled.render(reading, plan), plan)
    filled.change(gone(1, 0))
    assert filled.put_right() == []
    assert filled.grid() == NEW_BO[1:]


def test_a_row_deleted_by_mistake_whose_key_was_changed_comes_back_and_gets_it(filled: Desk) -> None:
    filled.change(gone(1, 0))
    rename(filled, 2, desired(9, "Bo", 2.0, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("move-rows", rows=[3], before=2)
    filled.apply(filled.render(reading, plan), plan)
    assert [row[:2] for row in filled.grid()] == [["9", "Ada"], ["3", "Cy"]], "the write deleted the row of Bo"
    assert filled.put_right() == []
    assert [row for row in filled.grid() if any(row)] == [OLD_BO[2], ["9", "Bo", "2", "remark 2"]]


@pytest.mark.parametrize(("before", "hit"), [(2, ["4", "Cy"]), (5, ["4", ""])], ids=["of a key", "a blank one"])
def test_a_new_row_whose_key_was_written_into_another_row_gets_it(filled: Desk, before: int, hit: list[str]) -> None:
    filled.person.act("paste", cell="B5", values=[["Eve", "5"]])
    filled.flush()
    filled.flush()
    (token,) = filled.tab.book.tokens
    filled.change(desired(4, "Eve", 5.0, 0, 90))
    cells = tuple(Answer(c, "", v, 4, Outcome.INSERTED) for c, v in (("id", None), ("name", "Eve"), ("amount", 5.0)))
    inserted = RowAnswer(Outcome.INSERTED, 4, key(4))
    filled.tab.book.result(0, EditResult(token, cells, inserted, {"id": "4", "name": "Eve", "amount": "5.00"}, 100))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("insert-rows", before=before)
    filled.apply(filled.render(reading, plan), plan)
    assert [row[:2] for row in filled.grid()][-2:] == [hit, ["", "Eve"]], "the write hit another row"
    (met,) = filled.met()
    filled.tab.book.doubt(met.keys, met.mistakes)
    assert not filled.tab.book.entries[key(4)].shown, "its row is not one that a person deleted"
    assert filled.put_right() == []
    assert [row for row in filled.grid() if any(row)] == [*OLD_BO, ["4", "Eve", "5", ""]]
    assert not filled.tab.book.tokens


def test_rows_that_move_again_while_they_are_put_right_are_put_right_all_the_same(filled: Desk) -> None:
    filled.change(desired(1, "Ada", 1.5, 0), desired(2, "new", 2.0, 0), desired(3, "Cyd", 3.0, 0))
    for descending in (True, False):
        for met in filled.met():
            filled.tab.book.doubt(met.keys, met.mistakes)
        reading = filled.read()
        filled.pre_image.reported = reading.scratch_batch
        plan = filled.plan(reading)
        filled.person.act("sort-range", range="A2:E4", column="E", descending=descending)
        filled.apply(filled.render(reading, plan), plan)
    assert filled.put_right() == []
    assert sorted(filled.grid()) == [
        ["1", "Ada", "1.5", "remark 1"],
        ["2", "new", "2", "remark 2"],
        ["3", "Cyd", "3", "remark 3"],
    ]


def test_what_was_typed_in_a_row_that_was_hit_by_mistake_is_found(filled: Desk) -> None:
    filled.change(desired(1, "Ada", 1.5, 0), desired(2, "new", 2.0, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("type", cell="B2", text="Adele")
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    drafts = filled.put_right()
    assert {(draft.row_key, c.column, c.value, c.base) for draft in drafts for c in draft.cells} == {
        (key(1), "name", "Adele", digest("Ada"))
    }


def test_a_persons_new_row_that_was_hit_by_mistake_is_as_it_was(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("insert-rows", before=3)
    filled.person.act("paste", cell="B3", values=[["Eve", "5"]])
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["Ada", "new", "Bo", "Cy"], "the write hit the row of Eve"
    drafts = filled.put_right()
    assert [row[1:3] for row in filled.grid()] == [["Ada", "1"], ["Eve", "5"], ["new", "2"], ["Cy", "3"]]
    assert {(draft.kind, c.value) for draft in drafts for c in draft.cells if c.column == "name"} == {(EditKind.INSERT, "Eve")}


def test_a_new_row_that_was_hit_by_mistake_keeps_its_token(filled: Desk) -> None:
    filled.person.act("paste", cell="B5", values=[["Eve", "5"]])
    filled.flush()
    filled.flush()
    (token,) = filled.tab.book.tokens
    filled.change(desired(3, "Cyd", 3.0, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("delete-rows", rows=[2])
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["Bo", "Cy", "Cyd"], "the write hit the row of Eve"
    filled.put_right()
    assert [row[1:3] for row in filled.grid()] == [["Bo", "2"], ["Cyd", "3"], ["Eve", "5"]]
    assert list(filled.tab.book.tokens) == [token]


def test_a_new_row_whose_token_was_cleared_by_mistake_is_known_by_what_it_holds(filled: Desk) -> None:
    for cell, text in (("B5", "Eve"), ("B6", "Flo")):
        filled.person.act("type", cell=cell, text=text)
    filled.flush()
    filled.flush()
    (eve,) = (name for name, token in filled.tab.book.tokens.items() if token.row == 4)
    filled.person.act("clear", range="B6")
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["", "Ada", "Bo", "Cy", "Eve"], "the write hit the row of Eve"
    filled.put_right()
    assert filled.tab.book.tokens[eve].row == 5


def test_a_row_deleted_by_mistake_comes_back_with_what_people_had_beside_it(filled: Desk) -> None:
    filled.change(gone(3, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("note", cell="E3", text="call him")
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["", "Ada", "Cy"], "the row of Bo was deleted, not that of Cy"

    (met,) = filled.met()
    assert met.keys == {key(2), key(3)}
    assert len(met.deleted) == 1
    filled.tab.restore = met.deleted
    filled.tab.book.doubt(met.keys, met.mistakes)
    filled.flush()
    filled.flush()
    rows = [row for row in filled.grid() if any(row)]
    assert rows == [["1", "Ada", "1", "remark 1"], ["2", "Bo", "2", "remark 2"]]
    notes = [cell.note for row in filled.read().tab(filled.tab).cells.values() for cell in row if cell.note]
    assert notes == ["call him"]


def test_a_row_deleted_by_mistake_comes_back_though_the_grid_shrinks_meanwhile(filled: Desk) -> None:
    filled.change(gone(3, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    (met,) = filled.met()
    filled.tab.restore = met.deleted
    filled.tab.book.doubt(met.keys, met.mistakes)
    reading = filled.read()
    filled.pre_image.reported = reading.scratch_batch
    plan = filled.plan(reading)
    filled.person.act("delete-rows", rows=[2])
    filled.apply(filled.render(reading, plan), plan)
    assert filled.put_right() == []
    assert [row for row in filled.grid() if any(row)] == OLD_BO[:2]


def test_rows_whose_deletion_hit_others_are_deleted_all_the_same(filled: Desk) -> None:
    filled.change(gone(2, 0), gone(3, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["", "Cy"], "the rows of Ada and Bo were deleted"
    assert filled.put_right() == []
    assert [row for row in filled.grid() if any(row)] == [["1", "Ada", "1", "remark 1"]]


def test_a_persons_own_row_deleted_by_mistake_comes_back(filled: Desk) -> None:
    filled.change(gone(3, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("insert-rows", before=4)
    filled.person.act("paste", cell="B4", values=[["Eve", "5"]])
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["Ada", "Bo", "Cy"]
    (met,) = filled.met()
    filled.tab.restore = met.deleted
    filled.flush()
    assert [row[1] for row in filled.grid()].count("Eve") == 1
