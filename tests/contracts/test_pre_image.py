"""The pre-image: a copy made earlier in the same batch shows what the batch overwrites."""

from tabstream.sheets.ranges import grid_range
from tabstream.sheets.requests import (
    cell,
    copy_all,
    copy_values,
    delete_rows,
    insert_rows,
    update_cells,
)
from tests.contracts.conftest import COLUMNS, Workspace

WHOLE_ROW = (0, COLUMNS)


def test_a_copy_holds_the_values_from_before_the_update(workspace: Workspace) -> None:
    workspace.fill(["text", 12.5, True, None, "t1:mark"])
    workspace.write(
        copy_values(grid_range(workspace.tab, (0, 1), WHOLE_ROW), grid_range(workspace.scratch, (3, 4), WHOLE_ROW)),
        update_cells(workspace.tab, 0, 0, [[cell("new"), cell(1.0)]]),
    )
    assert workspace.values(workspace.scratch, 3) == ["text", 12.5, True, None, "t1:mark"]
    assert workspace.values(workspace.tab, 0) == ["new", 1.0, True, None, "t1:mark"]


def test_text_that_looks_like_a_number_or_a_formula_is_copied_as_text(workspace: Workspace) -> None:
    workspace.fill(["007", "=1+2", "TRUE", "2024-01-31"])
    workspace.write(
        copy_values(grid_range(workspace.tab, (0, 1), WHOLE_ROW), grid_range(workspace.scratch, (0, 1), WHOLE_ROW))
    )
    assert workspace.values(workspace.scratch, 0) == ["007", "=1+2", "TRUE", "2024-01-31"]


def test_a_formula_is_copied_as_its_result(workspace: Workspace) -> None:
    formula = {"userEnteredValue": {"formulaValue": "=A1*2"}}
    workspace.write(update_cells(workspace.tab, 0, 0, [[cell(21.0), formula]]))
    assert workspace.cell(workspace.tab, 0, 1).formula
    workspace.write(
        copy_values(grid_range(workspace.tab, (0, 1), WHOLE_ROW), grid_range(workspace.scratch, (0, 1), WHOLE_ROW))
    )
    copied = workspace.cell(workspace.scratch, 0, 1)
    assert (copied.value, copied.formula) == (42.0, False)


def test_blank_cells_are_copied_over_what_stood_there(workspace: Workspace) -> None:
    workspace.write(update_cells(workspace.scratch, 0, 0, [[cell("old"), cell("old")]]))
    workspace.fill(["new"])
    workspace.write(
        copy_values(grid_range(workspace.tab, (0, 1), WHOLE_ROW), grid_range(workspace.scratch, (0, 1), WHOLE_ROW))
    )
    assert workspace.values(workspace.scratch, 0) == ["new"]


def test_a_row_copied_whole_before_its_deletion_keeps_its_note(workspace: Workspace) -> None:
    workspace.fill(["a"], ["b"], ["c"])
    workspace.write(update_cells(workspace.tab, 1, 0, [[cell(note="mind this")]], "note"))
    workspace.write(
        copy_all(grid_range(workspace.tab, (1, 2), WHOLE_ROW), grid_range(workspace.scratch, (0, 1), WHOLE_ROW)),
        delete_rows(workspace.tab, 1, 2),
    )
    kept = workspace.cell(workspace.scratch, 0, 0)
    assert (kept.value, kept.note) == ("b", "mind this")
    assert [workspace.values(workspace.tab, row) for row in (0, 1, 2)] == [["a"], ["c"], []]


def test_later_requests_of_a_batch_see_the_rows_that_earlier_ones_moved(workspace: Workspace) -> None:
    workspace.fill(["a"], ["b"], ["c"], ["d"])
    workspace.write(
        insert_rows(workspace.tab, 1, 2),
        update_cells(workspace.tab, 1, 0, [[cell("new 1")], [cell("new 2")]]),
        delete_rows(workspace.tab, 5, 6),
        delete_rows(workspace.tab, 0, 1),
    )
    assert [workspace.values(workspace.tab, row) for row in range(5)] == [["new 1"], ["new 2"], ["b"], ["c"], []]
