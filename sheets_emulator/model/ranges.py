"""Rectangles of cells, and how they follow their cells when rows or columns come, go and move."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sheets_emulator.model.values import Json

ROWS, COLUMNS = "ROWS", "COLUMNS"


class Rect(NamedTuple):
    """A rectangle: 0-based, half-open; None where it is open, so that it covers all rows or columns to come."""

    start_row: int | None = None
    end_row: int | None = None
    start_column: int | None = None
    end_column: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it covers the whole tab."""
        return self == WHOLE

    def clipped(self, rows: int, columns: int) -> "Area":
        """The rectangle within a grid of that size; may be empty."""
        return Area(
            min(self.start_row or 0, rows),
            rows if self.end_row is None else min(self.end_row, rows),
            min(self.start_column or 0, columns),
            columns if self.end_column is None else min(self.end_column, columns),
        )

    def span(self, dimension: str) -> tuple[int | None, int | None]:
        """Its start and end along a dimension."""
        return (self.start_row, self.end_row) if dimension == ROWS else (self.start_column, self.end_column)

    def with_span(self, dimension: str, start: int | None, end: int | None) -> "Rect":
        """The rectangle with another start and end along a dimension."""
        if dimension == ROWS:
            return self._replace(start_row=start, end_row=end)
        return self._replace(start_column=start, end_column=end)


class Area(NamedTuple):
    """A rectangle with all four sides known."""

    start_row: int
    end_row: int
    start_column: int
    end_column: int

    @property
    def height(self) -> int:
        """Rows."""
        return max(self.end_row - self.start_row, 0)

    @property
    def width(self) -> int:
        """Columns."""
        return max(self.end_column - self.start_column, 0)

    @property
    def is_empty(self) -> bool:
        """Whether it holds no cell."""
        return not (self.height and self.width)

    def overlaps(self, other: "Area") -> bool:
        """Whether they share a cell."""
        return (
            self.start_row < other.end_row
            and other.start_row < self.end_row
            and self.start_column < other.end_column
            and other.start_column < self.end_column
        )

    def contains(self, other: "Area") -> bool:
        """Whether every cell of the other is one of this."""
        return (
            self.start_row <= other.start_row
            and other.end_row <= self.end_row
            and self.start_column <= other.start_column
            and other.end_column <= self.end_column
        )


WHOLE = Rect()


def from_json(data: Mapping[str, Any]) -> Rect:
    """The rectangle of a GridRange; its tab is the caller's business."""
    return Rect(data.get("startRowIndex"), data.get("endRowIndex"), data.get("startColumnIndex"), data.get("endColumnIndex"))


def to_json(sheet_id: int, rect: Rect | Area) -> Json:
    """The GridRange as Google answers it: open sides and a sheetId of 0 are left out (proto-JSON leaves out zeros)."""
    data: Json = {"sheetId": sheet_id} if sheet_id else {}
    names = ("startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex")
    data.update({name: side for name, side in zip(names, rect, strict=True) if side is not None})
    return data


def after_insert(rect: Rect, dimension: str, at: int, count: int) -> Rect:
    """Where the rectangle is after `count` rows or columns came before `at`: one that they fall into grows."""
    start, end = rect.span(dimension)
    if start is not None and start >= at:
        start += count
    if end is not None and end > at:
        end += count
    return rect.with_span(dimension, start, end)


def after_delete(rect: Rect, dimension: str, first: int, last: int) -> Rect | None:
    """Where the rectangle is after the rows or columns from `first` to before `last` went; None if it went with them."""
    start, end = rect.span(dimension)
    if end is not None and (start or 0) >= first and end <= last:
        return None
    if start is not None:
        start = moved_by_delete(start, first, last)
    if end is not None:
        end = moved_by_delete(end, first, last)
    return rect.with_span(dimension, start, end)


def moved_by_delete(index: int, first: int, last: int) -> int:
    """Where an index is after those from `first` to before `last` went."""
    if index >= last:
        return index - (last - first)
    return min(index, first)


def moved_index(index: int, first: int, last: int, to: int) -> int:
    """Where an index is after those from `first` to before `last` were moved before `to` (counted before the move)."""
    count = last - first
    if first <= index < last:
        return index + (to - first if to < first else to - last)
    if to <= index < first:
        return index + count
    if last <= index < to:
        return index - count
    return index


def after_move(rect: Rect, dimension: str, first: int, last: int, to: int) -> Rect:
    """Where the rectangle is after a move: it follows when it was moved whole, else its ends follow their cells."""
    start, end = rect.span(dimension)
    if start is None or end is None:
        return rect
    new_start, new_end = moved_index(start, first, last, to), moved_index(end - 1, first, last, to) + 1
    if new_start >= new_end:
        return rect
    return rect.with_span(dimension, new_start, new_end)
