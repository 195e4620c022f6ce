"""The history of a row: what stands in it, in which order, and what is known of old values."""

from typing import Any

from tabstream.core.binding import TableShape
from tabstream.core.cells import CellValue, digest
from tabstream.core.edits import Edit, EditKind, How, Outcome, SeenCell
from tabstream.core.history import Answered, Entry, Source, TableEvent, Told, history
from tabstream.core.results import Answer, EditResult, RowAnswer
from tests.core.tabs import SHAPE, column

DATED = TableShape((column("id", "bigint", False), column("due", "date")), ("id",))


def event(at_ms: int, op: str, row: dict[str, Any] | None, tx: int = 0, other_key: str | None = None) -> TableEvent:
    envelope = {"op": op, "before": None, "after": row, "source": {"ts_ms": at_ms, "txId": tx}}
    return TableEvent(at_ms + 5, envelope, other_key)


def row(name: str, amount: str | None = None) -> dict[str, Any]:
    return {"id": 1, "name": name, "amount": amount}


def edit(
    at_ms: int,
    shown: str,
    base: CellValue,
    how: How = How.TRIGGER,
    kind: EditKind = EditKind.CELLS,
    name: str = "name",
) -> Edit:
    cells = (SeenCell(name, shown, shown, digest(base), 0),)
    return Edit("leads", "[1]", kind, at_ms, at_ms + 900, how, "s", "UTC", 0, 1, cells)


def answer(at_ms: int, outcome: Outcome, now: str, tx: int = 0, reason: str | None = None, number: int = 7) -> Answered:
    cell = Answer("name", "b", "v", number, outcome, reason)
    return Answered(at_ms, tx, EditResult("[1]", (cell,), None, {"name": now}, 0))


def told(
    *events: TableEvent, edits: tuple[Edit, ...] = (), answers: tuple[Answered, ...] = (), shape: TableShape = SHAPE
) -> Told:
    return Told(events, edits, answers, shape, {"UTC": shape})


def test_changes_in_the_database_have_old_and_new_values() -> None:
    found = history(told(event(10, "c", row("Ada")), event(20, "u", row("Bob", "2.50")), event(30, "d", None)))
    assert found == [
        Entry(10, Source.DATABASE, "inserted", new="id 1, name Ada"),
        Entry(20, Source.DATABASE, "changed", "name", "Ada", "Bob"),
        Entry(20, Source.DATABASE, "changed", "amount", None, "2.50"),
        Entry(30, Source.DATABASE, "deleted"),
    ]


def test_an_edit_stands_before_its_change_and_its_outcome_after_it() -> None:
    found = history(
        told(
            event(10, "r", row("Ada")),
            event(1_000, "u", row("Ida"), tx=812),
            edits=(edit(500, "Ida", "Ada"),),
            answers=(answer(990, Outcome.APPLIED, "Ida", tx=812),),
        )
    )
    assert found[1:] == [
        Entry(500, Source.SHEET, "edit, seen by trigger", "name", "Ada", "Ida"),
        Entry(1_000, Source.DATABASE, "changed for edit 7", "name", "Ada", "Ida", 7),
        Entry(1_000, Source.OUTCOME, "applied", "name", None, "Ida", 7),
    ]


def test_changes_of_one_transaction_have_each_its_own_edit() -> None:
    cells = tuple(Answer(name, "b", "v", number, Outcome.APPLIED, None) for name, number in (("name", 7), ("amount", 8)))
    answered = Answered(15, 812, EditResult("[1]", cells, None, {}, 0))
    found = history(told(event(10, "r", row("Ada")), event(20, "u", row("Ida", "2.50"), tx=812), answers=(answered,)))
    changed = [entry for entry in found if entry.source is Source.DATABASE][1:]
    assert [(e.column, e.what, e.number) for e in changed] == [
        ("name", "changed for edit 7", 7),
        ("amount", "changed for edit 8", 8),
    ]


def test_a_rejection_has_its_reason_and_what_the_database_kept() -> None:
    [found] = history(told(answers=(answer(10, Outcome.REJECTED, "Ada", reason="too long"),)))
    assert found == Entry(10, Source.OUTCOME, "rejected", "name", None, "Ada", 7, "too long")


def test_what_the_person_was_looking_at_is_known_where_the_database_had_it_then() -> None:
    events = event(10, "r", row("Ada")), event(20, "u", row("Bob"))
    found = history(told(*events, edits=(edit(15, "Ida", "Ada"), edit(25, "Ida", "Ada", How.PRE_IMAGE))))
    assert [(e.what, e.old) for e in found if e.source is Source.SHEET] == [
        ("edit, seen by trigger", "Ada"),
        ("edit, seen by pre-image", None),
    ]


def test_a_touch_is_no_edit() -> None:
    [found] = history(told(edits=(edit(10, "Ada", "Ada"),)))
    assert (found.what, found.new) == ("touched, as its mark says", "Ada")


def test_new_and_deleted_rows_are_told_as_a_whole() -> None:
    inserted = Answered(30, 0, EditResult("new:4c", (), RowAnswer(Outcome.INSERTED, 8, "[1]"), None, 0))
    new, gone = edit(10, "Ada", None, How.READ, EditKind.INSERT), edit(40, "Ada", None, How.SWEEP, EditKind.DELETE)
    assert history(told(edits=(new, gone), answers=(inserted,))) == [
        Entry(10, Source.SHEET, "new row, seen by read", new="name Ada"),
        Entry(30, Source.OUTCOME, "row inserted", new="key 1", number=8),
        Entry(40, Source.SHEET, "row deleted, seen by sweep"),
    ]


def test_one_column_comes_with_what_became_of_the_row() -> None:
    found = history(
        told(
            event(10, "c", row("Ada", "1.00")),
            event(20, "u", row("Bob", "1.00")),
            event(30, "u", row("Bob", "2.00")),
            event(40, "d", None),
            edits=(edit(50, "x", "y"),),
            answers=(answer(60, Outcome.LOST, "Bob", tx=9),),
        ),
        "amount",
    )
    assert [(e.what, e.column, e.old, e.new) for e in found] == [
        ("inserted", "amount", None, "1.00"),
        ("changed", "amount", "1.00", "2.00"),
        ("deleted", None, None, None),
    ]


def test_versions_that_compaction_has_taken_are_not_made_up() -> None:
    found = history(told(event(10, "u", row("Ada")), event(20, "r", row("Ada")), event(30, "r", row("Bob"))))
    assert [(e.what, e.column, e.new) for e in found] == [
        ("changed, from what is not known", None, "id 1, name Ada"),
        ("found changed by a snapshot", "name", "Bob"),
    ]


def test_old_values_that_the_message_brings_are_used() -> None:
    full = TableEvent(10, {"op": "u", "before": row("Ada"), "after": row("Bob"), "source": {"ts_ms": 10, "txId": 1}})
    assert [(e.column, e.old, e.new) for e in history(told(full))] == [("name", "Ada", "Bob")]


def test_a_value_that_the_message_lacks_is_still_the_one_before() -> None:
    lacking = row("__debezium_unavailable_value", "2.00")
    found = history(told(event(10, "c", row("Ada", "1.00")), event(20, "u", lacking)))
    assert [e.column for e in found[1:]] == ["amount"]


def test_a_change_of_the_key_names_the_other_one() -> None:
    found = history(told(event(10, "c", row("Ada"), other_key="[0]"), event(20, "d", None, other_key="[2]")))
    assert [e.what for e in found] == ["inserted, its key was 0", "deleted, its key became 2"]


def test_a_change_of_other_columns_is_told_and_so_is_their_order_if_a_clock_was_set_back() -> None:
    found = history(told(event(20, "c", row("Ada")), event(10, "u", row("Ada"))))
    assert [(e.at_ms, e.what) for e in found] == [(20, "inserted"), (20, "changed, in no bound column")]


def test_dates_read_as_in_the_database() -> None:
    found = history(told(event(1, "c", {"id": 1, "due": "2026-11-24Z"}), shape=DATED))
    assert found[0].new == "id 1, due 2026-11-24"
