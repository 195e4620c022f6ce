"""Plans rendered into calls, applied to a real spreadsheet, and what the copies made on the way show."""

from dataclasses import replace
from typing import Any

import pytest

from consumers.sheet_sink.bound_tab import OpenAgain
from consumers.sheet_sink.columns import DROPPED_MESSAGE, change_columns
from consumers.sheet_sink.opening import without_sync
from consumers.sheet_sink.reading import Reading, Request, read
from consumers.sheet_sink.rendering import render
from consumers.sheet_sink.scratch import SCRATCH_SHEET_ID
from tabstream.core.binding import TableShape
from tabstream.core.cells import EMPTY_DIGEST, RowKey, digest
from tabstream.core.changes import Desired
from tabstream.core.columns import column_changes, described_columns
from tabstream.core.edits import EditKind, Outcome
from tabstream.core.results import Answer, EditResult, RowAnswer
from tabstream.core.tabparts import TabPlan
from tabstream.core.watermark import encode_watermark
from tabstream.sheets import requests as build
from tabstream.sheets.errors import FenceLost, InvalidRequest
from tests.core.tabs import SHAPE, column, desired, gone, key
from tests.sheet_sink.desk import METADATA_ID, Desk

OLD_BO = [["1", "Ada", "1", "remark 1"], ["2", "Bo", "2", "remark 2"], ["3", "Cy", "3", "remark 3"]]
NEW_BO = [["1", "Ada", "1", "remark 1"], ["2", "new", "2", "remark 2"], ["3", "Cy", "3", "remark 3"]]


@pytest.fixture
def filled(leads: Desk) -> Desk:
    """Three rows, with a remark of somebody's at each."""
    leads.change(desired(1, "Ada", 1.0, 0), desired(2, "Bo", 2.0, 0), desired(3, "Cy", 3.0, 0))
    leads.flush()
    for row in (2, 3, 4):
        leads.person.act("type", cell=f"E{row}", text=f"remark {row - 1}")
    return leads


def test_rows_are_shown_and_the_watermark_with_them(leads: Desk) -> None:
    leads.tab.consumed = {0: 3}
    leads.change(desired(1, "Ada", 1.5, 0), desired(2, "Bo", None, 0))
    leads.flush()
    assert leads.grid() == [["1", "Ada", "1.5", ""], ["2", "Bo", "", ""]]
    mark = leads.watermark()
    assert (mark.table.offsets, mark.sequence, mark.binding) == ({0: 2}, 1, leads.tab.binding.name)


def test_where_nobody_was_in_between_there_is_no_news(filled: Desk) -> None:
    assert filled.met() == []
    filled.change(desired(2, "Bob", 2.5, 0), gone(3, 0), desired(4, "Di", 4.0, 0))
    filled.flush()
    assert filled.grid() == [["1", "Ada", "1", "remark 1"], ["2", "Bob", "2.5", "remark 2"], ["4", "Di", "4", ""]]
    assert filled.met() == []


def test_an_edit_that_was_seen_before_the_write_is_no_news(filled: Desk) -> None:
    filled.person.act("type", cell="C3", text="22")
    filled.change(desired(2, "Bob", 2.0, 0))
    filled.flush()
    assert filled.grid()[1] == ["2", "Bob", "22", "remark 2"]
    assert filled.met() == []


def test_a_stale_fence_is_refused_and_changes_nothing(filled: Desk) -> None:
    filled.change(desired(1, "first", 1.0, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    mine, other = filled.render(reading, plan), filled.render(reading, plan)
    filled.client.batch_update(filled.spreadsheet_id, other.requests)
    version, grid, mark = filled.version(), filled.grid(), filled.watermark()
    with pytest.raises(FenceLost):
        filled.client.batch_update(filled.spreadsheet_id, mine.requests)
    assert (filled.version(), filled.grid(), filled.watermark()) == (version, grid, mark)
    assert filled.read().fence_batch == other.id


@pytest.mark.parametrize(
    ("cell", "column", "text", "value", "left"),
    [
        ("B3", "name", "typed", "typed", ["2", "new", "2", "remark 2"]),
        ("C3", "amount", "7.5", 7.5, ["2", "new", "7.5", "remark 2"]),
    ],
    ids=["in the cell that is written", "beside it"],
)
def test_what_was_typed_between_read_and_write_is_found(
    filled: Desk, cell: str, column: str, text: str, value: object, left: list[str]
) -> None:
    filled.change(desired(2, "new", 2.0, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("type", cell=cell, text=text)
    filled.apply(filled.render(reading, plan), plan)

    assert filled.grid()[1] == left
    (met,) = filled.met()
    (draft,) = met.drafts
    (seen,) = draft.cells
    base = {"name": digest("Bo"), "amount": digest(2.0)}[column]
    assert (draft.row_key, draft.kind, draft.offset) == (key(2), EditKind.CELLS, 2)
    assert (seen.column, seen.value, seen.base) == (column, value, base)
    assert not met.keys and not met.deleted


def test_what_was_typed_is_told_once(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("type", cell="B3", text="typed")
    filled.apply(filled.render(reading, plan), plan)
    assert len(filled.met()) == 1
    filled.pre_image.reported = filled.read().scratch_batch
    assert filled.met() == []


def test_the_next_owner_finds_what_was_typed_too(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("type", cell="B3", text="typed")
    filled.apply(filled.render(reading, plan), plan)
    filled.pre_image.forget()
    (met,) = filled.met()
    assert [cell.value for draft in met.drafts for cell in draft.cells] == ["typed"]


def test_a_cleared_cell_is_an_edit_like_any_other(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("clear", range="B3")
    filled.apply(filled.render(reading, plan), plan)
    (met,) = filled.met()
    assert [(cell.column, cell.value) for draft in met.drafts for cell in draft.cells] == [("name", None)]


def new_row_answered(filled: Desk) -> RowKey:
    """A person's new row, submitted; the key that its answer, which is not shown yet, gives it."""
    filled.person.act("paste", cell="B5", values=[["Eve", "5"]])
    filled.flush()
    filled.flush()
    (token,) = filled.tab.book.tokens
    cells = tuple(Answer(c, EMPTY_DIGEST, v, 4, Outcome.APPLIED) for c, v in (("id", None), ("name", "Eve"), ("amount", 5.0)))
    stored = {"id": "9", "name": "Eve", "amount": "5.00"}
    filled.tab.book.result(7, EditResult(token, cells, RowAnswer(Outcome.INSERTED, 4, key(9)), stored, 100))
    return key(9)


def test_what_was_typed_into_a_new_row_while_it_got_its_key_is_an_edit_of_that_key(filled: Desk) -> None:
    saved = new_row_answered(filled)
    filled.change(desired(9, "EVE", 5.0, 0, 101))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("type", cell="B5", text="Evelyn")
    filled.apply(filled.render(reading, plan), plan)
    assert filled.grid()[3] == ["9", "EVE", "5", ""]
    (met,) = filled.met()
    (draft,) = met.drafts
    assert (draft.row_key, draft.kind) == (saved, EditKind.CELLS)
    assert [(c.column, c.value, c.base, c.number) for c in draft.cells] == [("name", "Evelyn", digest("EVE"), 0)]


def test_a_new_row_that_was_typed_in_while_it_was_deleted_comes_back(filled: Desk) -> None:
    new_row_answered(filled)
    filled.tab.book.change(desired(9, "Eve", 5.0, 101))
    filled.tab.book.change(gone(9, 102))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("type", cell="B5", text="Evelyn")
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["Ada", "Bo", "Cy"], "the new row was deleted in the database"
    filled.put_right()
    assert [row[1] for row in filled.grid() if any(row)] == ["Ada", "Bo", "Cy", "Evelyn"]


def test_what_was_typed_into_a_cleared_row_while_it_was_taken_away_comes_back(filled: Desk) -> None:
    filled.person.act("clear", range="A4:C4")
    filled.change(gone(3, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("paste", cell="A4", values=[["71", "Flo", "7"]])
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["Ada", "Bo"]
    drafts = filled.put_right()
    assert ["71", "Flo", "7", "remark 3"] in filled.grid()
    assert {(draft.kind, c.value) for draft in drafts for c in draft.cells if c.column == "name"} == {(EditKind.INSERT, "Flo")}


def put_right_while_typing(filled: Desk) -> None:
    """The row of Ada is hit by mistake, and the write that puts it right meets what was typed there meanwhile."""
    hit_ada(filled)
    for met in filled.met():
        filled.tab.book.doubt(met.keys, met.mistakes)
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("type", cell="B3", text="Adele")
    filled.apply(filled.render(reading, plan), plan)
    assert filled.grid()[1] == ["1", "Ada", "1", "remark 1"]


def test_what_was_typed_while_a_row_was_put_right_is_an_edit_of_that_row(filled: Desk) -> None:
    put_right_while_typing(filled)
    (met,) = filled.met()
    assert [(d.row_key, c.column, c.value, c.base) for d in met.drafts for c in d.cells] == [
        (key(1), "name", "Adele", digest("Ada"))
    ]


def test_a_row_that_was_put_right_is_no_mistake_to_the_next_owner(filled: Desk) -> None:
    put_right_while_typing(filled)
    filled.pre_image.forget()
    filled.tab.book.mistakes.rows.clear()
    (met,) = filled.met()
    assert key(1) in met.keys
    assert not met.mistakes.marks and not met.mistakes.rows


def test_a_row_that_was_hit_by_mistake_is_put_right_and_is_nobodys_edit(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
    assert [row[1] for row in filled.grid()] == ["", "new", "Bo", "Cy"], "the write hit the row of Ada"
    (met,) = filled.met()
    assert met.keys == {key(1), key(2)}
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


def hit_ada(filled: Desk) -> None:
    """A change of Bo's name is written into the row of Ada."""
    reading, plan = written_late(filled)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)


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


def test_a_header_that_was_renamed_in_between_makes_every_key_doubtful(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("type", cell="B1", text="Name of the lead")
    filled.apply(filled.render(reading, plan), plan)
    (met,) = filled.met()
    assert met.keys == {key(1), key(2), key(3)}


def test_one_row_to_blame_is_named_when_rows_stand_apart(filled: Desk) -> None:
    filled.tab.isolate = True
    filled.change(desired(1, "x" * 50_001, 1.0, 0), desired(2, "fine", 2.0, 0))
    reading = filled.read()
    batch = filled.render(reading, filled.plan(reading))
    named = {origin.keys for origin in batch.origins if origin.keys}
    assert named == {(key(1),), (key(2),)}
    version = filled.version()
    with pytest.raises(InvalidRequest):
        filled.client.batch_update(filled.spreadsheet_id, batch.requests)
    assert filled.version() == version


def test_every_request_has_its_origin(filled: Desk) -> None:
    filled.change(desired(1, "new", 1.0, 0), gone(2, 0), desired(9, "added", 9.0, 0))
    reading = filled.read()
    batch = filled.render(reading, filled.plan(reading))
    assert len(batch.origins) == len(batch.requests)
    whose = {keys for origin in batch.origins for keys in origin.keys}
    assert whose == {key(1), key(2), key(9)}


def test_all_rows_can_go(filled: Desk) -> None:
    grid = {"sheetId": 0, "dimension": "ROWS", "startIndex": 4}
    filled.send({"deleteDimension": {"range": grid}})
    filled.send(
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 0, "gridProperties": {"frozenRowCount": 1}},
                "fields": "gridProperties.frozenRowCount",
            }
        }
    )
    filled.change(gone(1, 0), gone(2, 0), gone(3, 0))
    filled.flush()
    assert filled.grid() == []
    filled.change(desired(4, "Di", None, 0))
    filled.flush()
    assert filled.grid() == [["4", "Di", "", ""]]


def test_the_scratch_tab_grows_with_what_is_copied(empty_desk: Desk) -> None:
    empty_desk.set_up(scratch=(2, 2))
    rows = [desired(number, f"name {number}", None, 0) for number in range(1, 31)]
    empty_desk.change(*rows)
    empty_desk.flush()
    empty_desk.change(*(desired(number, "new", 1.0, 0) for number in range(1, 31)))
    batch = empty_desk.flush()
    assert [row[1] for row in empty_desk.grid()] == ["new"] * 30
    assert batch.descriptor.height == 32
    scratch = empty_desk.read().view.tab_by_id(SCRATCH_SHEET_ID)
    assert scratch is not None
    assert scratch.row_count >= 32
    assert empty_desk.met() == []


def test_what_does_not_fit_into_one_call_waits_for_the_next_and_the_watermark_with_it(leads: Desk) -> None:
    leads.tab.consumed = {0: 61}
    leads.change(*(desired(number, "x" * 49_000, None, 0) for number in range(1, 61)))
    batch = leads.flush()
    added = batch.parts[leads.tab.binding.name].added
    assert 0 < added < 60
    assert len(leads.grid()) == added
    assert leads.watermark().table.offsets == {0: added}
    leads.flush()
    assert [row[0] for row in leads.grid()] == [str(number) for number in range(1, 61)]
    assert leads.watermark().table.offsets == {0: 60}


def test_a_deleted_rows_unsaved_edit_is_told_on_the_header(filled: Desk) -> None:
    filled.person.act("type", cell="C3", text="22")
    filled.change(gone(2, 0))
    filled.flush()
    (cell,) = filled.read().tab(filled.tab).header[:1]
    assert "was deleted in the database; not saved: amount: 22" in cell.note


def test_what_was_typed_into_a_row_that_goes_is_told_under_its_key(filled: Desk) -> None:
    filled.change(gone(2, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("type", cell="C3", text="22")
    filled.apply(filled.render(reading, plan), plan)
    (met,) = filled.met()
    assert [(draft.row_key, [cell.value for cell in draft.cells]) for draft in met.drafts] == [(key(2), [22.0])]


def test_what_a_write_copied_is_later_than_all_that_the_read_before_it_showed(filled: Desk) -> None:
    filled.change(desired(2, "new", 2.0, 0))
    reading = filled.read()
    batch = filled.render(reading, filled.plan(reading))
    assert batch.descriptor.since_ms == reading.end_ms


def test_a_read_ends_after_the_one_before_it_however_wide_its_clock(filled: Desk) -> None:
    filled.change(desired(2, "new", 2.0, 0))
    reading = filled.read()
    late_ms = reading.end_ms + 60_000
    filled.apply(filled.render(replace(reading, end_ms=late_ms), filled.plan(reading)), filled.plan(reading))
    assert filled.read().end_ms == late_ms + 1
    requests = [Request(filled.tab, None)]
    again = read(filled.client, filled.spreadsheet_id, requests, None, filled.services, after_ms=late_ms + 9)
    assert again.end_ms == late_ms + 10


def rename(desk: Desk, old: int, row: Desired) -> None:
    """The database changes the key of a row."""
    desk.change(gone(old, 0), row)
    desk.tab.book.renamed(key(old), row.key)


def written_late(desk: Desk) -> tuple[Reading, TabPlan]:
    """A read, and a plan that gives Bo a new name."""
    desk.change(desired(2, "new", 2.0, 0))
    reading = desk.read()
    return reading, desk.plan(reading)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"updateSpreadsheetProperties": {"properties": {"timeZone": "Asia/Tokyo"}, "fields": "timeZone"}}, "time zone"),
        ({"updateSpreadsheetProperties": {"properties": {"locale": "de_DE"}, "fields": "locale"}}, "locale"),
        (
            {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataId": METADATA_ID}}}},
            "watermark is gone",
        ),
    ],
    ids=["zone", "locale", "watermark"],
)
def test_a_spreadsheet_that_is_another_now_is_opened_again(filled: Desk, change: dict[str, Any], word: str) -> None:
    filled.send(change)
    with pytest.raises(OpenAgain, match=word):
        filled.read().tab(filled.tab)


def test_a_tab_set_back_to_an_older_version_is_opened_again(filled: Desk) -> None:
    older = encode_watermark(filled.watermark())
    filled.change(desired(2, "Bob", 2.5, 0))
    filled.flush()
    filled.read().tab(filled.tab)
    filled.send(build.update_metadata(METADATA_ID, older))
    with pytest.raises(OpenAgain, match="older version"):
        filled.read().tab(filled.tab)


def test_a_bound_tab_without_its_sync_column_is_not_one_to_be_emptied(filled: Desk) -> None:
    filled.person.act("delete-columns", columns=["D"])
    view = filled.read().view.tab_by_id(0)
    assert view is not None
    assert "undo that" in without_sync(view, filled.tab.binding).remedy
    assert "empty the tab" in without_sync(view, replace(filled.tab.binding, name="another")).remedy


def test_a_change_of_most_of_a_tab_waits_with_a_note_on_the_header(leads: Desk) -> None:
    leads.change(*(desired(number, "Ada", 1.0, 0) for number in range(1, 31)))
    leads.flush()
    leads.person.act("paste", cell="B2", values=[["all the same"]] * 30)
    leads.flush()
    assert len(leads.tab.book.held) == 30
    assert "30 rows changed or deleted at once" in leads.read().tab(leads.tab).header[0].note
    leads.person.undo()
    leads.flush()
    assert not leads.tab.book.held
    assert leads.read().tab(leads.tab).header[0].note == ""


def test_without_fence_and_copies_the_rows_are_written_all_the_same(filled: Desk) -> None:
    settings = filled.services.settings.model_copy(update={"fence": False, "pre_image": False})
    unfenced = replace(filled.services, settings=settings)
    reading = read(filled.client, filled.spreadsheet_id, [Request(filled.tab, None)], None, unfenced)
    filled.change(desired(2, "Bob", 2.5, 0))
    plan = filled.plan(reading)
    batch = render("a batch", reading, [(filled.tab, plan, reading.tab(filled.tab))], 0, False)
    filled.apply(batch, plan)
    assert filled.grid()[1] == ["2", "Bob", "2.5", "remark 2"]
    assert not {"deleteProtectedRange", "copyPaste"} & {kind for request in batch.requests for kind in request}
    again = read(filled.client, filled.spreadsheet_id, [Request(filled.tab, None)], None, unfenced)
    assert (again.fence_batch, filled.met()) == ("a batch", [])


def test_columns_that_the_table_has_gained_lost_or_changed_are_brought_to_the_tab(filled: Desk) -> None:
    now = TableShape((SHAPE.by_name["id"], column("amount", "text"), column("phone", "text")), ("id",))
    changes = column_changes(described_columns(SHAPE), now)
    filled.send(*change_columns(0, filled.read().tab(filled.tab).header, changes))
    seen = filled.read().view.tab_by_id(0)
    assert seen is not None
    header = seen.rows[0]
    assert [cell.shown for cell in header[:6]] == ["id", "name", "amount", "phone", "_sync", "remark"]
    assert DROPPED_MESSAGE in header[1].note
    again = column_changes(described_columns(now), SHAPE)
    filled.send(*change_columns(0, header, again))
    seen = filled.read().view.tab_by_id(0)
    assert seen is not None
    assert [cell.shown for cell in seen.rows[0][:6]] == ["id", "name", "amount", "phone", "_sync", "remark"]
    assert [bool(cell.note) for cell in seen.rows[0][:4]] == [False, False, False, True]
