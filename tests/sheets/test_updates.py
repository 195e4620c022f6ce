"""Gathering cells into requests changes neither what is written nor what is left alone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.plan import KEEP
from tabstream.sheets.requests import CellData, cell
from tabstream.sheets.updates import coalesce_updates

cell_data = st.builds(
    cell, st.just(KEEP) | st.none() | st.booleans() | st.text(max_size=3), st.just(KEEP) | st.text(max_size=3)
)
updates = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5), cell_data), max_size=40)
Written = dict[tuple[int, int], dict[str, Any]]


def applied(requests: list[dict[str, Any]]) -> Written:
    """What updateCells does to each cell by its documentation: every masked field is written or cleared."""
    written: Written = {}
    for request in requests:
        update = request["updateCells"]
        start = update["start"]
        for i, row in enumerate(update["rows"]):
            for j, data in enumerate(row["values"]):
                place = (start["rowIndex"] + i, start["columnIndex"] + j)
                assert place not in written
                written[place] = {field: data.get(field) for field in update["fields"].split(",")}
    return written


@given(updates)
def test_the_same_cells_get_the_same_fields(wanted: list[tuple[int, int, CellData]]) -> None:
    expected: Written = {}
    for row, column, data in wanted:
        if data:
            expected[row, column] = {field: value if value != {} else None for field, value in data.items()}
    assert applied(coalesce_updates(1, wanted)) == expected


def test_a_block_of_rows_is_one_request() -> None:
    requests = coalesce_updates(1, [(r, c, cell(f"{r}/{c}")) for r in range(1, 1001) for c in range(11)])
    assert len(requests) == 1
    assert len(requests[0]["updateCells"]["rows"]) == 1000


def test_a_gap_in_a_row_is_not_written_over() -> None:
    requests = coalesce_updates(1, [(3, 0, cell("a")), (3, 2, cell("b"))])
    assert [r["updateCells"]["start"]["columnIndex"] for r in requests] == [0, 2]


def test_requests_run_from_the_top_down() -> None:
    requests = coalesce_updates(1, [(9, 0, cell("a")), (2, 5, cell("b")), (4, 1, cell("c"))])
    assert [r["updateCells"]["start"]["rowIndex"] for r in requests] == [2, 4, 9]
