"""Enums: text, with a list of the labels to pick from."""

from dataclasses import dataclass

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types.base import PLAIN_TEXT, ColumnType, DropDown, NumberFormat, PgType
from tabstream.core.types.cell_text import clean, fitted, in_words
from tabstream.core.types.text import as_text, displayed
from tabstream.errors import NotAccepted


@dataclass(frozen=True, slots=True)
class Enum:
    """One of `labels`, which keep the order that the database gives them."""

    labels: tuple[str, ...]
    read_only: bool = False
    number_format: NumberFormat | None = PLAIN_TEXT

    @property
    def validation(self) -> DropDown | None:
        """The labels."""
        return DropDown(self.labels)

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType."""
        return fitted(text)

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType. A label that looks like a number or a date is taken as shown."""
        return clean(displayed(cell))

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        text = as_text(value)
        if text is None or text in self.labels:
            return text
        if text.strip() in self.labels:
            return text.strip()
        raise NotAccepted(f"{in_words(text)} is not one of: {', '.join(self.labels)}")


def enum_type(pg_type: PgType) -> ColumnType:
    """The column type of an enum whose labels are in `pg_type`."""
    return Enum(pg_type.labels, pg_type.read_only)
