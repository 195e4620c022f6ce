"""What people type between the read and the write of a flush is found in the copies, and is nobody else's."""

import pytest

from tabstream.core.cells import EMPTY_DIGEST, RowKey, digest
from tabstream.core.edits import EditKind, Outcome
from tabstream.core.results import Answer, EditResult, RowAnswer
from tests.core.tabs import desired, gone, key
from tests.sheet_sink.acts import hit_ada, written_late
from tests.sheet_sink.desk import Desk


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
