"""The rows of a sheet as an immutable sequence of shared blocks.

A change gives a new sequence that shares every block it did not touch, so a write to ten rows of 300,000 costs ten blocks,
an older state can be kept for nothing, and two states are compared by walking the blocks they do not share.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from typing import NamedTuple, TypeVar

from sheets_emulator.model.values import PLAIN, Cell, Formula, Style, Value

BLOCK_ROWS = 128
T = TypeVar("T")
_identities = count(1)


class Row(NamedTuple):
    """One row: its cells from column A on, trailing blanks left out, and its dimension properties.

    `identity` tells the row from others of its sheet wherever it moves; it means nothing outside of this process.
    """

    identity: int
    values: tuple[Value, ...] = ()
    styles: tuple[Style, ...] = ()
    hidden: bool = False
    size: int | None = None

    def cell(self, column: int) -> Cell:
        """The cell of a column; blank past the end."""
        value = self.values[column] if column < len(self.values) else None
        style = self.styles[column] if column < len(self.styles) else PLAIN
        return Cell(value, style)

    def with_cells(self, start: int, cells: Sequence[Cell]) -> "Row":
        """The row with the cells from column `start` on replaced."""
        values = replaced(self.values, start, [cell.value for cell in cells], None)
        styles = replaced(self.styles, start, [cell.style for cell in cells], PLAIN)
        return self._replace(values=values, styles=styles)

    def with_values(self, start: int, values: Sequence[Value]) -> "Row":
        """The row with other values from column `start` on; the styles stay."""
        return self._replace(values=replaced(self.values, start, values, None))

    @property
    def has_formula(self) -> bool:
        """Whether any of its cells is a formula."""
        return any(type(value) is Formula for value in self.values)


def new_identity() -> int:
    """An identity that no other row or column of this process has."""
    return next(_identities)


def blank_rows(number: int, styles: tuple[Style, ...] = ()) -> list[Row]:
    """New rows without values."""
    return [Row(identity, (), styles) for identity in islice(_identities, number)]


def replaced(line: tuple[T, ...], start: int, items: Sequence[T], blank: T) -> tuple[T, ...]:
    """The line with the items from `start` on replaced, grown as needed, trailing blanks cut."""
    filled = list(line)
    if start > len(filled):
        filled.extend([blank] * (start - len(filled)))
    filled[start : start + len(items)] = items
    return trimmed(filled, blank)


def trimmed(line: list[T], blank: T) -> tuple[T, ...]:
    """The line without its trailing blanks."""
    while line and line[-1] == blank:
        line.pop()
    return tuple(line)


def item_at(line: tuple[T, ...], index: int, blank: T) -> T:
    """The item at an index; blank past the end."""
    return line[index] if index < len(line) else blank


class Block:
    """A run of rows that never changes."""

    __slots__ = ("_formulas", "rows")

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.rows = rows
        self._formulas: bool | None = None

    @property
    def has_formula(self) -> bool:
        """Whether any of its rows has a formula; looked up once."""
        if self._formulas is None:
            self._formulas = any(row.has_formula for row in self.rows)
        return self._formulas


class Rows:
    """All rows of a sheet, in order. Every method that changes something gives a new sequence."""

    __slots__ = ("_ends", "blocks")

    def __init__(self, blocks: tuple[Block, ...], ends: tuple[int, ...] | None = None) -> None:
        self.blocks = blocks
        self._ends = _ends_of(blocks) if ends is None else ends

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Rows":
        """A sequence of these rows."""
        return cls(tuple(_cut(list(rows))))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Row]:
        for block in self.blocks:
            yield from block.rows

    def __getitem__(self, index: int) -> Row:
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = bisect_right(self._ends, index)
        return self.blocks[number].rows[index - self._begin(number)]

    def between(self, start: int, end: int) -> list[Row]:
        """The rows from `start` up to before `end`, clipped to what there is."""
        end = min(end, len(self))
        if start >= end:
            return []
        first, last = bisect_right(self._ends, start), bisect_right(self._ends, end - 1)
        begin = self._begin(first)
        if first == last:
            return list(self.blocks[first].rows[start - begin : end - begin])
        found = list(self.blocks[first].rows[start - begin :])
        for number in range(first + 1, last):
            found.extend(self.blocks[number].rows)
        found.extend(self.blocks[last].rows[: end - self._begin(last)])
        return found

    def spliced(self, start: int, end: int, rows: Sequence[Row]) -> "Rows":
        """The rows from `start` up to before `end` taken out, and `rows` put there."""
        if start == end and not rows:
            return self
        size = len(self)
        first = max(len(self.blocks) - 1, 0) if start >= size else bisect_right(self._ends, start)
        last = bisect_right(self._ends, end - 1) if end > start else first
        last = min(last, len(self.blocks) - 1)
        begin = self._begin(first)
        touched: list[Row] = []
        for number in range(first, last + 1):
            touched.extend(self.blocks[number].rows)
        touched[start - begin : end - begin] = rows
        if len(touched) < BLOCK_ROWS // 4 and last + 1 < len(self.blocks):
            last += 1
            touched.extend(self.blocks[last].rows)
        if len(rows) == end - start and first == last:
            middle = (Block(tuple(touched)),)
            return Rows(self.blocks[:first] + middle + self.blocks[first + 1 :], self._ends)
        return Rows(self.blocks[:first] + tuple(_cut(touched)) + self.blocks[last + 1 :])

    def formula_rows(self) -> Iterator[tuple[int, Row]]:
        """Index and row of every row with a formula."""
        begin = 0
        for block in self.blocks:
            if block.has_formula:
                for offset, row in enumerate(block.rows):
                    if row.has_formula:
                        yield begin + offset, row
            begin += len(block.rows)

    def _begin(self, number: int) -> int:
        return self._ends[number - 1] if number else 0


def _cut(rows: list[Row]) -> Iterator[Block]:
    size = len(rows) if len(rows) <= 2 * BLOCK_ROWS else BLOCK_ROWS
    for start in range(0, len(rows), size or 1):
        yield Block(tuple(rows[start : start + size]))


def _ends_of(blocks: tuple[Block, ...]) -> tuple[int, ...]:
    end = 0
    ends = []
    for block in blocks:
        end += len(block.rows)
        ends.append(end)
    return tuple(ends)
