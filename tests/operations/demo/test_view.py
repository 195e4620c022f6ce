"""The tab as a person sees it: where a key's row is, and what stands in its cells."""

from tabstream.operations.demo.person import Grid
from tabstream.operations.demo.view import View

ROWS = [["_sync", "lead_id", "name", "", "own"], ["m", "7", "Ada"], [], ["m", "8", "Brook", "", "x"], ["m", "7", "again"]]
NOTES = [[], [None, None, "not saved"], []]
VIEW = View(Grid(3, ROWS, NOTES))


def test_rows_are_found_by_their_key_the_topmost_first() -> None:
    assert VIEW.rows == {"7": 2, "8": 4}
    assert VIEW.text("7", "name") == "Ada"
    assert VIEW.text("8", "own") == "x"
    assert VIEW.text("9", "name") is None


def test_cells_have_addresses_and_notes() -> None:
    assert VIEW.address(4, "name") == "C4"
    assert VIEW.note_at(2, "name") == "not saved"
    assert VIEW.row_notes(2) == "not saved"
    assert VIEW.row_notes(4) == ""


def test_the_first_blank_row_is_below_all_others() -> None:
    assert VIEW.blank_row == 6
    assert View(Grid(0, [], [])).blank_row == 2


def test_cells_beyond_the_end_of_a_row_are_blank() -> None:
    assert VIEW.text("7", "own") == ""
    assert VIEW.at(99, "name") == ""
