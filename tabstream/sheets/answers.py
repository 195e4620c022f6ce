"""What `spreadsheets.get` answers, read into plain values.

Google leaves out whatever is empty, zero or false, so any field may be absent. Rows and columns are 0-based.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tabstream.core.cells import EMPTY_CELL, ObservedCell, number, observed_cell
from tabstream.sheets.ranges import whole_tab


@dataclass(frozen=True, slots=True)
class Protection:
    """A protected range. `bounds` is its GridRange object, empty for one that stands on a named range."""

    id: int
    description: str
    whole_tab: bool
    warning_only: bool
    bounds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Metadata:
    """An entry of developer metadata."""

    id: int
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class CellBlock:
    """The cells of one asked range from its corner on; rows are as long as they have cells, missing ones are blank."""

    start_row: int
    start_column: int
    rows: Sequence[Sequence[ObservedCell]]


@dataclass(frozen=True, slots=True)
class TabView:
    """One tab. `merges` are GridRange objects; `blocks` stand in the order in which the ranges were asked."""

    sheet_id: int
    title: str
    index: int
    hidden: bool
    row_count: int
    column_count: int
    frozen_rows: int
    protections: tuple[Protection, ...]
    metadata: tuple[Metadata, ...]
    merges: tuple[Mapping[str, int], ...]
    blocks: tuple[CellBlock, ...]

    @property
    def rows(self) -> dict[int, Sequence[ObservedCell]]:
        """The cells of all blocks that begin in column A, by row; rows that no block has are absent."""
        return {
            block.start_row + i: cells
            for block in self.blocks
            if block.start_column == 0
            for i, cells in enumerate(block.rows)
        }

    @property
    def protection(self) -> Protection | None:
        """The protection of the whole tab; there is at most one."""
        return next((protection for protection in self.protections if protection.whole_tab), None)


@dataclass(frozen=True, slots=True)
class SheetView:
    """A spreadsheet, as far as it was asked for."""

    id: str
    title: str
    locale: str
    zone: str
    metadata: tuple[Metadata, ...]
    tabs: tuple[TabView, ...]

    def tab(self, title: str) -> TabView | None:
        """The tab of this title."""
        return next((tab for tab in self.tabs if tab.title == title), None)

    def tab_by_id(self, sheet_id: int) -> TabView | None:
        """The tab of this id, whatever it is called now."""
        return next((tab for tab in self.tabs if tab.sheet_id == sheet_id), None)

    @property
    def cells(self) -> int:
        """Cells of all grids, blank ones included, as Google counts them for its limit."""
        return sum(tab.row_count * tab.column_count for tab in self.tabs)


def read_spreadsheet(body: Mapping[str, Any]) -> SheetView:
    """Reads the body of `spreadsheets.get` or `getByDataFilter`, masked or not."""
    properties = body.get("properties") or {}
    return SheetView(
        id=body.get("spreadsheetId", ""),
        title=properties.get("title", ""),
        locale=properties.get("locale", ""),
        zone=properties.get("timeZone", ""),
        metadata=_metadata(body),
        tabs=tuple(_tab(sheet) for sheet in body.get("sheets") or ()),
    )


def added_protection(body: Mapping[str, Any], index: int) -> int:
    """The id that Google chose for the addProtectedRange at `index` of a batch. Raises ValueError if there is none."""
    replies = body.get("replies") or []
    try:
        return int(replies[index]["addProtectedRange"]["protectedRange"]["protectedRangeId"])
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError(f"reply {index!r} of the batch names no new protection: {replies[index : index + 1]!r}") from error


def read_cells(rows: Sequence[Mapping[str, Any]]) -> list[list[ObservedCell]]:
    """Reads RowData objects; the same as `observed_cell` for each cell, with a short way for text and numbers."""
    return [[_cell(data) for data in row["values"]] if "values" in row else [] for row in rows]


def _cell(data: Mapping[str, Any]) -> ObservedCell:
    if not data:
        return EMPTY_CELL
    if "userEnteredValue" in data or "note" in data:
        return observed_cell(data)
    effective = data.get("effectiveValue")
    if not effective:
        return observed_cell(data)
    value = effective.get("stringValue")
    if value:
        return ObservedCell(value, data.get("formattedValue", ""))
    if "numberValue" in effective:
        return ObservedCell(number(effective["numberValue"]), data.get("formattedValue", ""))
    return observed_cell(data)


def _tab(sheet: Mapping[str, Any]) -> TabView:
    properties = sheet.get("properties") or {}
    grid = properties.get("gridProperties") or {}
    return TabView(
        sheet_id=properties.get("sheetId", 0),
        title=properties.get("title", ""),
        index=properties.get("index", 0),
        hidden=properties.get("hidden", False),
        row_count=grid.get("rowCount", 0),
        column_count=grid.get("columnCount", 0),
        frozen_rows=grid.get("frozenRowCount", 0),
        protections=tuple(_protection(p) for p in sheet.get("protectedRanges") or ()),
        metadata=_metadata(sheet),
        merges=tuple(sheet.get("merges") or ()),
        blocks=tuple(_block(data) for data in sheet.get("data") or ()),
    )


def _block(data: Mapping[str, Any]) -> CellBlock:
    return CellBlock(data.get("startRow", 0), data.get("startColumn", 0), read_cells(data.get("rowData") or ()))


def _protection(data: Mapping[str, Any]) -> Protection:
    bounds = data.get("range") or {}
    return Protection(
        id=data.get("protectedRangeId", 0),
        description=data.get("description", ""),
        whole_tab="namedRangeId" not in data and whole_tab(bounds),
        warning_only=data.get("warningOnly", False),
        bounds=bounds,
    )


def _metadata(owner: Mapping[str, Any]) -> tuple[Metadata, ...]:
    entries = owner.get("developerMetadata") or ()
    return tuple(Metadata(e.get("metadataId", 0), e.get("metadataKey", ""), e.get("metadataValue", "")) for e in entries)
