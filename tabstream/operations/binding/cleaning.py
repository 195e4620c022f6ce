"""Taking out of a tab what is tabstream's: marks, notes, the watermark. Rows and people's own things stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from consumers.sheet_sink.adopting import leaving
from consumers.sheet_sink.opening import Opener, refuse_newer
from consumers.sheet_sink.scratch import SCRATCH_SHEET_ID
from tabstream.core.binding import SYNC_HEADER, Binding, Direction, TableShape
from tabstream.core.cells import ObservedCell
from tabstream.core.marks import Mark, NewRow
from tabstream.core.plan import seen_cells
from tabstream.core.tab import ObservedRow, read_headers, read_layout, read_row
from tabstream.errors import BindingProblem, OperatorError
from tabstream.operations.audit import find_tab
from tabstream.operations.binding.doors import Doors, no_stop
from tabstream.postgres.shape import read_shape
from tabstream.sheets.answers import SheetView, TabView
from tabstream.sheets.errors import FenceLost, SpreadsheetMissing
from tabstream.sheets.pages import read_pages, read_structure

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Marked:
    """A bound tab as it was read: its cells by row, and how many edits and new rows in it have no answer yet."""

    view: SheetView
    tab: TabView
    rows: Mapping[int, Sequence[ObservedCell]]
    has_marks: bool
    unanswered: int


def read_marked(doors: Doors, binding: Binding) -> Marked | None:
    """The tab with all its rows; None where there is no such spreadsheet or tab any more. Raises BindingProblem, Outage."""
    try:
        view = read_structure(doors.client, binding.spreadsheet_id)
    except SpreadsheetMissing:
        return None
    try:
        tab = find_tab(view, binding)
    except BindingProblem:
        return None
    refuse_newer(tab, binding)
    rows: dict[int, Sequence[ObservedCell]] = {}
    for _, page in read_pages(doors.client, binding.spreadsheet_id, tab):
        rows |= page.rows
    has_marks = SYNC_HEADER in read_headers(rows.get(0, ())).places
    return Marked(view, tab, rows, has_marks, _unanswered(doors, binding, view, rows) if has_marks else 0)


def clean(doors: Doors, binding: Binding, is_last: bool, keep_marks: bool = False) -> bool:
    """Cleans the tab in one call; False where there is none any more. `is_last`: no other tab of the spreadsheet is bound.

    Raises BindingProblem, Outage, or OperatorError where people have moved columns at the same moment.
    """
    trying = Retrying(retry=retry_if_exception_type(FenceLost), stop=stop_after_attempt(_TRIES), reraise=True)
    try:
        return trying(_clean, doors, binding, is_last, keep_marks)
    except FenceLost as problem:
        raise OperatorError("another instance writes this spreadsheet all the time", "stop the sheet sinks") from problem


def _clean(doors: Doors, binding: Binding, is_last: bool, keep_marks: bool) -> bool:
    marked = read_marked(doors, binding)
    if marked is None:
        return False
    has_scratch = marked.view.tab_by_id(SCRATCH_SHEET_ID) is not None
    requests = leaving(marked.tab, marked.rows, binding.name, keep_marks, is_last and has_scratch)
    if requests:
        opener = Opener(binding.spreadsheet_id, doors.client, doors.services, no_stop())
        opener.fenced(requests)
    after = read_marked(doors, binding) if requests and not keep_marks else None
    if after is not None and after.has_marks:
        raise OperatorError(
            f"somebody moved columns of tab {marked.tab.title!r} while its column {SYNC_HEADER!r} was taken out",
            "another column may have gone instead: look at the tab, undo that by its version history, and run this again",
        )
    return True


def _unanswered(doors: Doors, binding: Binding, view: SheetView, rows: Mapping[int, Sequence[ObservedCell]]) -> int:
    if binding.direction is Direction.DATABASE_TO_SHEET:
        return 0
    try:
        with doors.database() as connection:
            shape = read_shape(connection, binding, view.zone)
        layout = read_layout(rows.get(0, ()), shape, binding.tab)
    except BindingProblem:
        return 0  # a table or a column is gone: nothing of it can be saved any more
    return sum(_open_in(read_row(at, cells, layout, shape), shape) for at, cells in rows.items() if at > 0)


def _open_in(row: ObservedRow, shape: TableShape) -> int:
    """How many cells of a row, or rows, wait for an answer."""
    if row.blank:
        return 0
    if isinstance(row.mark, Mark):
        return len(seen_cells(row, row.mark, shape))
    return int(row.mark is None or isinstance(row.mark, NewRow))
