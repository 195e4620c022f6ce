"""The workbook: an immutable value. Whoever changes it gets another one that shares what stayed the same.

So a batch is atomic by keeping the old workbook until all of it has been applied, readers need no lock, and an older
version costs nothing to keep. How the parts change lies beside: `cells`, `dimensions`, `tabs`, `formulas`; `revert` undoes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, NamedTuple

from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import Rect
from sheets_emulator.model.rows import Row, Rows, blank_rows, new_identity
from sheets_emulator.model.values import Cell

DEFAULT_ROWS, DEFAULT_COLUMNS = 1000, 26
MAX_CELLS = 10_000_000
MAX_COLUMNS = 18_278
MAX_CHARACTERS = 50_000


class Column(NamedTuple):
    """A column's dimension properties; `identity` as in Row."""

    identity: int
    hidden: bool = False
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Protection:
    """A protected range. `rest` holds what is only stored (editors, unprotectedRanges, ...)."""

    id: int
    rect: Rect
    description: str | None = None
    warning_only: bool = False
    rest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Developer metadata of a spreadsheet, a tab, or (`dimension` set) of its rows or columns `start` to before `end`."""

    id: int
    key: str
    value: str | None = None
    visibility: str = "DOCUMENT"
    dimension: str | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class NamedRange:
    """A name for a range of one tab."""

    id: str
    name: str
    sheet_id: int
    rect: Rect


@dataclass(frozen=True, slots=True)
class Sheet:
    """One tab. `stored` keeps what has no behaviour here (colours, bandings, conditional formats), by Google's name."""

    id: int
    title: str
    rows: Rows
    columns: tuple[Column, ...]
    hidden: bool = False
    frozen_rows: int = 0
    frozen_columns: int = 0
    merges: tuple[Rect, ...] = ()
    basic_filter: Mapping[str, Any] | None = None
    protections: tuple[Protection, ...] = ()
    metadata: tuple[Metadata, ...] = ()
    stored: Mapping[str, Any] = field(default_factory=dict)

    @property
    def row_count(self) -> int:
        """Rows of the grid, blank ones included."""
        return len(self.rows)

    @property
    def column_count(self) -> int:
        """Columns of the grid, blank ones included."""
        return len(self.columns)

    def row(self, index: int) -> Row:
        """The row at an index; IndexError past the grid."""
        return self.rows[index]

    def cell(self, row: int, column: int) -> Cell:
        """The cell at an index, blank where nothing is."""
        return self.rows[row].cell(column)

    def used_rows(self) -> int:
        """The number of rows up to the last one that holds a value."""
        end = len(self.rows)
        for block in reversed(self.rows.blocks):
            for offset in range(len(block.rows) - 1, -1, -1):
                if any(value is not None for value in block.rows[offset].values):
                    return end - len(block.rows) + offset + 1
            end -= len(block.rows)
        return 0


@dataclass(frozen=True, slots=True)
class Workbook:
    """A spreadsheet. `version` counts its changes, from 1; sheets are in the order of their tabs."""

    id: str
    title: str = "Untitled spreadsheet"
    locale: str = "en_US"
    zone: str = "Etc/GMT"
    auto_recalc: str = "ON_CHANGE"
    sheets: tuple[Sheet, ...] = ()
    named_ranges: tuple[NamedRange, ...] = ()
    metadata: tuple[Metadata, ...] = ()
    version: int = 1

    def sheet(self, sheet_id: int) -> Sheet:
        """The tab of an id; Refused as Google refuses it."""
        for sheet in self.sheets:
            if sheet.id == sheet_id:
                return sheet
        raise Refused(f"No grid with id: {sheet_id}")

    def has_sheet(self, sheet_id: int) -> bool:
        """Whether a tab has this id."""
        return any(sheet.id == sheet_id for sheet in self.sheets)

    def titled(self, title: str) -> Sheet | None:
        """The tab of a title, in any case of letters as Google matches them."""
        wanted = title.casefold()
        return next((sheet for sheet in self.sheets if sheet.title.casefold() == wanted), None)

    def index_of(self, sheet_id: int) -> int:
        """The position of a tab."""
        return next(index for index, sheet in enumerate(self.sheets) if sheet.id == sheet_id)

    def with_sheet(self, changed: Sheet) -> "Workbook":
        """The workbook with the tab of the same id replaced."""
        return replace(self, sheets=tuple(changed if sheet.id == changed.id else sheet for sheet in self.sheets))

    @property
    def cell_count(self) -> int:
        """Cells of all grids, blank ones included: what counts towards the limit."""
        return sum(sheet.row_count * sheet.column_count for sheet in self.sheets)


def new_columns(number: int) -> tuple[Column, ...]:
    """Columns as a new grid has them."""
    return tuple(Column(new_identity()) for _ in range(number))


def new_sheet(sheet_id: int, title: str, rows: int = DEFAULT_ROWS, columns: int = DEFAULT_COLUMNS) -> Sheet:
    """A blank tab."""
    return Sheet(sheet_id, title, Rows.of(blank_rows(rows)), new_columns(columns))


def new_workbook(workbook_id: str, title: str = "Untitled spreadsheet") -> Workbook:
    """A spreadsheet as Google makes it: locale en_US, zone Etc/GMT, one tab Sheet1 of 1000 x 26."""
    return Workbook(workbook_id, title, sheets=(new_sheet(0, "Sheet1"),))


def free_title(workbook: Workbook) -> str:
    """The title that a tab without one gets: `Sheet2`."""
    return next(title for number in count(len(workbook.sheets) + 1) if workbook.titled(title := f"Sheet{number}") is None)
