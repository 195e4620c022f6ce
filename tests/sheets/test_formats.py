"""Formats reach to the end of the grid, and never lose what a person types."""

import pytest

from tabstream.core.types.base import CheckBox, DropDown, NumberFormat
from tabstream.sheets import formats


def test_a_column_format_has_no_last_row() -> None:
    request = formats.format_column(3, 2, NumberFormat("DATE", "yyyy-mm-dd"))["repeatCell"]
    assert request["range"] == {"sheetId": 3, "startRowIndex": 1, "startColumnIndex": 2, "endColumnIndex": 3}
    assert request["cell"] == {"userEnteredFormat": {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm-dd"}}}
    assert request["fields"] == "userEnteredFormat.numberFormat"


def test_no_format_is_googles_automatic_one() -> None:
    assert formats.format_column(3, 2, None)["repeatCell"]["cell"] == {"userEnteredFormat": {}}


@pytest.mark.parametrize(
    ("rule", "condition"),
    [
        (CheckBox(), {"type": "BOOLEAN"}),
        (
            DropDown(("new", "won")),
            {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": "new"}, {"userEnteredValue": "won"}]},
        ),
    ],
)
def test_validation_warns_and_does_not_refuse(rule: CheckBox | DropDown, condition: dict[str, object]) -> None:
    written = formats.validate_column(3, 2, rule)["setDataValidation"]["rule"]
    assert (written["condition"], written["strict"]) == (condition, False)


@pytest.mark.parametrize("rule", [None, DropDown(("fine", "=HYPERLINK(1)")), DropDown(("+1",))])
def test_no_rule_where_none_is_asked_or_a_label_reads_as_a_formula(rule: DropDown | None) -> None:
    assert "rule" not in formats.validate_column(3, 2, rule)["setDataValidation"]


def test_the_header_is_bold_and_stays_in_sight() -> None:
    assert formats.freeze_rows(3)["updateSheetProperties"]["properties"]["gridProperties"] == {"frozenRowCount": 1}
    bold = formats.bold_header(3, 0, 11)["repeatCell"]
    assert bold["cell"] == {"userEnteredFormat": {"textFormat": {"bold": True}}}
    assert bold["range"]["endRowIndex"] == 1


def test_the_sync_column_is_hidden() -> None:
    hidden = formats.hide_column(3, 10)["updateDimensionProperties"]
    assert hidden["properties"] == {"hiddenByUser": True}
    assert (hidden["range"]["startIndex"], hidden["range"]["endIndex"]) == (10, 11)


def test_a_read_only_column_is_grey_from_the_second_row_on() -> None:
    grey = formats.grey_column(3, 4)["repeatCell"]
    assert grey["fields"] == "userEnteredFormat.backgroundColorStyle"
    assert grey["range"]["startRowIndex"] == 1
