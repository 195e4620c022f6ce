"""Booleans: a check box where the column is never empty, else a list of TRUE and FALSE."""

from collections.abc import Mapping
from dataclasses import dataclass

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types.base import Builder, CheckBox, ColumnType, DropDown, PgType
from tabstream.core.types.cell_text import fitted, in_words, kept
from tabstream.errors import NotAccepted

_WORDS = {
    "true": True,
    "t": True,
    "yes": True,
    "y": True,
    "on": True,
    "1": True,
    "false": False,
    "f": False,
    "no": False,
    "n": False,
    "off": False,
    "0": False,
}


@dataclass(frozen=True, slots=True)
class Boolean:
    """TRUE or FALSE; words for them stay text in the cell until the answer to the edit replaces them."""

    nullable: bool = True
    read_only: bool = False
    number_format: None = None

    @property
    def validation(self) -> CheckBox | DropDown | None:
        """A check box can't be empty, so a nullable column gets a list; TRUE picked from it is stored as a boolean."""
        return DropDown(("TRUE", "FALSE")) if self.nullable else CheckBox()

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        known = _WORDS.get(text.lower()) if text else None
        return fitted(text) if known is None else known

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType."""
        return kept(cell.value)

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        if value is None:
            return None
        meant = _meaning(value)
        if meant is None:
            raise NotAccepted(f"{in_words(value)} is not TRUE or FALSE")
        return "true" if meant else "false"


def _meaning(value: CellValue) -> bool | None:
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower())
    return bool(value) if value in (0, 1) else None


def _boolean(pg_type: PgType) -> ColumnType:
    return Boolean(pg_type.nullable, pg_type.read_only)


BUILDERS: Mapping[str, Builder] = {"boolean": _boolean}
