"""Rows are read by the headers, and know their key."""

import pytest

from tabstream.core.binding import BoundColumn, TableShape
from tabstream.core.cells import CellValue, ObservedCell, RowKey, digest, row_key
from tabstream.core.marks import Mark, MarkedCell, encode_mark
from tabstream.core.tab import Layout, read_row
from tabstream.core.types.factory import column_type
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


def test_a_time_with_its_offset_stays_as_written_when_the_zone_changes() -> None:
    """Its text reads otherwise by the new zone's clock, and is nobody's edit; another moment is one."""
    text = "2026-11-24 17:57:17.832040+01:00"
    berlin = column_type("timestamptz", nullable=True, zone="Europe/Berlin").from_text(text)
    new_york = column_type("timestamptz", nullable=True, zone="America/New_York")
    at = BoundColumn("at", "at", "timestamptz", new_york, True, True)
    shape = TableShape((column("code", "integer", False), at), ("code",))
    sync = encode_mark(Mark(row_key([1.0]), 0, 5, {"at": MarkedCell(digest(berlin))}))

    def read(shown: str) -> CellValue:
        cells = [ObservedCell(value, str(value)) for value in (1.0, shown, sync)]
        return read_row(1, cells, Layout({"code": 0, "at": 1}, 2), shape).values["at"]

    assert read(str(berlin)) == berlin
    assert read("2026-11-24 17:57:18.832040+01:00") == "2026-11-24 11:57:18.83204-05:00"
