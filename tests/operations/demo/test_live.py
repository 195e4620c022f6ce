"""What the page is told of both sides."""

from datetime import date
from decimal import Decimal

import pytest

from tabstream.operations.demo.binding import COLUMNS
from tabstream.operations.demo.live import SHOWN_ROWS, letter, tab_message, table_message
from tabstream.operations.demo.person import Grid


@pytest.mark.parametrize(("column", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")])
def test_columns_have_letters(column: int, letters: str) -> None:
    assert letter(column) == letters


def test_the_hidden_column_and_blank_rows_are_left_out() -> None:
    rows = [["lead_id", "name", "_sync"], ["1", "Ada", "mark"], ["", "", ""], ["", "Brook", ""]]
    notes = [[None, "a word", None], [], [], [None, "needed"]]
    message = tab_message(Grid(1, rows, notes))
    assert message["headers"] == ["lead_id", "name"]
    assert message["letters"] == ["A", "B"]
    assert message["header_notes"] == ["", "a word"]
    assert [(row["number"], row["cells"]) for row in message["rows"]] == [(2, ["1", "Ada"]), (4, ["", "Brook"])]
    assert message["rows"][1]["notes"] == ["", "needed"]
    assert message["next"] == 5


def test_an_empty_tab_is_told_as_such() -> None:
    message = tab_message(Grid(0, [], []))
    assert (message["headers"], message["rows"], message["count"]) == ([], [], 0)


def test_a_long_tab_is_cut_and_counted() -> None:
    rows = [["lead_id"], *([str(number)] for number in range(SHOWN_ROWS + 5))]
    message = tab_message(Grid(1, rows, []))
    assert (len(message["rows"]), message["count"], message["next"]) == (SHOWN_ROWS, SHOWN_ROWS + 5, SHOWN_ROWS + 7)


def test_table_values_are_shown_as_psql_prints_them() -> None:
    row = dict.fromkeys(COLUMNS) | {"lead_id": 3, "amount": Decimal("1.50"), "active": True, "follow_up": date(2026, 1, 2)}
    message = table_message([row], 9)
    shown = dict(zip(message["headers"], message["rows"][0]["cells"], strict=True))
    assert message["rows"][0]["key"] == "3"
    assert message["count"] == 9
    assert (shown["amount"], shown["active"], shown["follow_up"], shown["notes"]) == ("1.50", "true", "2026-01-02", "")
