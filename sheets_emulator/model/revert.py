"""Undo: takes one change of a workbook back, out of a workbook that may have changed further since.

Rows and columns are told apart by their identity, so they are found wherever they are now. What the change deleted comes
back as it was, notes and hidden columns included; what it inserted goes; what it moved goes back behind the row that it
stood behind; each cell that it changed gets its old content. All else stays as it is now.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from sheets_emulator.model import dimensions, tabs
from sheets_emulator.model.calculation import recalculated
from sheets_emulator.model.ranges import COLUMNS, ROWS
from sheets_emulator.model.rows import Row
from sheets_emulator.model.values import Cell, Formula, same
from sheets_emulator.model.workbook import Column, Sheet, Workbook

T = TypeVar("T", Row, Column)


def reverted(workbook: Workbook, before: Workbook, after: Workbook) -> Workbook:
    """`workbook` without the change that made `before` into `after`. Raises Refused where that can't be, as when a tab's
    old title is taken."""
    for new in after.sheets:
        if not workbook.has_sheet(new.id) or not before.has_sheet(new.id):
            continue
        old, now = before.sheet(new.id), workbook.sheet(new.id)
        if old is new:
            continue
        workbook = _dimension(workbook, new.id, COLUMNS, old.columns, new.columns)
        workbook = _dimension(workbook, new.id, ROWS, _aligned(workbook.sheet(new.id), old, new), list(new.rows))
        workbook = workbook.with_sheet(_cells(workbook.sheet(new.id), old, new))
        workbook = _properties(workbook, old, new, now)
    return recalculated(workbook) if tabs.has_formulas(workbook) else workbook


def _properties(workbook: Workbook, old: Sheet, new: Sheet, now: Sheet) -> Workbook:
    sheet = workbook.sheet(new.id)
    if old.title != new.title and sheet.title == new.title:
        workbook = tabs.rename(workbook, sheet.id, old.title)
    if old.hidden != new.hidden and sheet.hidden == new.hidden:
        workbook = tabs.hide(workbook, sheet.id, old.hidden)
    sheet = workbook.sheet(new.id)
    if old.merges != new.merges and now.merges == new.merges:
        sheet = replace(sheet, merges=old.merges)
    if (now.frozen_rows, now.frozen_columns) == (new.frozen_rows, new.frozen_columns):
        sheet = replace(sheet, frozen_rows=old.frozen_rows, frozen_columns=old.frozen_columns)
    # Those that the change deleted with their rows or columns; the others follow their cells by themselves.
    lost = tuple(item for item in old.protections if item.id not in {kept.id for kept in new.protections})
    known = {item.id for item in sheet.protections}
    sheet = replace(sheet, protections=sheet.protections + tuple(item for item in lost if item.id not in known))
    lost_metadata = tuple(item for item in old.metadata if item.id not in {kept.id for kept in new.metadata})
    known = {item.id for item in sheet.metadata}
    sheet = replace(sheet, metadata=sheet.metadata + tuple(item for item in lost_metadata if item.id not in known))
    return workbook.with_sheet(sheet)


def _aligned(now: Sheet, old: Sheet, new: Sheet) -> list[Row]:
    """The rows as they were, those that the change deleted with their cells under the columns as they are now."""
    rows = list(old.rows)
    if [column.identity for column in now.columns] == [column.identity for column in old.columns]:
        return rows
    kept, columns = {row.identity for row in new.rows}, _Columns(now, old, new)
    return [row if row.identity in kept else columns.placed(row) for row in rows]


def _dimension(workbook: Workbook, sheet_id: int, dimension: str, old: Sequence[T], new: Sequence[T]) -> Workbook:
    old_ids, new_ids = [line.identity for line in old], [line.identity for line in new]
    if old_ids == new_ids:
        return workbook
    were, are = set(old_ids), set(new_ids)
    workbook = _removed(workbook, sheet_id, dimension, are - were)
    workbook = _restored(workbook, sheet_id, dimension, _gone_runs(old, are))
    kept_before = [identity for identity in old_ids if identity in are]
    kept_after = [identity for identity in new_ids if identity in were]
    return _moved_back(workbook, sheet_id, dimension, old_ids, _moved(kept_before, kept_after))


def _removed(workbook: Workbook, sheet_id: int, dimension: str, inserted: set[int]) -> Workbook:
    places = sorted(at for identity, at in _places(workbook, sheet_id, dimension).items() if identity in inserted)
    end = len(places)
    while end:
        begin = end - 1
        while begin and places[begin - 1] == places[begin] - 1:
            begin -= 1
        workbook = dimensions.delete(workbook, sheet_id, dimension, places[begin], places[end - 1] + 1)
        end = begin
    return workbook


def _gone_runs(old: Sequence[T], are: set[int]) -> list[tuple[list[int], list[T]]]:
    """Runs of lines that the change deleted, each with the identities that stood before it, the nearest last."""
    runs: list[tuple[list[int], list[T]]] = []
    for at, line in enumerate(old):
        if line.identity in are:
            continue
        if at and runs and runs[-1][1][-1] is old[at - 1]:
            runs[-1][1].append(line)
        else:
            runs.append(([earlier.identity for earlier in old[:at]], [line]))
    return runs


def _restored(workbook: Workbook, sheet_id: int, dimension: str, runs: Sequence[tuple[list[int], list[T]]]) -> Workbook:
    for earlier, lines in runs:
        places = _places(workbook, sheet_id, dimension)
        # Another undo may have brought them back already.
        missing = [line for line in lines if line.identity not in places]
        if not missing:
            continue
        at = next((places[identity] + 1 for identity in reversed(earlier) if identity in places), 0)
        workbook = dimensions.insert(workbook, sheet_id, dimension, at, len(missing), False)
        workbook = workbook.with_sheet(_put_back(workbook.sheet(sheet_id), at, missing))
    return workbook


def _put_back(sheet: Sheet, at: int, lines: Sequence[Row | Column]) -> Sheet:
    rows = [line for line in lines if isinstance(line, Row)]
    if rows:
        return replace(sheet, rows=sheet.rows.spliced(at, at + len(rows), rows))
    new = [line for line in lines if isinstance(line, Column)]
    return replace(sheet, columns=(*sheet.columns[:at], *new, *sheet.columns[at + len(new) :]))


def _moved_back(workbook: Workbook, sheet_id: int, dimension: str, old_ids: Sequence[int], moved: Sequence[int]) -> Workbook:
    taken = set(moved)
    for identity in moved:
        places = _places(workbook, sheet_id, dimension)
        if identity not in places:
            continue
        earlier = old_ids[: old_ids.index(identity)]
        anchor = next((item for item in reversed(earlier) if item in places and item not in taken), None)
        to = 0 if anchor is None else places[anchor] + 1
        taken.discard(identity)
        workbook = dimensions.move(workbook, sheet_id, dimension, places[identity], places[identity] + 1, to)
    return workbook


def _moved(before: Sequence[int], after: Sequence[int]) -> list[int]:
    """What changed places when one run of rows was moved: the shorter of the two runs that were swapped."""
    start, end = 0, len(before)
    while start < end and before[start] == after[start]:
        start += 1
    while end > start and before[end - 1] == after[end - 1]:
        end -= 1
    if start == end:
        return []
    split = before.index(after[start])
    first, second = list(before[start:split]), list(before[split:end])
    return first if len(first) <= len(second) else second


def _places(workbook: Workbook, sheet_id: int, dimension: str) -> dict[int, int]:
    sheet = workbook.sheet(sheet_id)
    lines: Sequence[Row | Column] = list(sheet.rows) if dimension == ROWS else sheet.columns
    return {line.identity: at for at, line in enumerate(lines)}


def _cells(sheet: Sheet, old: Sheet, new: Sheet) -> Sheet:
    # A block that both share holds nothing that changed: most of a large tab is skipped so.
    shared = {id(block) for block in old.rows.blocks} & {id(block) for block in new.rows.blocks}
    old_rows = {row.identity: row for block in old.rows.blocks if id(block) not in shared for row in block.rows}
    changed: dict[int, tuple[Row, Row]] = {}
    for block in new.rows.blocks:
        for row in () if id(block) in shared else block.rows:
            was = old_rows.get(row.identity)
            if was is not None and was is not row:
                changed[row.identity] = (was, row)
    if changed:
        columns = _Columns(sheet, old, new)
        for index, row in list(enumerate(sheet.rows)):
            if row.identity in changed:
                restored = columns.restore(row, *changed[row.identity])
                if restored is not row:
                    sheet = replace(sheet, rows=sheet.rows.spliced(index, index + 1, [restored]))
    return _column_properties(sheet, old, new)


class _Columns:
    """Where the columns of three versions of a tab are, by identity."""

    def __init__(self, now: Sheet, old: Sheet, new: Sheet) -> None:
        news = {column.identity: at for at, column in enumerate(new.columns)}
        nows = {column.identity: at for at, column in enumerate(now.columns)}
        # Place now, place before, place after; None after for a column that the change deleted.
        self._places = [
            (nows[column.identity], at, news.get(column.identity))
            for at, column in enumerate(old.columns)
            if column.identity in nows
        ]

    def placed(self, was: Row) -> Row:
        """A row of before, for the columns as they are now."""
        row = was._replace(values=(), styles=())
        for now, before, _ in self._places:
            row = row.with_cells(now, [was.cell(before)])
        return row

    def restore(self, row: Row, was: Row, became: Row) -> Row:
        """The row with what the change made of it taken back."""
        for now, before, after in self._places:
            cell = was.cell(before)
            if after is None or _differs(cell, became.cell(after)):
                row = row.with_cells(now, [cell])
        if was.hidden != became.hidden:
            row = row._replace(hidden=was.hidden)
        return row._replace(size=was.size) if was.size != became.size else row


def _column_properties(sheet: Sheet, old: Sheet, new: Sheet) -> Sheet:
    olds, news = ({column.identity: column for column in version.columns} for version in (old, new))

    def change(column: Column) -> Column:
        was, became = olds.get(column.identity), news.get(column.identity)
        return column if was is None or became is None or was == became else was

    columns = tuple(map(change, sheet.columns))
    return sheet if columns == sheet.columns else replace(sheet, columns=columns)


def _differs(first: Cell, second: Cell) -> bool:
    if first.style != second.style:
        return True
    if isinstance(first.value, Formula) and isinstance(second.value, Formula):
        return first.value.text != second.value.text
    return not same(first.value, second.value)
