"""A tab as it was read: where its columns are, and what each row holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tabstream.core.binding import SYNC_HEADER, TableShape
from tabstream.core.cells import EMPTY_CELL, CellValue, ObservedCell, RowKey, digest, row_key
from tabstream.core.marks import AnyMark, DamagedMark, Mark, MarkedCell, decode_mark, mark_name
from tabstream.errors import BindingProblem


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the bound columns and the `_sync` column stand, as 0-based column indexes."""

    columns: Mapping[str, int]
    sync: int

    @property
    def width(self) -> int:
        """Columns from A to the rightmost that belongs to the binding."""
        return max(self.sync, *self.columns.values()) + 1


class ObservedRow(NamedTuple):
    """One row of the tab. `values` are canonical; `key` is None while a key cell is empty that should not be.

    `shown_only` are the columns that nobody can edit: what stands in them makes no row. `mark_name` names what stands in the
    `_sync` cell.
    """

    row: int
    cells: Mapping[str, ObservedCell]
    values: Mapping[str, CellValue]
    mark: AnyMark | None
    damaged: bool
    key: RowKey | None
    shown_only: frozenset[str] = frozenset()
    mark_name: str = ""

    @property
    def blank(self) -> bool:
        """True where all cells that can be edited are empty; clearing a check box leaves FALSE."""
        return all(v is None or v is False for name, v in self.values.items() if name not in self.shown_only)


@dataclass(frozen=True, slots=True)
class Headers:
    """The texts of a header row: where each stands first (0-based), and which stand more than once."""

    places: Mapping[str, int]
    doubled: frozenset[str]


def read_headers(header: Sequence[ObservedCell]) -> Headers:
    """Reads a header row as a person sees it."""
    places: dict[str, int] = {}
    doubled: set[str] = set()
    for index, cell in enumerate(header):
        if cell.shown in places:
            doubled.add(cell.shown)
        elif cell.shown:
            places[cell.shown] = index
    return Headers(places, frozenset(doubled))


def read_layout(header: Sequence[ObservedCell], shape: TableShape, tab: str) -> Layout:
    """Finds the columns by their header texts; raises BindingProblem where one is missing or stands twice."""
    headers = read_headers(header)
    found = headers.places
    wanted = {column.header for column in shape.columns} | {SYNC_HEADER}
    if twice := wanted & headers.doubled:
        raise BindingProblem(
            f"tab {tab!r} has more than one column headed {sorted(twice)}",
            "rename or delete all but one of them",
        )
    if missing := wanted - set(found):
        raise BindingProblem(
            f"tab {tab!r} has no column headed {sorted(missing)}",
            "put the header text back (undo the renaming or the deletion of the column)",
        )
    return Layout({column.name: found[column.header] for column in shape.columns}, found[SYNC_HEADER])


def read_row(row: int, cells: Sequence[ObservedCell], layout: Layout, shape: TableShape) -> ObservedRow:
    """Reads one row; `cells` start at column A and may be shorter than the tab is wide."""
    observed = {name: cells[i] if i < len(cells) else EMPTY_CELL for name, i in layout.columns.items()}
    mark: AnyMark | None = None
    damaged = False
    sync = cells[layout.sync] if layout.sync < len(cells) else EMPTY_CELL
    text = "" if sync.value is None else str(sync.value)
    try:
        mark = decode_mark(text)
    except DamagedMark:
        damaged = True
    values = _values(observed, mark.cells if isinstance(mark, Mark) else {}, shape)
    key_cells = [values[name] for name in shape.key]
    key: RowKey | None = row_key(key_cells)
    # Empty text in a key is an empty cell: the mark tells it from a key that is not typed yet.
    if None in key_cells and not (isinstance(mark, Mark) and mark.key == key):
        key = None
    return ObservedRow(row, observed, values, mark, damaged, key, shape.shown_only, mark_name(text))


def stored_otherwise(cell: ObservedCell, value: CellValue) -> bool:
    """A number kept as text, or text kept as a number, is written in its own kind; a formula is a person's."""
    return isinstance(cell.value, str) != isinstance(value, str) and cell.value is not None and not cell.formula


def _values(observed: Mapping[str, ObservedCell], marked: Mapping[str, MarkedCell], shape: TableShape) -> dict[str, CellValue]:
    """The cells as their columns read them. One that holds to the letter what was written is that, also where it would be
    read otherwise now: a time with its offset after the spreadsheet's zone has changed is nobody's edit."""
    found = {}
    for column in shape.columns:
        name, cell = column.name, observed[column.name]
        written = None if name in shape.key else marked.get(name)
        as_written = written is not None and written.digest == digest(cell.value)
        found[name] = cell.value if as_written else column.type.from_cell(cell)
    return found
