"""Cells as Google's CellData, with only what a field mask takes."""

from collections.abc import Callable
from typing import TypeAlias

from sheets_emulator.fields import Mask, below, covers, select
from sheets_emulator.model.formats import shown
from sheets_emulator.model.values import PLAIN, Formula, Json, Style, Value, effective, to_json

Reader: TypeAlias = Callable[[Value, Style], Json]
NOTHING: Json = {}
_DEFAULT_FORMAT = {"horizontalAlignment": "LEFT", "verticalAlignment": "BOTTOM", "wrapStrategy": "OVERFLOW_CELL"}


def reader(mask: Mask, locale: str) -> Reader:
    """How a cell is shown under the mask; a blank cell is an empty object."""
    entered, computed = covers(mask, "userEnteredValue"), covers(mask, "effectiveValue")
    formatted = covers(mask, "formattedValue")
    entered_mask, computed_mask = below(mask, "userEnteredValue"), below(mask, "effectiveValue")
    style_reader = _style_reader(mask)

    def read(value: Value, style: Style) -> Json:
        if value is None and style is PLAIN:
            return NOTHING
        data: Json = {}
        if value is not None:
            result = effective(value)
            if entered and (part := select(to_json(value), entered_mask)):
                data["userEnteredValue"] = part
            if computed and (part := select(to_json(result), computed_mask)):
                data["effectiveValue"] = part
            if formatted and (text := shown(result, style.number_format, locale)) is not None:
                data["formattedValue"] = text
        if style is not PLAIN:
            style_reader(data, value, style)
        return data

    return read


def blank(value: Value) -> bool:
    """Whether a cell of this value shows nothing."""
    return value is None or (isinstance(value, Formula) and value.result in (None, ""))


def _style_reader(mask: Mask) -> Callable[[Json, Value, Style], None]:
    formats, formats_mask = covers(mask, "userEnteredFormat"), below(mask, "userEnteredFormat")
    results, results_mask = covers(mask, "effectiveFormat"), below(mask, "effectiveFormat")
    notes = covers(mask, "note")
    rules, rules_mask = covers(mask, "dataValidation"), below(mask, "dataValidation")

    def read(data: Json, _: Value, style: Style) -> None:
        if style.format is not None:
            if formats and (part := select(style.format, formats_mask)):
                data["userEnteredFormat"] = part
            if results and (part := select({**_DEFAULT_FORMAT, **style.format}, results_mask)):
                data["effectiveFormat"] = part
        if notes and style.note:
            data["note"] = style.note
        if rules and style.validation is not None and (part := select(style.validation, rules_mask)):
            data["dataValidation"] = part

    return read
