"""What is written to a row: the database's value, unless a person's edit stands there unanswered."""

from tabstream.core.cells import CellValue, digest
from tabstream.core.edits import Outcome
from tabstream.core.identity import Located, Repair
from tabstream.core.plan import KEEP, RowPlan, plan_row
from tabstream.core.results import Answer
from tests.core.tabs import SHAPE, desired, mark, row


def written(plan: RowPlan) -> dict[str, object]:
    """The values that a plan writes, by column."""
    return {c.column: c.value for c in plan.cells if c.value is not KEEP}


def answer(value: CellValue, base: CellValue, number: int, outcome: Outcome, reason: str | None = None) -> Answer:
    """An answer for the column `name`."""
    return Answer("name", digest(base), value, number, outcome, reason)


def test_a_change_in_the_database_is_written_and_marked() -> None:
    plan = plan_row(
        desired(1, "b", 2.0, 7), Located(row(1, 1.0, "a", 2.0, mark(1, "a", 2.0, 5)), mark(1, "a", 2.0, 5)), [], SHAPE
    )
    assert written(plan) == {"name": "b"}
    assert plan.mark == mark(1, "b", 2.0, 7)


def test_nothing_is_written_where_nothing_differs() -> None:
    made = mark(1, "a", 2.0, 5)
    assert not plan_row(desired(1, "a", 2.0, 5), Located(row(1, 1.0, "a", 2.0, made), made), [], SHAPE).writes


def test_an_unanswered_edit_is_left_alone_and_reported() -> None:
    made = mark(1, "a", 2.0, 5)
    plan = plan_row(desired(1, "b", 3.0, 7), Located(row(1, 1.0, "typed", 2.0, made), made), [], SHAPE)
    assert written(plan) == {"amount": 3.0}
    assert [(c.column, c.value, c.base) for c in plan.seen] == [("name", "typed", digest("a"))]
    assert plan.mark is not None and plan.mark.cells["name"] == made.cells["name"]


def test_an_answered_cell_gets_what_the_database_made_of_it() -> None:
    made = mark(1, "a", 2.0, 5)
    answers = [answer("typed", "a", 9, Outcome.APPLIED)]
    plan = plan_row(desired(1, "TYPED", 2.0, 8), Located(row(1, 1.0, "typed", 2.0, made), made), answers, SHAPE)
    assert written(plan) == {"name": "TYPED"}
    assert plan.mark == mark(1, "TYPED", 2.0, 8, {"name": 9})


def test_a_rejected_value_is_put_back_with_a_note() -> None:
    made = mark(1, "a", 2.0, 5)
    answers = [answer("typed", "a", 9, Outcome.REJECTED, "it is too long")]
    plan = plan_row(desired(1, "a", 2.0, 5), Located(row(1, 1.0, "typed", 2.0, made), made), answers, SHAPE)
    assert written(plan) == {"name": "a"}
    assert 'not saved: it is too long (you typed "typed")' in str(plan.cells[0].note)


def test_a_note_goes_with_the_next_decision_on_its_cell() -> None:
    made = mark(1, "a", 2.0, 5, {"name": 9})
    noted = row(1, 1.0, "a", 2.0, made)
    cells = {**noted.cells, "name": noted.cells["name"]._replace(note="[tabstream] waits for a decision")}
    noted = noted._replace(cells=cells)
    again = [answer("typed", "a", 9, Outcome.LOST)]
    assert plan_row(desired(1, "a", 2.0, 5), Located(noted, made), again, SHAPE).cells == []
    dropped = [answer("typed", "a", 10, Outcome.LOST)]
    plan = plan_row(desired(1, "a", 2.0, 5), Located(noted, made), dropped, SHAPE)
    assert [(cell.column, cell.note) for cell in plan.cells] == [("name", "")]


def test_a_rejection_is_told_though_the_mark_of_its_cell_was_lost() -> None:
    made = mark(1, "a", 2.0, 5).without({"name"})
    answers = [answer("typed", "a", 9, Outcome.REJECTED, "it is too long")]
    plan = plan_row(desired(1, "a", 2.0, 5), Located(row(1, 1.0, "another row's", 2.0, made), made), answers, SHAPE)
    assert written(plan) == {"name": "a"}
    assert 'not saved: it is too long (you typed "typed")' in str(plan.cells[0].note)
    assert plan.mark is not None and plan.mark.cells["name"].number == 9


def test_a_newer_edit_survives_the_answer_to_the_older() -> None:
    made = mark(1, "a", 2.0, 5)
    answers = [answer("first", "a", 9, Outcome.APPLIED)]
    plan = plan_row(desired(1, "first", 2.0, 8), Located(row(1, 1.0, "second", 2.0, made), made), answers, SHAPE)
    assert "name" not in written(plan)
    assert plan.seen[0].value == "second"


def test_a_cell_put_back_after_its_edit_was_taken_becomes_an_edit_again() -> None:
    made = mark(1, "a", 2.0, 5)
    answers = [answer("typed", "a", 9, Outcome.APPLIED)]
    plan = plan_row(desired(1, "typed", 2.0, 8), Located(row(1, 1.0, "a", 2.0, made), made), answers, SHAPE)
    assert "name" not in written(plan)
    assert plan.mark is not None and plan.mark.cells["name"].digest == digest("typed")


def test_a_cell_that_a_write_of_ours_put_back_after_its_edit_was_seen_takes_nothing_back() -> None:
    made = mark(1, "a", 2.0, 5, {"name": 7})
    answers = [answer("typed", "a", 9, Outcome.APPLIED)]
    plan = plan_row(desired(1, "typed", 2.0, 8), Located(row(1, 1.0, "a", 2.0, made), made), answers, SHAPE)
    assert written(plan) == {"name": "typed"}


def test_an_answer_shown_before_is_no_news() -> None:
    made = mark(1, "a", 2.0, 8, {"name": 9})
    answers = [answer("typed", "x", 9, Outcome.APPLIED)]
    assert not plan_row(desired(1, "a", 2.0, 8), Located(row(1, 1.0, "a", 2.0, made), made), answers, SHAPE).writes


def test_a_row_pasted_over_is_written_whole() -> None:
    made = mark(1, "a", 2.0, 5)
    plan = plan_row(desired(1, "a", 2.0, 5), Located(row(2, 7.0, "z", 9.0, made), made, Repair.WHOLE), [], SHAPE)
    assert written(plan) == {"id": 1.0, "name": "a", "amount": 2.0}
