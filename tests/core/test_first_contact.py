"""A tab with rows of its own meets a table: what is found, and what its owner does with what is written."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.binding import Direction, TableShape
from tabstream.core.book import CONFIRM_MISSING_MS, Book
from tabstream.core.cells import EMPTY_CELL, CellValue, ObservedCell, RowKey, digest, row_key
from tabstream.core.edits import EditKind
from tabstream.core.first_contact import (
    Choices,
    Contact,
    Differing,
    Missing,
    OnlyInSheet,
    OnlyInTable,
    find_columns,
    meet,
    prepare,
    questions,
    questions_of_columns,
    waits,
)
from tabstream.core.marks import NewRow, encode_mark, mark_name
from tabstream.core.tab import ObservedRow
from tabstream.core.tabparts import Look, TabPlan
from tabstream.core.tabplan import plan_tab, recognise
from tests.core.tabs import BINDING, SHAPE, column, desired, key, row, tokens

IDS = st.integers(1, 12)
NAMES = st.sampled_from(["a", "b", "c"])
AMOUNTS = st.sampled_from([None, 1.0, 2.5])
VALUES = st.tuples(NAMES, AMOUNTS)
SIDES = st.dictionaries(IDS, VALUES, max_size=10)
UNGUARDED = replace(BINDING, hold_above_share=1.0)


def table_of(rows: Mapping[int, tuple[CellValue, CellValue]]) -> list[tuple[RowKey, Mapping[str, CellValue]]]:
    return [(key(n), {"id": float(n), "name": name, "amount": amount}) for n, (name, amount) in rows.items()]


def tab_of(rows: Mapping[int, tuple[CellValue, CellValue]]) -> list[ObservedRow]:
    return [row(at, float(n), name, amount) for at, (n, (name, amount)) in enumerate(rows.items(), 1)]


def marked(contact: Contact, choices: Choices) -> list[ObservedRow]:
    """The tab as the owner reads it once the marks are written."""
    prepared = prepare(contact, choices)
    rows = dict(contact.rows)
    for at, name, value in prepared.spelled:
        cells = {**rows[at].cells, name: ObservedCell(value, str(value))}
        rows[at] = rows[at]._replace(cells=cells, values={**rows[at].values, name: value}, key=contact.keys[at])
    for at, mark in prepared.marks.items():
        rows[at] = rows[at]._replace(mark=mark, mark_name=mark_name(encode_mark(mark)))
    return list(rows.values())


def first_flush(
    contact: Contact, choices: Choices, table: Mapping[int, tuple[CellValue, CellValue]]
) -> tuple[TabPlan, TabPlan]:
    """What the owner does first, and once what is missing has been missing for long enough."""
    removes = choices.only_in_sheet is OnlyInSheet.REMOVE
    book = Book(UNGUARDED, SHAPE, doubtful=removes)
    for offset, (n, (name, amount)) in enumerate(table.items()):
        if choices.only_in_table is OnlyInTable.DELETE:
            book.fold(key(n), 0, offset, False)
            book.changes[key(n)] = desired(n, name, amount, offset)
        else:
            book.change(desired(n, name, amount, offset))
    rows = marked(contact, choices)
    first = plan_tab(book, recognise(book, rows), Look.WHOLE, 0, tokens(), 60_000)
    removed = {remove.row for remove in first.removes}
    rows = [made for made in rows if made.row not in removed]
    later = plan_tab(book, recognise(book, rows), Look.WHOLE, CONFIRM_MISSING_MS, tokens(), 60_000)
    return first, later


@given(SIDES, SIDES, st.sampled_from(["table", "sheet"]), st.sampled_from(["insert", "remove"]), st.booleans())
def test_the_owner_takes_the_sides_that_were_named_and_touches_nothing_else(
    sheet: dict[int, tuple[CellValue, CellValue]],
    table: dict[int, tuple[CellValue, CellValue]],
    differing: str,
    only_in_sheet: str,
    deletes: bool,
) -> None:
    takes_away = deletes and only_in_sheet == "insert"
    choices = Choices(OnlyInSheet(only_in_sheet), OnlyInTable.DELETE if takes_away else OnlyInTable.SHOW, Differing(differing))
    contact = meet(tab_of(sheet), table_of(table), SHAPE)
    assert questions(contact, choices, UNGUARDED) == []
    plan, later = first_flush(contact, choices, table)
    both = sheet.keys() & table.keys()
    differs = {
        (key(n), name, left, right)
        for n in both
        for name, left, right in zip(("name", "amount"), sheet[n], table[n], strict=True)
        if left != right
    }
    edits = {(d.row_key, c.column, c.value, c.base) for d in plan.drafts if d.kind is EditKind.CELLS for c in d.cells}
    written = {(k, c.column, c.value) for k, p in plan.rows.items() for c in p.cells}
    if differing == "sheet":
        assert edits == {(k, name, left, digest(right)) for k, name, left, right in differs}
        assert written == set()
    else:
        assert edits == set()
        assert written == {(k, name, right) for k, name, _, right in differs}
    news = [p.at.key for p in plan.others if isinstance(p.mark, NewRow)]
    gone = [r.key for r in plan.removes]
    of_sheet = sorted(key(n) for n in sheet.keys() - table.keys())
    assert (sorted(news), sorted(gone)) == ((of_sheet, []) if only_in_sheet == "insert" else ([], of_sheet))
    of_table = sorted(key(n) for n in table.keys() - sheet.keys())
    deleted = sorted(d.row_key for d in later.drafts if d.kind is EditKind.DELETE)
    added = sorted(a.desired.key for a in plan.adds)
    assert (deleted, added) == ((of_table, []) if takes_away else ([], of_table))
    assert not [d for d in (*plan.drafts, *later.drafts) if d.kind is EditKind.RETURN]


@given(SIDES, SIDES)
def test_every_row_of_either_side_is_counted_once(
    sheet: dict[int, tuple[CellValue, CellValue]], table: dict[int, tuple[CellValue, CellValue]]
) -> None:
    contact = meet(tab_of(sheet), table_of(table), SHAPE)
    assert contact.equal + contact.differing_rows + len(contact.only_in_sheet) == len(sheet)
    assert contact.equal + contact.differing_rows + len(contact.only_in_table) == len(table) == contact.table_rows


def test_what_the_table_would_store_alike_is_equal_and_gets_the_tables_spelling() -> None:
    shape = TableShape((*SHAPE.columns, column("active", "boolean")), SHAPE.key)
    made = row(1, float(1), "a", None)
    cells = {**made.cells, "active": ObservedCell("yes", "yes")}
    typed = made._replace(cells=cells, values={**made.values, "active": "yes"})
    contact = meet([typed], [(key(1), {"id": 1.0, "name": "a", "amount": None, "active": True})], shape)
    assert (contact.equal, contact.differing) == (1, ())
    mark = prepare(contact, Choices()).marks[1]
    assert mark.cells["active"].digest == digest("yes"), "what stands there is nobody's edit, so the owner writes TRUE"


def test_a_key_that_the_table_spells_otherwise_is_matched_and_written_as_the_table_has_it() -> None:
    shape = TableShape((column("day", "date", False), column("name", "text")), ("day",))
    values: dict[str, CellValue] = {"day": "2026-01-02 ", "name": "a"}
    cells = {name: ObservedCell(value, str(value)) for name, value in values.items()}
    seen = ObservedRow(3, cells, values, None, False, row_key(["2026-01-02 "]))
    stored = 46_024.0
    contact = meet([seen], [(row_key([stored]), {"day": stored, "name": "a"})], shape)
    prepared = prepare(contact, Choices())
    assert contact.equal == 1
    assert prepared.spelled == ((3, "day", stored),)
    assert prepared.marks[3].key == row_key([stored])
    assert prepared.marks[3].cells["day"].digest == digest(stored)


def test_rows_without_a_key_are_new_rows_and_blank_ones_are_none() -> None:
    contact = meet([row(1, None, "x", None), row(2, None, None, None)], table_of({}), SHAPE)
    assert (contact.only_in_sheet, contact.keyless) == ((1,), (1,))
    assert prepare(contact, Choices(OnlyInSheet.INSERT)).marks == {}


def test_a_formula_is_told_and_is_no_difference_to_be_decided() -> None:
    seen = row(1, 1.0, "a", 2.0)
    seen = seen._replace(cells={**seen.cells, "amount": ObservedCell(2.0, "2", formula=True)})
    contact = meet([seen], table_of({1: ("a", 1.0)}), SHAPE)
    assert [(f.row, f.column) for f in contact.formulas] == [(1, "amount")]
    assert contact.differing == ()


CONTACT = meet(
    [*tab_of({1: ("a", None), 2: ("b", None), 3: ("c", None)}), row(9, None, "no key", None)],
    table_of({1: ("a", None), 2: ("x", None), 7: ("t", None)}),
    SHAPE,
)
SHEET = Choices(OnlyInSheet.INSERT, OnlyInTable.DELETE, Differing.SHEET)


def test_each_kind_of_difference_is_a_question_until_a_side_is_named() -> None:
    assert [q.problem for q in questions(CONTACT, Choices(), BINDING)] == [
        "2 rows are only in the sheet",
        "1 rows are only in the table",
        "1 rows differ",
    ]
    assert questions(CONTACT, SHEET, BINDING) == []


@pytest.mark.parametrize(
    ("choices", "direction", "problem"),
    [
        (replace(SHEET, only_in_sheet=OnlyInSheet.REMOVE), Direction.BOTH, "1 rows to be removed have no key: 10"),
        (replace(SHEET, only_in_sheet=OnlyInSheet.REMOVE), Direction.BOTH, "rows can't be taken away on both sides at once"),
        (SHEET, Direction.DATABASE_TO_SHEET, "--differing sheet would change the table, which this direction never does"),
        (SHEET, Direction.DATABASE_TO_SHEET, "--only-in-sheet insert would change the table, which this direction never does"),
    ],
)
def test_what_can_not_be_done_is_said_bad(choices: Choices, direction: Direction, problem: str) -> None:
    assert problem in [q.problem for q in questions(CONTACT, choices, replace(BINDING, direction=direction))]


def test_a_key_that_stands_twice_is_a_question_whatever_was_chosen() -> None:
    contact = meet([row(1, 1.0, "a", None), row(4, 1.0, "b", None)], table_of({1: ("a", None)}), SHAPE)
    (question,) = questions(contact, SHEET, BINDING)
    assert question.problem == "the key [1] stands in the rows 2, 5"


def test_many_rows_at_once_are_announced_as_held() -> None:
    many = dict.fromkeys(range(1, 31), ("sheet", None))
    contact = meet(tab_of(many), table_of(dict.fromkeys(many, ("table", None))), SHAPE)
    assert waits(contact, SHEET, BINDING) == ["30 rows that keep the sheet's values"]
    assert waits(contact, replace(SHEET, differing=Differing.TABLE), BINDING) == []


@pytest.mark.parametrize(
    ("header", "choices", "problems"),
    [
        (("id", "name", "amount"), Choices(), []),
        (("amount", "remark", "id", "name"), Choices(), []),
        (("id", "name"), Choices(), ["the tab has no column headed 'amount'"]),
        (("id", "name"), Choices(missing=Missing.ADD), []),
        (("name", "amount"), Choices(missing=Missing.ADD), ["the tab has no column headed 'id', which is the table's key"]),
        (("id", "name", "amount", "name"), Choices(), ["more than one column is headed 'name'"]),
        (("id", "name", "amount", "x", "x"), Choices(), []),
    ],
)
def test_headers_that_are_missing_or_doubled_are_questions(
    header: tuple[str, ...], choices: Choices, problems: list[str]
) -> None:
    cells = [ObservedCell(text, text) if text else EMPTY_CELL for text in header]
    assert [q.problem for q in questions_of_columns(find_columns(cells, SHAPE), SHAPE, choices)] == problems
