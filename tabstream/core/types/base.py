"""What a column type does: the same canonical value from every path, and back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tabstream.core.cells import CellValue, ObservedCell


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """A format of the Sheets API: `type` is TEXT, NUMBER, DATE, TIME or DATE_TIME; `pattern` may be empty."""

    type: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class CheckBox:
    """The cell is a check box."""


@dataclass(frozen=True, slots=True)
class DropDown:
    """The cell offers these texts; a value outside them is shown with a warning, not refused."""

    labels: tuple[str, ...]


class ColumnType(Protocol):
    """One PostgreSQL type family under tabstream's mapping."""

    @property
    def number_format(self) -> NumberFormat | None:
        """How the whole column is formatted, None for Google's automatic format."""

    @property
    def validation(self) -> CheckBox | DropDown | None:
        """The data validation of the whole column."""

    @property
    def read_only(self) -> bool:
        """True where no edit is accepted, because the way back would lose something."""

    def from_text(self, text: str | None) -> CellValue:
        """The canonical cell value of PostgreSQL's or Debezium's text for a value; None is NULL."""

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """The canonical cell value of what stands in the sheet. Never fails: an unfit value stays what it is."""

    def to_database(self, value: CellValue) -> str | None:
        """The text that PostgreSQL reads back as this value; raises NotAccepted with a reason in plain words."""


@dataclass(frozen=True, slots=True)
class PgType:
    """A column's type as PostgreSQL names it, taken apart: `numeric(10,2)` is `numeric` with the modifiers 10 and 2.

    `zone` is the spreadsheet's IANA time zone; `labels` are an enum's labels in their order, else empty.
    """

    name: str
    modifiers: tuple[int, ...] = ()
    nullable: bool = True
    zone: str = "Etc/GMT"
    labels: tuple[str, ...] = ()
    read_only: bool = False


Builder: TypeAlias = Callable[[PgType], ColumnType]

PLAIN_TEXT = NumberFormat("TEXT", "@")
