"""Columns that the table has gained, lost or changed, brought to the tab."""

from collections.abc import Sequence

from tabstream.core.binding import SYNC_HEADER, BoundColumn
from tabstream.core.cells import ObservedCell
from tabstream.core.columns import ColumnChanges
from tabstream.core.notes import with_message
from tabstream.sheets import formats
from tabstream.sheets import requests as build
from tabstream.sheets.requests import Request
from tabstream.sheets.updates import coalesce_updates

SYNC_WARNING = "tabstream keeps its marks here: a change here can make a row be taken for another one"
DROPPED_MESSAGE = "this column is no longer in the table, and not synced"


def dress(sheet_id: int, index: int, column: BoundColumn) -> list[Request]:
    """Format, validation and colour of a column, to the end of the grid."""
    requests = [formats.format_column(sheet_id, index, column.type.number_format)]
    rule = None if column.read_only else column.type.validation
    requests.append(formats.validate_column(sheet_id, index, rule))
    if column.read_only or column.type.read_only:
        requests.append(formats.grey_column(sheet_id, index))
    return requests


def sync_column(sheet_id: int, index: int) -> list[Request]:
    """The column of the marks: its header, hidden, and people are warned before they change it."""
    return [
        build.update_cells(sheet_id, 0, index, [[build.cell(SYNC_HEADER)]]),
        formats.hide_column(sheet_id, index),
        build.protect_column(sheet_id, index, SYNC_WARNING),
    ]


def change_columns(sheet_id: int, header: Sequence[ObservedCell], changes: ColumnChanges) -> list[Request]:
    """New columns appear at the right of the bound ones, before `_sync`, unless their header stands in the tab already.

    A lost one stays where it is, with a note; a changed one is dressed anew.
    """
    places = {cell.shown: at for at, cell in reversed(list(enumerate(header)))}
    requests: list[Request] = []
    for text in changes.dropped:
        if text in places:
            note = with_message(header[places[text]].note, DROPPED_MESSAGE)
            requests += coalesce_updates(sheet_id, [(0, places[text], build.cell(note=note))])
    for column in (*changes.added, *changes.retyped):
        if column.header in places:
            at = places[column.header]
            note = with_message(header[at].note, None)
            requests += coalesce_updates(sheet_id, [(0, at, build.cell(note=note))])
            requests += dress(sheet_id, at, column)
    fresh = [column for column in changes.added if column.header not in places]
    if fresh:
        start = places[SYNC_HEADER]
        span = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": start, "endIndex": start + len(fresh)}
        requests.append({"insertDimension": {"range": span, "inheritFromBefore": start > 0}})
        requests.append(build.update_cells(sheet_id, 0, start, [[build.cell(c.header) for c in fresh]]))
        for index, column in enumerate(fresh):
            requests += dress(sheet_id, start + index, column)
    return requests
