"""A tab with rows of its own, made one that its owner knows: the requests of first contact, and those of the last."""

from collections.abc import Mapping, Sequence
from functools import partial

from consumers.sheet_sink.columns import SYNC_WARNING, dress, sync_column
from consumers.sheet_sink.scratch import SCRATCH_SHEET_ID
from tabstream.core.binding import SYNC_HEADER, BoundColumn
from tabstream.core.cells import ObservedCell
from tabstream.core.first_contact import Preparation
from tabstream.core.marks import encode_mark
from tabstream.core.notes import has_message, with_message
from tabstream.core.tab import read_headers
from tabstream.core.watermark import METADATA_KEY, decode_watermark
from tabstream.sheets import requests as build
from tabstream.sheets.answers import TabView
from tabstream.sheets.requests import CellData, Request
from tabstream.sheets.updates import coalesce_updates


def adoption(
    tab: TabView, free: int, columns: Mapping[str, int], added: Sequence[BoundColumn], prepared: Preparation
) -> list[Request]:
    """Columns that are added and `_sync` at the right of everything, from column `free` on, and the marks.

    Nothing that people have in the tab changes but key cells that the table spells otherwise. The watermark is the caller's.
    """
    sheet_id, sync = tab.sheet_id, free + len(added)
    # Inserted, not taken: what somebody types there meanwhile moves to the right.
    at_the_end = free >= tab.column_count
    grow = build.append_columns if at_the_end else partial(build.insert_columns, start=free)
    requests: list[Request] = [grow(sheet_id, count=len(added) + 1)]
    if tab.row_count < 2:
        requests.append(build.append_rows(sheet_id, 2 - tab.row_count))
    for at, column in enumerate(added, free):
        requests.append(build.update_cells(sheet_id, 0, at, [[build.cell(column.header)]]))
        requests += dress(sheet_id, at, column)
    requests += sync_column(sheet_id, sync)
    cells: list[tuple[int, int, CellData]] = [
        (row, sync, build.cell(encode_mark(mark))) for row, mark in prepared.marks.items()
    ]
    cells += [(row, columns[name], build.cell(value)) for row, name, value in prepared.spelled]
    return requests + coalesce_updates(sheet_id, cells)


def leaving(
    tab: TabView, rows: Mapping[int, Sequence[ObservedCell]], binding: str, keep_marks: bool, is_last: bool
) -> list[Request]:
    """Takes out of a tab what is tabstream's: notes, and unless `keep_marks` the column `_sync`, its protection and the
    watermark of the binding. With the spreadsheet's last binding the hidden tab goes too.

    `rows` are all rows of the tab, as they were read just now.
    """
    sheet_id = tab.sheet_id
    notes: list[tuple[int, int, CellData]] = [
        (row, at, build.cell(note=with_message(cell.note, None)))
        for row, cells in rows.items()
        for at, cell in enumerate(cells)
        if has_message(cell.note)
    ]
    requests = coalesce_updates(sheet_id, notes)
    if keep_marks:
        return requests
    requests += [build.delete_protection(p.id) for p in tab.protections if p.description == SYNC_WARNING]
    for entry in tab.metadata:
        mark = decode_watermark(entry.value) if entry.key == METADATA_KEY else None
        if entry.key == METADATA_KEY and (mark is None or mark.binding == binding):
            requests.append(build.delete_metadata(entry.id))
    sync = read_headers(rows.get(0, ())).places.get(SYNC_HEADER)
    if sync is not None:
        requests.append(build.delete_column(sheet_id, sync))
    if is_last:
        requests.append(build.delete_tab(SCRATCH_SHEET_ID))
    return requests
