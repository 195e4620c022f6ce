"""What a cell holds: a value as entered, and a style (format, note, validation).

A value is None (blank), a boolean, a float (never an int), a text, or a `Formula` with its last result.
Dates are floats: days since 1899-12-30 on the spreadsheet's own clock.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

Json: TypeAlias = dict[str, Any]


class ErrorValue(NamedTuple):
    """The result of a formula that failed: Google's ErrorType (`DIVIDE_BY_ZERO`, `NAME`, ...) and its explanation."""

    type: str
    message: str

    @property
    def shown(self) -> str:
        """What stands in the cell: `#DIV/0!`."""
        return _SHOWN.get(self.type, "#ERROR!")


_SHOWN = {
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "NAME": "#NAME?",
    "REF": "#REF!",
    "VALUE": "#VALUE!",
    "N_A": "#N/A",
    "NUM": "#NUM!",
}

Scalar: TypeAlias = bool | float | str | None
Result: TypeAlias = bool | float | str | ErrorValue | None


class Formula(NamedTuple):
    """A formula as entered (with its `=`), and what it gave when it was last computed."""

    text: str
    result: Result = None


Value: TypeAlias = bool | float | str | Formula | None


class Style(NamedTuple):
    """Everything of a cell but its value. The mappings are never changed in place, so that cells can share them."""

    format: Mapping[str, Any] | None = None
    note: str | None = None
    validation: Mapping[str, Any] | None = None

    @property
    def number_format(self) -> Mapping[str, Any]:
        """The NumberFormat (`type`, `pattern`), empty for an automatic one."""
        return (self.format or {}).get("numberFormat") or {}

    @property
    def is_plain_text(self) -> bool:
        """Whether what is typed here stays text."""
        return bool(self.number_format.get("type") == "TEXT")


PLAIN = Style()


class Cell(NamedTuple):
    """One cell of a sheet, as a view: changing a cell means writing a new one."""

    value: Value = None
    style: Style = PLAIN

    @property
    def effective(self) -> Result:
        """The value, or the result of the formula."""
        return effective(self.value)


BLANK = Cell()


def effective(value: Value) -> Result:
    """What is shown and computed with: a formula's result, else the value itself."""
    return value.result if isinstance(value, Formula) else value


def to_json(value: Value | ErrorValue) -> Json | None:
    """Google's ExtendedValue of a value; None for a blank."""
    if value is None:
        return None
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, float):
        return {"numberValue": plain_number(value)}
    if isinstance(value, Formula):
        return {"formulaValue": value.text}
    return {"errorValue": {"type": value.type, "message": value.message}}


def plain_number(value: float) -> float | int:
    """The number as Google prints it: whole ones without a decimal point, where 64 bits hold them."""
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


def same(first: Value, second: Value) -> bool:
    """Whether two values are the same, TRUE and 1 told apart."""
    if isinstance(first, Formula) and isinstance(second, Formula):
        return first == second and type(first.result) is type(second.result)
    return type(first) is type(second) and first == second
