"""Rows are read by the headers, and know their key."""

import pytest

from tabstream.core.binding import TableShape
from tabstream.core.cells import CellValue, ObservedCell, RowKey, row_key
from tabstream.core.marks import Mark, encode_mark
from tabstream.core.tab import Layout, read_row
from tests.core.tabs import column

SHAPE = TableShape((column("region", "text", False), column("code", "integer", False)), ("region", "code"))
LAYOUT = Layout({"region": 0, "code": 1}, 2)


@pytest.mark.parametrize(
    ("region", "mark", "key"),
    [
        ("north", None, '["north",1]'),
        (None, None, None),
        (None, row_key(["north", 1.0]), None),
        (None, row_key([None, 1.0]), "[null,1]"),
    ],
)
def test_an_empty_key_cell_is_a_key_only_where_the_mark_says_so(
    region: CellValue, mark: RowKey | None, key: RowKey | None
) -> None:
    sync = None if mark is None else encode_mark(Mark(mark, 0, 5, {}))
    cells = [ObservedCell(value, "" if value is None else str(value)) for value in (region, 1.0, sync)]
    assert read_row(1, cells, LAYOUT, SHAPE).key == key
