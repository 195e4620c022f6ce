"""CellData as requests carry it, written over a cell as far as the field mask says."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sheets_emulator.fields import Mask, below, updated
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.values import Cell, Formula, Json, Style, Value
from sheets_emulator.model.workbook import MAX_CHARACTERS

Writer: TypeAlias = Callable[[Cell, Json], Cell]
_KNOWN = ("userEnteredValue", "userEnteredFormat", "note", "dataValidation", "textFormatRuns", "hyperlink", "pivotTable")
_READ_ONLY = ("effectiveValue", "effectiveFormat", "formattedValue")
_KINDS = ("stringValue", "numberValue", "boolValue", "formulaValue")


def only_values(mask: Mask) -> bool:
    """Whether the mask takes values and nothing else."""
    return list(mask) == ["userEnteredValue"]


def only_styles(mask: Mask) -> bool:
    """Whether the mask takes anything but values."""
    return bool(mask) and "userEnteredValue" not in mask


def writer(mask: Mask) -> Writer:
    """How a CellData is written over a cell; Refused if the mask has what can't be written."""
    for name in mask:
        if name in _READ_ONLY:
            raise Refused(f"Field '{name}' is read-only.")
        if name not in _KNOWN:
            raise Refused(f"Invalid field: {name}")
    takes_value = not mask or "userEnteredValue" in mask
    styled = style_writer(mask)

    def write(old: Cell, data: Json) -> Cell:
        value = value_of(data.get("userEnteredValue")) if takes_value else old.value
        return Cell(value, styled(old.style, data))

    return write


def style_writer(mask: Mask) -> Callable[[Style, Json], Style]:
    """How the style of a CellData is written over a style."""
    takes_format = not mask or "userEnteredFormat" in mask
    takes_note, takes_validation = not mask or "note" in mask, not mask or "dataValidation" in mask
    format_mask, validation_mask = below(mask, "userEnteredFormat"), below(mask, "dataValidation")

    def write(old: Style, data: Json) -> Style:
        cell_format, note, validation = old
        if takes_format:
            cell_format = updated(old.format or {}, data.get("userEnteredFormat") or {}, format_mask) or None
        if takes_note:
            note = data.get("note") or None
        if takes_validation:
            validation = _validation(updated(old.validation or {}, data.get("dataValidation") or {}, validation_mask))
        return Style(_checked_format(cell_format), note, validation)

    return write


def value_of(data: Mapping[str, Any] | None) -> Value:
    """The value of an ExtendedValue; a text stays a text, also one that starts with `=`."""
    if not data:
        return None
    if "stringValue" in data:
        return _text(data["stringValue"])
    if "numberValue" in data:
        return float(data["numberValue"])
    if "boolValue" in data:
        return bool(data["boolValue"])
    if "formulaValue" in data:
        return _formula(data["formulaValue"])
    if "errorValue" in data:
        raise Refused("errorValue cannot be set.")
    raise Refused(f"Unknown value: {next(iter(data))}, expected one of {', '.join(_KINDS)}")


def checked_text(text: str) -> str:
    """The text itself, if a cell can hold it."""
    if len(text) > MAX_CHARACTERS:
        raise Refused(
            f"Your input contains more than the maximum of {MAX_CHARACTERS} characters in a single cell.", prefixed=False
        )
    return text


def _text(text: Any) -> str | None:
    if not isinstance(text, str):
        raise Refused(f"stringValue must be a text, got {text!r}")
    return checked_text(text) or None


def _formula(text: str) -> Formula:
    if not text.startswith("="):
        raise Refused("Formulas must begin with '='.")
    return Formula(checked_text(text))


def _validation(rule: dict[str, Any]) -> dict[str, Any] | None:
    return rule or None


def _checked_format(cell_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    number_format = (cell_format or {}).get("numberFormat")
    if number_format and not number_format.get("type"):
        raise Refused("userEnteredFormat.numberFormat.type is required.")
    return cell_format
