"""Edits as messages."""

from tabstream.core.edits import Edit, EditKind, How, SeenCell, edit_from_record, parts

CELLS = tuple(SeenCell(name, name * 30, name * 30, "base", 3) for name in "abcde")


def edit(kind: EditKind) -> Edit:
    """An edit of five cells with 60 characters each."""
    return Edit("leads", "[1]", kind, 1, 2, How.SWEEP, "s", "UTC", 0, 5, CELLS)


def test_an_edit_is_read_back() -> None:
    assert edit_from_record(edit(EditKind.CELLS).to_record()) == edit(EditKind.CELLS)


def test_many_full_cells_go_in_several_messages_and_none_is_left_out() -> None:
    found = parts(edit(EditKind.CELLS), 130)
    assert [[cell.column for cell in part.cells] for part in found] == [["a", "b"], ["c", "d"], ["e"]]
    assert {(part.row_key, part.offset, part.source_id) for part in found} == {("[1]", 5, "s")}


def test_a_cell_that_is_larger_goes_alone() -> None:
    assert [len(part.cells) for part in parts(edit(EditKind.CELLS), 10)] == [1] * 5


def test_an_act_on_a_row_stays_one() -> None:
    assert parts(edit(EditKind.DELETE), 10) == [edit(EditKind.DELETE)]
