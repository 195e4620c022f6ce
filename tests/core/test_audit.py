"""Whatever differs between a tab and its table is found, once, and for what it is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.audit import Comparison, Finding, Kind, Trial, compare
from tabstream.core.binding import TableShape
from tabstream.core.cells import CellValue, ObservedCell, RowKey, digest, row_key
from tabstream.core.edits import Outcome
from tabstream.core.marks import AnyMark, CopiedRow, Mark, MarkedCell, NewRow
from tabstream.core.notes import outcome_message, with_message
from tabstream.core.tab import ObservedRow
from tests.core.tabs import SHAPE, column, key, mark, row


def table(*rows: tuple[int, CellValue, CellValue]) -> list[tuple[RowKey, Mapping[str, CellValue]]]:
    """The table's rows: id, name, amount."""
    return [(key(number), {"id": float(number), "name": name, "amount": amount}) for number, name, amount in rows]


def marked(index: int, number: int, name: CellValue, amount: CellValue = None) -> ObservedRow:
    """A row as it was written, untouched since."""
    return row(index, float(number), name, amount, mark(number, name, amount, index))


def with_mark(made: ObservedRow, other: AnyMark | None, damaged: bool = False) -> ObservedRow:
    return made._replace(mark=other, damaged=damaged)


def with_values(made: ObservedRow, **values: CellValue) -> ObservedRow:
    """The row after somebody typed into it."""
    cells = {name: ObservedCell(value, str(value)) for name, value in values.items()}
    found = made._replace(values={**made.values, **values}, cells={**made.cells, **cells})
    return (
        found
        if "id" not in values
        else found._replace(key=None if values["id"] is None else key(int(float(str(values["id"])))))
    )


def short(found: Comparison) -> list[tuple[Kind, RowKey | None, int | None, str | None]]:
    return [(f.kind, f.key, f.row, f.column) for f in found.findings]


def test_equal_sides_have_no_findings_and_the_same_checksum() -> None:
    found = compare([marked(2, 2, "b", 1.5), marked(1, 1, "a")], table((1, "a", None), (2, "b", 1.5)), SHAPE)
    assert (found.findings, found.tab_rows, found.table_rows, found.cells) == ([], 2, 2, 6)
    tab, other = found.checksums()
    assert tab == other
    assert compare([], [], SHAPE).checksums()[0] != tab


def test_a_cell_that_equals_its_mark_and_not_the_table_is_found_with_both_values() -> None:
    found = compare([marked(1, 1, "old", 1.0)], table((1, "new", 1.0)), SHAPE)
    [finding] = found.findings
    assert (finding.kind, finding.key, finding.row, finding.column) == (Kind.CELL, key(1), 1, "name")
    assert (finding.tab, finding.table) == ("old", "new")
    assert finding.is_difference
    tab, other = found.checksums()
    assert tab != other


def test_a_cell_that_its_mark_does_not_have_is_held_against_the_table_alone() -> None:
    made = marked(1, 1, "old", 1.0)
    found = compare([with_mark(made, mark(1, "old", 1.0, 1).without({"name"}))], table((1, "new", 1.0)), SHAPE)
    assert short(found) == [(Kind.CELL, key(1), 1, "name")]


def test_a_cell_that_differs_from_its_mark_is_an_edit_whatever_the_table_has() -> None:
    edited = with_values(marked(1, 1, "a", 1.0), name="typed")
    for name in ("a", "other", "typed"):
        found = compare([edited], table((1, name, 1.0)), SHAPE)
        assert short(found) == [(Kind.EDIT, key(1), 1, "name")]
        assert not found.differences


def test_a_formula_in_a_cell_is_not_saved_where_it_shows_something_else() -> None:
    made = marked(1, 1, "a", 1.0)
    formula = made._replace(cells={**made.cells, "name": ObservedCell("a", "a", formula=True)})
    assert short(compare([formula], table((1, "a", 1.0)), SHAPE)) == []
    assert short(compare([formula], table((1, "b", 1.0)), SHAPE)) == [(Kind.UNSAVED, key(1), 1, "name")]
    synced = TableShape((*SHAPE.columns[:1], replace(SHAPE.columns[1], formulas=True), *SHAPE.columns[2:]), SHAPE.key)
    assert short(compare([formula], table((1, "b", 1.0)), synced)) == [(Kind.CELL, key(1), 1, "name")]


def test_a_number_kept_as_text_is_found_though_its_mark_agrees_and_a_formula_that_shows_it_is_not() -> None:
    made = marked(1, 1, "a", 55.0)
    kept_as_text = made._replace(cells={**made.cells, "amount": ObservedCell("55", "55")})
    found = compare([kept_as_text], table((1, "a", 55.0)), SHAPE)
    assert short(found) == [(Kind.CELL, key(1), 1, "amount")]
    assert (found.findings[0].tab, found.findings[0].table) == ("55", 55.0)
    tab, other = found.checksums()
    assert tab != other
    formula = made._replace(cells={**made.cells, "amount": ObservedCell("55", "55", formula=True)})
    assert short(compare([formula], table((1, "a", 55.0)), SHAPE)) == []


def test_true_is_not_the_number_one_and_empty_text_is_an_empty_cell() -> None:
    assert short(compare([marked(1, 1, True)], table((1, 1.0, None)), SHAPE)) == [(Kind.CELL, key(1), 1, "name")]
    assert short(compare([marked(1, 1, None)], table((1, "", None)), SHAPE)) == []


def test_a_row_of_the_table_that_stands_nowhere_is_missing() -> None:
    found = compare([marked(1, 1, "a")], table((1, "a", None), (2, "b", None)), SHAPE)
    assert short(found) == [(Kind.MISSING, key(2), None, None)]
    tab, other = found.checksums()
    assert tab != other


def test_a_row_that_stands_twice_is_doubled() -> None:
    found = compare([marked(1, 1, "a"), marked(4, 1, "a")], table((1, "a", None)), SHAPE)
    assert short(found) == [(Kind.DOUBLED, key(1), 4, None)]


def test_a_marked_row_whose_key_the_table_lacks_is_nobodys() -> None:
    found = compare([marked(1, 1, "a"), marked(2, 9, "a")], table((1, "a", None)), SHAPE)
    assert short(found) == [(Kind.NOBODYS, key(9), 2, None)]
    tab, other = found.checksums()
    assert tab != other


def test_a_row_that_came_back_and_was_refused_with_a_note_is_not_saved() -> None:
    made = marked(2, 9, "a")
    note = with_message("my own", outcome_message(Outcome.REJECTED, "a", "there is one already"))
    refused = made._replace(cells={**made.cells, "id": made.cells["id"]._replace(note=note)})
    found = compare([marked(1, 1, "a"), refused], table((1, "a", None)), SHAPE)
    assert short(found) == [(Kind.UNSAVED, key(9), 2, None)]
    tab, other = found.checksums()
    assert tab == other


@pytest.mark.parametrize(
    ("other", "damaged"), [(None, True), (None, False), (NewRow("new:1"), False), (CopiedRow(key(1)), False)]
)
def test_a_row_that_has_lost_its_mark_and_shows_its_key_is_damaged(other: AnyMark | None, damaged: bool) -> None:
    rows = [with_mark(marked(1, 1, "a"), other, damaged), marked(2, 2, "b")]
    assert short(compare(rows, table((1, "a", None), (2, "b", None)), SHAPE)) == [(Kind.DAMAGED, key(1), 1, None)]


def test_a_key_that_was_typed_over_leaves_a_damaged_row() -> None:
    found = compare([with_values(marked(1, 1, "a"), id=7.0)], table((1, "a", None)), SHAPE)
    assert short(found) == [(Kind.DAMAGED, key(1), 1, None)]


def test_after_a_sort_without_the_marks_each_row_is_damaged_once() -> None:
    rows = [with_mark(marked(1, 1, "a"), mark(2, "b", None, 2)), with_mark(marked(2, 2, "b"), mark(1, "a", None, 1))]
    found = compare(rows, table((1, "a", None), (2, "b", None)), SHAPE)
    assert sorted(short(found), key=str) == [(Kind.DAMAGED, key(1), 2, None), (Kind.DAMAGED, key(2), 1, None)]


def test_a_mark_that_can_t_be_read_beside_an_unknown_key_is_damage_too() -> None:
    unknown = with_mark(marked(3, 9, "x"), None, damaged=True)
    without = unknown._replace(row=4, key=None)
    assert short(compare([unknown, without], [], SHAPE)) == [
        (Kind.DAMAGED, key(9), 3, None),
        (Kind.DAMAGED, None, 4, None),
    ]


@pytest.mark.parametrize("other", [None, NewRow("new:1"), CopiedRow(key(1))])
def test_rows_of_people_are_not_saved_and_no_fault(other: AnyMark | None) -> None:
    own = with_mark(row(2, None, "mine", None), other)
    copy = with_mark(marked(3, 1, "a"), CopiedRow(key(1)))
    found = compare([marked(1, 1, "a"), own, copy], table((1, "a", None)), SHAPE)
    assert short(found) == [(Kind.UNSAVED, None, 2, None), (Kind.UNSAVED, key(1), 3, None)]
    assert found.differences == []
    tab, table_too = found.checksums()
    assert tab == table_too


def test_a_copy_with_another_key_typed_into_it_is_a_person_s_row() -> None:
    copy = with_values(marked(2, 1, "a"), id=7.0)
    assert short(compare([marked(1, 1, "a"), copy], table((1, "a", None)), SHAPE)) == [(Kind.UNSAVED, key(7), 2, None)]


def test_a_row_that_was_cleared_is_an_edit_of_a_whole_row() -> None:
    cleared = with_values(marked(1, 1, "a"), id=None, name=None)
    assert short(compare([cleared], table((1, "a", None)), SHAPE)) == [(Kind.EDIT, key(1), 1, None)]
    assert short(compare([cleared, marked(2, 1, "a")], table((1, "a", None)), SHAPE)) == [(Kind.DAMAGED, key(1), 1, None)]
    assert short(compare([cleared], [], SHAPE)) == [(Kind.NOBODYS, key(1), 1, None)]


def test_blank_rows_are_no_rows() -> None:
    found = compare([row(1, None, None, None), row(2, None, None, None, NewRow("new:1"))], [], SHAPE)
    assert (found.findings, found.tab_rows) == ([], 0)


def test_looking_again_at_some_keys_replaces_what_was_found_of_these_alone() -> None:
    rows = [marked(1, 1, "old"), marked(2, 2, "old"), marked(3, 3, "c")]
    found = compare(rows, table((1, "a", None), (2, "b", None), (3, "c", None), (4, "d", None)), SHAPE)
    assert [f.key for f in found.findings] == [key(1), key(2), key(4)]
    again = compare([marked(1, 1, "a"), *rows[1:]], table((1, "a", None)), SHAPE, {key(1), key(4)})
    assert (again.findings, again.table_rows) == ([], 1)
    found.looked_again(again, {key(1), key(4)})
    assert [f.key for f in found.findings] == [key(2)]
    tab, other = found.checksums()
    assert tab != other
    found.looked_again(compare([marked(2, 2, "b")], table((2, "b", None)), SHAPE, {key(2)}), {key(2)})
    tab, other = found.checksums()
    assert (
        tab
        == other
        == compare(
            [marked(5, 1, "a"), marked(6, 2, "b"), marked(7, 3, "c")],
            table((3, "c", None), (2, "b", None), (1, "a", None)),
            SHAPE,
        ).checksums()[0]
    )


def cell(value: CellValue, number: int = 1, offset: int = 1) -> Finding:
    return compare(
        [with_mark(marked(number, number, value), mark(number, value, None, offset))], table((number, "table's", None)), SHAPE
    ).findings[0]


def test_a_difference_that_two_settled_looks_find_alike_is_drift() -> None:
    trial = Trial([cell("old", 1), cell("old", 2)])
    trial.looked_again([cell("old", 1), cell("old", 2)], settled=False)
    assert (len(trial.open), trial.drift) == (2, [])
    trial.looked_again([cell("old", 1)], settled=True)
    assert (trial.open, trial.drift) == ([], [cell("old", 1)])


@pytest.mark.parametrize("later", [cell("newer"), cell("old", offset=2)])
def test_a_difference_with_another_value_or_mark_than_before_stays_open(later: Finding) -> None:
    trial = Trial([cell("old")])
    trial.looked_again([later], settled=True)
    assert (trial.open, trial.drift) == ([later], [])
    trial.looked_again([later], settled=True)
    assert (trial.open, trial.drift) == ([], [later])


def test_what_was_drift_and_is_gone_when_its_row_is_looked_at_again_is_none() -> None:
    name, amount = cell("old"), replace(cell("old"), column="amount")
    trial = Trial([name, replace(amount, tab="other")])
    trial.looked_again([name, amount], settled=True)
    assert (trial.drift, trial.open) == ([name], [amount])
    trial.looked_again([amount], settled=True)
    assert (trial.drift, trial.open) == ([amount], [])


def seen(tab: CellValue, table_value: CellValue, offset: int) -> Finding:
    return replace(cell(tab, offset=offset), table=table_value)


def test_a_cell_that_changes_all_the_time_and_whose_owner_follows_is_no_drift() -> None:
    trial = Trial([seen("1", "2", 1)])
    trial.looked_again([seen("3", "4", 2)], settled=True)
    assert (trial.open, trial.changing) == ([seen("3", "4", 2)], [])
    trial.looked_again([seen("5", "6", 3)], settled=True)
    assert (trial.open, trial.drift, trial.changing) == ([], [], [seen("5", "6", 3)])


def test_a_cell_that_stays_wrong_while_its_row_is_written_stays_open() -> None:
    """The owner goes over the row again and again, and does not put it right."""
    trial = Trial([seen("wrong", "right", 1)])
    for offset in range(2, 6):
        trial.looked_again([seen("wrong", "right", offset)], settled=True)
    assert (trial.open, trial.drift, trial.changing) == ([seen("wrong", "right", 5)], [], [])


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5).map(lambda text: text or None),
)
WIDE = TableShape((column("id", "bigint", False), column("a", "text"), column("b", "text"), column("c", "text")), ("id",))
ROWS = st.dictionaries(st.integers(1, 50), st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=8)


def wide(rows: Mapping[int, Sequence[CellValue]]) -> list[tuple[RowKey, Mapping[str, CellValue]]]:
    return [(key(n), dict(zip("abc", values, strict=True)) | {"id": float(n)}) for n, values in rows.items()]


def shown(index: int, values: Mapping[str, CellValue]) -> ObservedRow:
    """A row whose mark says just what it shows."""
    name = row_key([values["id"]])
    made = Mark(name, 0, index, {c: MarkedCell(digest(v)) for c, v in values.items()})
    return ObservedRow(index, {c: ObservedCell(v) for c, v in values.items()}, dict(values), made, False, name)


@given(ROWS, st.data())
def test_a_cell_that_was_damaged_together_with_its_mark_is_always_found(
    rows: Mapping[int, tuple[CellValue, CellValue, CellValue]], data: st.DataObject
) -> None:
    truth = wide(rows)
    order = data.draw(st.permutations(truth))
    tab = [shown(index, values) for index, (_, values) in enumerate(order, 1)]
    clean = compare(tab, truth, WIDE)
    assert clean.findings == []
    assert len(set(clean.checksums())) == 1
    at = data.draw(st.integers(0, len(order) - 1))
    name = data.draw(st.sampled_from("abc"))
    was = order[at][1][name]
    other = data.draw(VALUES.filter(lambda value: (type(value), value) != (type(was), was)))
    tab[at] = shown(at + 1, {**order[at][1], name: other})
    found = compare(tab, truth, WIDE)
    assert [(f.kind, f.key, f.column, f.tab, f.table) for f in found.findings] == [(Kind.CELL, order[at][0], name, other, was)]
    assert len(set(found.checksums())) == 2
