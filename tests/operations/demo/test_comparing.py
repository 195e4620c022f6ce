"""The demo's own comparison of table and tab finds what differs, and nothing else."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tabstream.operations.demo.comparing import TabCell, TabRow, cell_differs, differences
from tabstream.operations.demo.reader import parse_tab

ZONE = "Europe/Berlin"
NOON = datetime(2026, 7, 1, 10, 0, 0, 250_000, tzinfo=UTC)
EQUAL = [
    (None, TabCell()),
    ("", TabCell()),
    ("x", TabCell("x", "x")),
    ("1,5", TabCell("1,5", "1,5")),
    (17, TabCell(17.0, "17")),
    (Decimal("1234.50"), TabCell(1234.5, "1,234.50")),
    (True, TabCell(True, "TRUE")),
    (date(2026, 11, 24), TabCell(46350.0, "2026-11-24")),
    (NOON, TabCell(46204 + (43200.25 / 86400), "2026-07-01 12:00:00")),
]
DIFFERENT = [
    (None, TabCell("x", "x")),
    ("x", TabCell()),
    ("1", TabCell(1.0, "1")),
    (1, TabCell(True, "TRUE")),
    (True, TabCell(1.0, "1")),
    (Decimal("1.50"), TabCell(1.5, "1.5")),
    (date(2026, 11, 24), TabCell("2026-11-24", "2026-11-24")),
    (NOON, TabCell(46204 + (43200.251 / 86400), "2026-07-01 12:00:00")),
]


@pytest.mark.parametrize(("wanted", "cell"), EQUAL)
def test_a_cell_that_shows_the_value_is_equal(wanted: Any, cell: TabCell) -> None:
    assert cell_differs(wanted, cell, ZONE) is None


@pytest.mark.parametrize(("wanted", "cell"), DIFFERENT)
def test_a_cell_that_shows_something_else_differs(wanted: Any, cell: TabCell) -> None:
    assert cell_differs(wanted, cell, ZONE) is not None


def row(index: int, key: int | None, name: str) -> TabRow:
    cells = {"name": TabCell(name, name)}
    return TabRow(index, cells if key is None else cells | {"id": TabCell(float(key), str(key))})


def test_order_does_not_matter() -> None:
    table = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    assert differences(table, [row(1, 2, "b"), row(2, 1, "a")], "id", ZONE) == []


def test_missing_doubled_foreign_and_keyless_rows_are_told() -> None:
    table = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    tab = [row(1, 1, "a"), row(2, 1, "a"), row(3, 9, "x"), row(4, None, "y")]
    assert differences(table, tab, "id", ZONE) == [
        "id 1 stands in rows 2 and 3",
        "id 2 is not in the tab",
        "row 4 (id '9') is not in the table",
        "row 5 (id '') is not in the table",
    ]


def test_rows_with_nothing_in_bound_columns_do_not_count() -> None:
    own = TabRow(2, {"mine": TabCell("x", "x")})
    assert differences([{"id": 1, "name": "a"}], [row(1, 1, "a"), own], "id", ZONE) == []


def test_a_tab_is_read_by_its_headers() -> None:
    values = [
        [{"formattedValue": "id"}, {"formattedValue": "name", "note": "hello"}],
        [{"effectiveValue": {"numberValue": 3}, "formattedValue": "3"}],
        [],
        [{}, {"effectiveValue": {"stringValue": "x"}, "formattedValue": "x", "note": "n"}],
    ]
    tab = parse_tab({"sheets": [{"data": [{"rowData": [{"values": v} for v in values]}]}]})
    assert tab.headers == ("id", "name")
    assert tab.header_notes["name"] == "hello"
    assert [r.index for r in tab.rows] == [1, 3]
    assert tab.rows[0].cells["id"] == TabCell(3.0, "3")
    assert tab.rows[1].cells["name"] == TabCell("x", "x", "n")
    assert tab.keys("id") == ["3"]
