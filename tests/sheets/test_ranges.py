"""Ranges as Google writes them."""

import pytest

from tabstream.sheets.ranges import Span, a1, column_letters, grid_range, whole_tab


@pytest.mark.parametrize(
    ("title", "rows", "columns", "expected"),
    [
        ("leads", None, None, "'leads'"),
        ("leads", (0, 1), (0, 3), "'leads'!A1:C1"),
        ("leads", (1, None), (0, 3), "'leads'!A2:C"),
        ("leads", None, (0, 27), "'leads'!A:AA"),
        ("leads", (1, 5), None, "'leads'!2:5"),
        ("Anna's leads!", (4, 9), (1, 2), "'Anna''s leads!'!B5:B9"),
    ],
)
def test_a_range_is_written_in_a1_notation(title: str, rows: Span, columns: Span, expected: str) -> None:
    assert a1(title, rows, columns) == expected


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ((3, 3), (0, 1), r"\(3, 3\) is not a range"),
        ((-1, 3), (0, 1), r"\(-1, 3\) is not a range"),
        ((3, None), None, "name the columns"),
        (None, (2, None), "name the last one"),
    ],
)
def test_what_a1_notation_cannot_say_is_refused_bad(rows: Span, columns: Span, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        a1("leads", rows, columns)


@pytest.mark.parametrize(("column", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (18_277, "ZZZ")])
def test_columns_have_letters(column: int, letters: str) -> None:
    assert column_letters(column) == letters


def test_an_open_grid_range_has_no_end() -> None:
    assert grid_range(7, rows=(1, None), columns=(2, 4)) == {
        "sheetId": 7,
        "startRowIndex": 1,
        "startColumnIndex": 2,
        "endColumnIndex": 4,
    }
    assert whole_tab(grid_range(7))
    assert not whole_tab(grid_range(7, rows=(0, None)))
