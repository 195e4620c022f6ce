"""What a tab and a table have of each other, before anything is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from consumers.sheet_sink.opening import refuse_newer, watermark_of
from tabstream.core.binding import SYNC_HEADER, Binding, TableShape
from tabstream.core.cells import EMPTY_CELL, ObservedCell, RowKey
from tabstream.core.changes import RowValues
from tabstream.core.first_contact import (
    Choices,
    Columns,
    Contact,
    Question,
    find_columns,
    meet,
    only,
    questions,
    questions_of_columns,
)
from tabstream.core.tab import Layout, ObservedRow, read_headers, read_row
from tabstream.errors import OperatorError
from tabstream.operations.binding.doors import Doors, in_words
from tabstream.operations.sources import DatabaseSource
from tabstream.sheets.answers import SheetView, TabView
from tabstream.sheets.pages import read_pages, read_structure


class State(Enum):
    """What a tab is before it is bound: empty, somebody's with content of its own, or set up for this binding before."""

    EMPTY = "empty"
    OWN = "own rows"
    PREPARED = "set up"


@dataclass(frozen=True, slots=True)
class Found:
    """One look at both sides. `contact` is None where no rows were compared; `free` is the first column (0-based) at the right
    of everything. `keys` are those of the table."""

    view: SheetView
    tab: TabView
    shape: TableShape
    state: State
    columns: Columns
    free: int
    contact: Contact | None = None
    keys: frozenset[RowKey] = frozenset()
    questions: tuple[Question, ...] = ()


def look(doors: Doors, binding: Binding, choices: Choices) -> Found:
    """Reads the tab, then the table in one transaction. Raises Outage, or OperatorError where something is missing."""
    with in_words():
        view = read_structure(doors.client, binding.spreadsheet_id)
        tab = _tab(view, binding)
        cells = _cells(doors, view, tab)
        with DatabaseSource(doors.settings).look(binding, view.zone, None) as sight:
            columns = find_columns(cells.get(0, ()), sight.shape)
            free = max((_width(row) for row in cells.values()), default=0)
            found = Found(view, tab, sight.shape, _state(tab, cells, binding), columns, free)
            if found.state is not State.OWN:
                return found
            open_questions = [*questions_of_columns(columns, sight.shape, choices), *_merges(tab, columns)]
            if columns.doubled or any(column.name in sight.shape.key for column in columns.missing):
                return replace(found, questions=tuple(open_questions))
            there = only(sight.shape, columns.places)
            keys: set[RowKey] = set()
            contact = meet(_rows(cells, columns, free, there), _noting(sight.rows, keys), there)
    open_questions += questions(contact, choices, binding)
    return replace(found, contact=contact, keys=frozenset(keys), questions=tuple(open_questions))


def _tab(view: SheetView, binding: Binding) -> TabView:
    tab = view.tab(binding.tab)
    if tab is None:
        titles = ", ".join(repr(tab.title) for tab in view.tabs if not tab.hidden)
        raise OperatorError(f"spreadsheet {view.title!r} has no tab {binding.tab!r}", f"it has: {titles}")
    return tab


def _cells(doors: Doors, view: SheetView, tab: TabView) -> dict[int, Sequence[ObservedCell]]:
    cells: dict[int, Sequence[ObservedCell]] = {}
    for page, seen in read_pages(doors.client, view.id, tab):
        if (page.zone, page.locale) != (view.zone, view.locale):
            raise OperatorError("the spreadsheet's time zone or locale has changed meanwhile", "run it again")
        cells |= seen.rows
    return cells


def _state(tab: TabView, cells: Mapping[int, Sequence[ObservedCell]], binding: Binding) -> State:
    refuse_newer(tab, binding)
    has_marks = SYNC_HEADER in read_headers(cells.get(0, ())).places
    is_ours = watermark_of(tab, binding)[0] is not None
    if has_marks and is_ours:
        return State.PREPARED
    if has_marks or is_ours:
        what = (
            f"has a column {SYNC_HEADER!r}, but not of this binding" if has_marks else f"has lost its column {SYNC_HEADER!r}"
        )
        raise OperatorError(
            f"tab {tab.title!r} {what}",
            "undo what was done to it; or delete the column, and what else is left of an earlier binding goes by: "
            f"tabstream unbind {binding.name}"
            if is_ours
            else "bind it under its earlier name (--name), or delete that column",
        )
    content = any(cell.value is not None or cell.note for row in cells.values() for cell in row)
    return State.OWN if content else State.EMPTY


def _merges(tab: TabView, columns: Columns) -> Iterator[Question]:
    bound = set(columns.places.values())
    for merge in tab.merges:
        if any(merge.get("startColumnIndex", 0) <= c < merge.get("endColumnIndex", 1 << 30) for c in bound):
            row = merge.get("startRowIndex", 0) + 1
            yield Question(f"cells of columns to be bound are merged in row {row}", "unmerge them")


def _rows(
    cells: Mapping[int, Sequence[ObservedCell]], columns: Columns, free: int, shape: TableShape
) -> Iterator[ObservedRow]:
    layout = Layout(columns.places, free)
    for index, row in sorted(cells.items()):
        if index > 0:
            yield read_row(index, row, layout, shape)


def _noting(rows: Iterable[tuple[RowKey, RowValues]], keys: set[RowKey]) -> Iterator[tuple[RowKey, RowValues]]:
    for key, values in rows:
        keys.add(key)
        yield key, values


def _width(row: Sequence[ObservedCell]) -> int:
    return max((at + 1 for at, cell in enumerate(row) if cell != EMPTY_CELL), default=0)
