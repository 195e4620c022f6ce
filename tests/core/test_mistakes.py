"""Rows that a write has hit by mistake are what they were before, and nothing that the write left there is a person's edit."""

from tabstream.core.bookparts import Mistakes
from tabstream.core.identity import Repair, identify, row_content
from tabstream.core.marks import NewRow
from tabstream.core.tabparts import Look
from tabstream.core.tabplan import plan_tab, recognise
from tests.core.tabs import book, desired, key, mark, row

KNOWN = {key(1), key(2), key(9)}


def test_a_row_that_got_another_rows_key_and_mark_is_what_it_was() -> None:
    before = row(1, 1.0, "Ada", 5.0, mark(1, "Ada", 5.0, 3))
    hit = row(1, 9.0, "Ada", 5.0, mark(9, "Bo", None, 7))
    found = identify([hit], KNOWN, {}, hit={hit.mark_name: before})
    assert {k: (v.row.row, v.repair) for k, v in found.rows.items()} == {key(1): (1, Repair.KEY)}
    assert found.unsure


def test_the_row_that_was_meant_is_not_taken_for_the_one_that_was_hit() -> None:
    before = row(1, 1.0, "Ada", 5.0, mark(1, "Ada", 5.0, 3))
    rows = [row(1, 1.0, "Ada", None, mark(2, "Bo", None, 7)), row(2, 2.0, "B", None, mark(2, "B", None, 4))]
    found = identify(rows, KNOWN, {}, hit={rows[0].mark_name: before})
    assert {k: v.row.row for k, v in found.rows.items()} == {key(1): 1, key(2): 2}


def test_a_blank_row_that_was_hit_is_nobodys_once_more() -> None:
    hit = row(1, None, "typed later", 5.0, mark(1, "Ada", 5.0, 3))
    found = identify([hit], KNOWN, {}, hit={hit.mark_name: row(1, None, None, None)})
    assert found.new == [hit]
    assert not found.rows


def test_a_token_that_was_overwritten_by_another_stays_with_its_row() -> None:
    before = row(1, None, "Eve", None, NewRow("new:old"))
    found = identify([row(1, None, "Eve", None, NewRow("new:other"))], KNOWN, {}, hit={"new:other": before})
    assert list(found.tokens) == ["new:old"]
    assert found.moved_tokens == {"new:old"}


def test_a_token_that_was_cleared_comes_back_to_its_row() -> None:
    known = book()
    typed = row(3, None, "Eve", 5.0)
    known.doubt({"new:old"}, Mistakes(tokens={"new:old": row_content(typed)}))
    found = recognise(known, [typed, row(4, None, "Bo", None)])
    plan = plan_tab(known, found, Look.WHOLE, 0, lambda: "new:1", 0)
    assert plan.rows["new:old"].mark == NewRow("new:old")
    recognise(known, [row(3, None, "Eve", 5.0, NewRow("new:old"))])
    assert not known.mistakes.tokens


def test_a_key_that_is_not_found_after_a_mistake_is_placed_again_and_not_deleted() -> None:
    known = book()
    known.fold(key(1), 0, 3, False)
    known.doubt({key(1)}, Mistakes(marks={key(1): mark(1, "Ada", 5.0, 3)}))
    known.changes[key(1)] = desired(1, "Ada", 5.0, 3)
    plan = plan_tab(known, recognise(known, []), Look.WHOLE, 0, lambda: "new:1", 0)
    assert [add.desired.key for add in plan.adds] == [key(1)]
    assert not known.suspects
