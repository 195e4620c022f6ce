"""Touched cells of rows that are sure become edits; the owner is poked for everything else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheet_producer.intake import Intake, take_in
from sheet_producer.post import parse_post
from tabstream.core.binding import Binding, Bindings, ColumnChoice, Direction
from tabstream.core.cells import CellValue, digest
from tabstream.core.edits import Edit, EditKind, How, SeenCell
from tabstream.kafka.messages import Signal, SignalKind
from tests.sheet_producer.posts import EDITED, HEADER, WRITTEN, cell, mark, post, row

NO_SYNC = "the header has no _sync column, or more than one"
NO_HEADER = "the header of a synced column is missing or stands twice"
FORMULA = [cell(17.0), cell(2.0, "=1+1"), cell(3.5), cell(mark(WRITTEN))]
NOW_MS = 1_700_000_001_000
LEADS = Binding("leads", "leads", "crm", "1AbC", "Leads")


def intake(body: dict[str, Any], binding: Binding = LEADS) -> Intake:
    return take_in(parse_post(json.dumps(body).encode()), Bindings((binding,)), NOW_MS)


def test_a_touched_cell_becomes_an_edit() -> None:
    assert intake(post([EDITED], script_version=3)) == Intake(
        "leads",
        (
            Edit(
                binding="leads",
                row_key="[17]",
                kind=EditKind.CELLS,
                read_begin_ms=1_700_000_000_000,
                read_end_ms=1_700_000_000_250,
                how=How.TRIGGER,
                source_id="9f-1",
                zone="Europe/Berlin",
                partition=0,
                offset=12,
                cells=(SeenCell("name", "Ada L.", "Ada L.", digest("Ada"), 5),),
                script_version=3,
            ),
        ),
    )


def test_a_touched_cell_is_told_even_if_it_is_as_it_was_written() -> None:
    same = row(4, [17.0, "Ada", 3.5], mark(WRITTEN))
    assert [c.column for c in intake(post([same], columns=(1, 3))).edits[0].cells] == ["name", "amount"]


def test_each_row_of_a_paste_is_an_edit_of_its_own() -> None:
    rows = [row(n, [float(n), "x", None], mark({"id": float(n), "name": "y", "amount": None})) for n in range(1, 6)]
    told = intake(post(rows))
    assert [edit.row_key for edit in told.edits] == ["[1]", "[2]", "[3]", "[4]", "[5]"]
    assert told.poke is None


def test_a_row_that_holds_nothing_but_its_key_is_left_to_the_owner() -> None:
    told = intake(post([row(4, [17.0, None, None], mark(WRITTEN))], columns=(0, 3)))
    assert not told.edits
    assert told.reasons == ("all but the key is empty",)


def test_one_of_several_cells_that_is_cleared_is_an_edit() -> None:
    told = intake(post([row(4, [17.0, None, 3.5], mark(WRITTEN))], columns=(0, 3)))
    assert [(c.column, c.value) for c in told.edits[0].cells if c.value is None] == [("name", None)]
    assert told.poke is None


def test_a_column_of_the_peoples_is_left_alone() -> None:
    assert intake(post([EDITED], columns=(4, 5))) == Intake("leads")


def test_columns_are_found_by_their_headers() -> None:
    renamed = Binding("leads", "leads", "crm", "1AbC", "Leads", columns=(ColumnChoice("name", header="Full name"),))
    header = [cell(text) for text in ("id", "Full name", "amount", "_sync")]
    assert intake(post([EDITED], header=header), renamed).edits[0].cells[0].column == "name"


@pytest.mark.parametrize(
    ("sync", "reason"),
    [
        (None, "a row has no mark of its own"),
        ("new:6f", "a row has no mark of its own"),
        ("copy:[17]", "a row has no mark of its own"),
        (mark(WRITTEN).replace("12", "13"), "a mark is damaged"),
        ("mine", "a mark is damaged"),
        (mark({**WRITTEN, "id": 18.0}), "key cells and mark differ"),
    ],
)
def test_a_row_that_is_not_sure_pokes_while_the_others_go_on(sync: str | None, reason: str) -> None:
    unsure = row(5, [17.0, "Ada L.", 3.5], sync)
    told = intake(post([EDITED, unsure]))
    assert [edit.row_key for edit in told.edits] == ["[17]"]
    assert told.reasons == (reason,)
    assert told.poke == Signal("9f-1", "1AbC", SignalKind.POKE, NOW_MS, binding="leads", sheet_id=0, start_row=4, end_row=6)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (post([EDITED], tab="Other"), "no binding names this tab"),
        (post([EDITED], spreadsheet_id="2"), "no binding names this tab"),
        (post([EDITED], event="poke"), "poke without a range"),
        (post([EDITED], event="change", touched=None, change_type="REMOVE_ROW"), "change without a range"),
        (post([EDITED], header=[]), NO_SYNC),
        (post([EDITED], header=[cell(t) for t in (*HEADER, "_sync")]), NO_SYNC),
        (post([EDITED], header=[cell(t) for t in (*HEADER, "name")]), NO_HEADER),
        (post([EDITED], header=[cell(t) for t in ("id", "Name", "amount", "_sync")]), NO_HEADER),
        (post([EDITED], columns=(0, 4)), "the _sync column was touched"),
        (post([{**EDITED, "row": 0}]), "the header was touched"),
        (post([]), "not every touched row was sent"),
        (post([EDITED, {**EDITED, "row": 5}]), "a mark stands in two rows"),
        (post([{**EDITED, "values": FORMULA}]), "a synced cell holds a formula"),
        (post([{**EDITED, "values": [cell(17.0)]}]), "a row has no mark of its own"),
    ],
)  # fmt: skip
def test_what_can_not_be_told_is_a_poke(body: dict[str, Any], reason: str) -> None:
    told = intake(body)
    assert (told.edits, told.reasons) == ((), (reason,))
    assert told.poke is not None
    assert told.poke.spreadsheet_id == body["spreadsheet_id"]


def test_a_binding_that_takes_no_edits_pokes_so_that_they_are_put_back() -> None:
    one_way = Binding("leads", "leads", "crm", "1AbC", "Leads", direction=Direction.DATABASE_TO_SHEET)
    told = intake(post([EDITED]), one_way)
    assert (told.edits, told.poke is None) == ((), False)


def test_a_formula_is_told_where_the_column_allows_it() -> None:
    allowed = Binding("leads", "leads", "crm", "1AbC", "Leads", columns=(ColumnChoice("name", formulas=True),))
    told = intake(post([{**EDITED, "values": FORMULA}]), allowed)
    assert [c.value for c in told.edits[0].cells] == [2.0]


def test_a_text_key_that_looks_like_a_number_is_known_by_what_is_shown() -> None:
    written: dict[str, CellValue] = {"id": "007", "name": "Bond", "amount": None}
    shown = {"effectiveValue": {"numberValue": 7}, "formattedValue": "007"}
    told = intake(post([{"row": 4, "values": [shown, cell("Bond, J."), {}, cell(mark(written))]}]))
    assert [edit.row_key for edit in told.edits] == ['["007"]']


values = st.none() | st.booleans() | st.integers(0, 4).map(float) | st.text("ab", max_size=2).map(lambda t: t or None)


@given(
    written=st.lists(
        st.tuples(st.integers(1, 4).map(float), values, values), min_size=1, max_size=4, unique_by=lambda w: w[0]
    ),
    order=st.randoms(use_true_random=False),
)
def test_marks_that_stand_at_other_rows_never_make_an_edit_of_a_wrong_key(
    written: list[tuple[CellValue, ...]], order: Any
) -> None:
    """A tab sorted without `_sync`: the values moved, the marks stayed."""
    marks = [mark(dict(zip(("id", "name", "amount"), line, strict=True))) for line in written]
    moved = list(written)
    order.shuffle(moved)
    rows = [row(n + 1, list(line), sync) for n, (line, sync) in enumerate(zip(moved, marks, strict=True))]
    told = intake(post(rows, columns=(1, 3)))
    by_key = {f"[{int(line[0])}]": line for line in written if isinstance(line[0], float)}
    for edit in told.edits:
        assert [c.value for c in edit.cells] == list(by_key[edit.row_key][1:])


@pytest.mark.parametrize(("last_row", "edits"), [(43, 21), (None, 21), (42, 0)], ids=["half", "unknown", "most of the tab"])
def test_a_change_of_most_of_a_tab_is_left_to_the_owner(last_row: int | None, edits: int) -> None:
    rows = [row(n, [float(n), "x", None], mark({"id": float(n), "name": "y", "amount": None})) for n in range(1, 22)]
    told = intake(post(rows, last_row=last_row))
    assert len(told.edits) == edits
    assert (told.poke is None) == bool(edits)
