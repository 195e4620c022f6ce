"""Builders of the requests that dress a tab: header, column formats, validation. As `tabstream.sheets.requests`."""

from typing import Any

from tabstream.core.types.base import CheckBox, DropDown, NumberFormat
from tabstream.sheets.ranges import grid_range
from tabstream.sheets.requests import Request

_GREY = {"red": 0.95, "green": 0.95, "blue": 0.95}


def freeze_rows(sheet_id: int, rows: int = 1) -> Request:
    """updateSheetProperties: the first rows stay in sight."""
    properties = {"sheetId": sheet_id, "gridProperties": {"frozenRowCount": rows}}
    return {"updateSheetProperties": {"properties": properties, "fields": "gridProperties.frozenRowCount"}}


def bold_header(sheet_id: int, start_column: int, end_column: int) -> Request:
    """repeatCell: the first row of these columns in bold."""
    bounds = grid_range(sheet_id, rows=(0, 1), columns=(start_column, end_column))
    return _repeat(bounds, {"textFormat": {"bold": True}}, "textFormat.bold")


def hide_column(sheet_id: int, column: int, hidden: bool = True) -> Request:
    """updateDimensionProperties: hides a column or shows it again."""
    columns = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": column, "endIndex": column + 1}
    return {
        "updateDimensionProperties": {
            "range": columns,
            "properties": {"hiddenByUser": hidden},
            "fields": "hiddenByUser",
        }
    }


def format_column(sheet_id: int, column: int, number_format: NumberFormat | None, start_row: int = 1) -> Request:
    """repeatCell of the number format, from `start_row` to the end of the grid; None is Google's automatic format."""
    wanted: dict[str, Any] = {}
    if number_format is not None:
        wanted = {"type": number_format.type}
        if number_format.pattern:
            wanted["pattern"] = number_format.pattern
    return _repeat(_column(sheet_id, column, start_row), {"numberFormat": wanted} if wanted else {}, "numberFormat")


def grey_column(sheet_id: int, column: int, start_row: int = 1) -> Request:
    """repeatCell of a grey background, from `start_row` to the end of the grid: nothing typed here is kept."""
    return _repeat(_column(sheet_id, column, start_row), {"backgroundColorStyle": {"rgbColor": _GREY}}, "backgroundColorStyle")


def validate_column(sheet_id: int, column: int, rule: CheckBox | DropDown | None, start_row: int = 1) -> Request:
    """setDataValidation from `start_row` to the end of the grid; None takes it away.

    Other values are shown with a warning and not refused, so that `yes` can be typed into a check box. A list with a
    label that Google would take for a formula is left out.
    """
    request: dict[str, Any] = {"range": _column(sheet_id, column, start_row)}
    if isinstance(rule, CheckBox):
        request["rule"] = {"condition": {"type": "BOOLEAN"}, "strict": False, "showCustomUi": True}
    elif isinstance(rule, DropDown) and not any(label.startswith(("=", "+")) for label in rule.labels):
        labels = [{"userEnteredValue": label} for label in rule.labels]
        condition = {"type": "ONE_OF_LIST", "values": labels}
        request["rule"] = {"condition": condition, "strict": False, "showCustomUi": True}
    return {"setDataValidation": request}


def _column(sheet_id: int, column: int, start_row: int) -> dict[str, int]:
    return grid_range(sheet_id, rows=(start_row, None), columns=(column, column + 1))


def _repeat(bounds: dict[str, int], cell_format: dict[str, Any], fields: str) -> Request:
    return {
        "repeatCell": {
            "range": bounds,
            "cell": {"userEnteredFormat": cell_format},
            "fields": f"userEnteredFormat.{fields}",
        }
    }
