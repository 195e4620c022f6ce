"""A whole tab, read in pages: no answer holds more cells than fit into memory many times over."""

from collections.abc import Iterator

from tabstream.errors import BindingProblem
from tabstream.sheets.answers import SheetView, TabView, read_spreadsheet
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.errors import InvalidRequest
from tabstream.sheets.fields import ROWS, STRUCTURE
from tabstream.sheets.ranges import grid_range

CELLS_A_PAGE = 60_000


def read_structure(client: SheetsClient, spreadsheet_id: str) -> SheetView:
    """The spreadsheet without its cells; one call."""
    return read_spreadsheet(client.get(spreadsheet_id, fields=STRUCTURE).body)


def read_pages(
    client: SheetsClient, spreadsheet_id: str, tab: TabView, cells_a_page: int = CELLS_A_PAGE
) -> Iterator[tuple[SheetView, TabView]]:
    """The tab's rows from the header to the end of the grid, a call a page; `tab` says how large the grid was.

    People may work in between: a row that moves may be seen twice or not at all. Raises BindingProblem where the tab has gone,
    or has become so small that a page is beyond its end.
    """
    height = max(1, cells_a_page // max(1, tab.column_count))
    start, row_count = 0, tab.row_count
    while start < row_count:
        is_last = start + height >= row_count
        rows = start, None if is_last else start + height
        try:
            answer = client.get_by_filter(
                spreadsheet_id, filters=[{"gridRange": grid_range(tab.sheet_id, rows, None)}], fields=ROWS
            )
        except InvalidRequest as problem:
            raise BindingProblem(
                f"tab {tab.title!r} can't be read from row {start + 1} on: {problem}",
                "run it again, if the tab was changed meanwhile",
            ) from problem
        view = read_spreadsheet(answer.body)
        seen = view.tab_by_id(tab.sheet_id)
        if seen is None:
            raise BindingProblem(f"tab {tab.title!r} was deleted", "undo the deletion, or take the binding out of the file")
        yield view, seen
        if is_last:
            return
        start, row_count = start + height, seen.row_count
