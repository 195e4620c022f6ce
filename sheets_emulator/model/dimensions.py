"""Rows and columns that come, go, move and change size. Whatever names them follows: formulas, merges, protections,
metadata, named ranges, the filter. Workbooks in, workbooks out; Refused with Google's text where it can't be done.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from sheets_emulator.model import formulas
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import (
    COLUMNS,
    ROWS,
    Rect,
    after_delete,
    after_insert,
    after_move,
    from_json,
    to_json,
)
from sheets_emulator.model.rows import Row, Rows, blank_rows, item_at, trimmed
from sheets_emulator.model.values import PLAIN, Formula, Style, Value
from sheets_emulator.model.workbook import (
    MAX_CELLS,
    MAX_COLUMNS,
    Column,
    Metadata,
    Sheet,
    Workbook,
    new_columns,
)

Follow: TypeAlias = Callable[[Rect], Rect | None]


def count(sheet: Sheet, dimension: str) -> int:
    """How many rows or columns the grid has."""
    return sheet.row_count if dimension == ROWS else sheet.column_count


def insert(workbook: Workbook, sheet_id: int, dimension: str, at: int, number: int, from_before: bool) -> Workbook:
    """`number` blank rows or columns before `at`, formatted as the neighbour before (or after) them."""
    sheet = workbook.sheet(sheet_id)
    if from_before and at == 0:
        raise Refused("inheritFromBefore cannot be true if inserting at the first row or column.")
    if at > count(sheet, dimension):
        raise Refused(f"Cannot insert {_word(dimension)} past the end of the sheet.")
    neighbour = at - 1 if from_before else at
    if dimension == ROWS:
        styles = _inherited(sheet.rows[neighbour].styles) if neighbour < sheet.row_count else ()
        sheet = replace(sheet, rows=sheet.rows.spliced(at, at, blank_rows(number, styles)))
        if at < sheet.frozen_rows:
            sheet = replace(sheet, frozen_rows=sheet.frozen_rows + number)
    else:
        sheet = _insert_columns(sheet, at, number, neighbour)
    workbook = checked_size(workbook.with_sheet(sheet))
    return _followed(workbook, sheet_id, dimension, lambda rect: after_insert(rect, dimension, at, number))


def append(workbook: Workbook, sheet_id: int, dimension: str, number: int) -> Workbook:
    """`number` blank rows or columns at the end of the grid, formatted as the last one."""
    sheet = workbook.sheet(sheet_id)
    if dimension == ROWS:
        styles = _inherited(sheet.rows[sheet.row_count - 1].styles)
        sheet = replace(sheet, rows=sheet.rows.spliced(sheet.row_count, sheet.row_count, blank_rows(number, styles)))
    else:
        sheet = _insert_columns(sheet, sheet.column_count, number, sheet.column_count - 1)
    return checked_size(workbook.with_sheet(sheet))


def delete(workbook: Workbook, sheet_id: int, dimension: str, first: int, last: int) -> Workbook:
    """Without the rows or columns from `first` to before `last`; those past the grid's end are not missed."""
    sheet = workbook.sheet(sheet_id)
    word, size = _word(dimension), count(sheet, dimension)
    if first >= size:
        raise Refused(
            f"Cannot delete a {word[:-1]} that doesn't exist. Tried to delete {word[:-1]} index {first} "
            f"but there are only {size} {word}."
        )
    last = min(last, size)
    if last - first == size:
        raise Refused(f"You can't delete all the {word} on the sheet.")
    frozen = sheet.frozen_rows if dimension == ROWS else sheet.frozen_columns
    remains = frozen - max(min(last, frozen) - first, 0)
    if frozen and size - (last - first) == remains:
        raise Refused(f"You can't delete all the non-frozen {word} on the sheet.")
    if dimension == ROWS:
        sheet = replace(sheet, rows=sheet.rows.spliced(first, last, ()), frozen_rows=remains)
    else:
        sheet = replace(_without_columns(sheet, first, last), frozen_columns=remains)
    workbook = workbook.with_sheet(sheet)
    return _followed(workbook, sheet_id, dimension, lambda rect: after_delete(rect, dimension, first, last))


def move(workbook: Workbook, sheet_id: int, dimension: str, first: int, last: int, to: int) -> Workbook:
    """The rows or columns from `first` to before `last` moved before `to`, counted as they stood before the move."""
    sheet = workbook.sheet(sheet_id)
    size = count(sheet, dimension)
    if last > size or to > size:
        raise Refused(f"Cannot move {_word(dimension)} past the end of the sheet.")
    if first <= to <= last:
        return workbook
    if dimension == ROWS:
        taken = sheet.rows.between(first, last)
        rows = sheet.rows.spliced(first, last, ())
        target = to if to < first else to - (last - first)
        sheet = replace(sheet, rows=rows.spliced(target, target, taken))
    else:
        order = _move_order(size, first, last, to)
        sheet = reordered_columns(sheet, order)
    workbook = workbook.with_sheet(sheet)
    return _followed(workbook, sheet_id, dimension, lambda rect: after_move(rect, dimension, first, last, to))


def resize(workbook: Workbook, sheet_id: int, rows: int, columns: int) -> Workbook:
    """The grid grown or cut to that size."""
    for dimension, wanted in ((ROWS, rows), (COLUMNS, columns)):
        size = count(workbook.sheet(sheet_id), dimension)
        if wanted > size:
            workbook = append(workbook, sheet_id, dimension, wanted - size)
        elif wanted < size:
            workbook = delete(workbook, sheet_id, dimension, wanted, size)
    return workbook


def set_row_properties(sheet: Sheet, first: int, last: int, change: Callable[[Row], Row]) -> Sheet:
    """The sheet with `change` applied to the rows."""
    rows = [change(row) for row in sheet.rows.between(first, last)]
    return replace(sheet, rows=sheet.rows.spliced(first, first + len(rows), rows))


def set_column_properties(sheet: Sheet, first: int, last: int, change: Callable[[Column], Column]) -> Sheet:
    """The sheet with `change` applied to the columns."""
    columns = [change(c) if first <= at < last else c for at, c in enumerate(sheet.columns)]
    return replace(sheet, columns=tuple(columns))


def checked_size(workbook: Workbook) -> Workbook:
    """The workbook itself, if it is within the limits of cells and columns."""
    if workbook.cell_count > MAX_CELLS:
        raise Refused(f"This action would increase the number of cells in the workbook above the limit of {MAX_CELLS} cells.")
    if any(sheet.column_count > MAX_COLUMNS for sheet in workbook.sheets):
        raise Refused(f"This action would increase the number of columns in the sheet above the limit of {MAX_COLUMNS}.")
    return workbook


def reordered_columns(sheet: Sheet, order: Sequence[int | Column]) -> Sheet:
    """The sheet with its columns in another order: an index names an old one, a Column is a blank new one."""
    columns = tuple(sheet.columns[item] if isinstance(item, int) else item for item in order)

    def reorder(row: Row) -> Row:
        values: list[Value] = [item_at(row.values, item, None) if isinstance(item, int) else None for item in order]
        styles: list[Style] = [item_at(row.styles, item, PLAIN) if isinstance(item, int) else PLAIN for item in order]
        blank = Row(row.identity, (), (), row.hidden, row.size)
        return blank._replace(values=trimmed(values, None), styles=trimmed(styles, PLAIN))

    return replace(sheet, columns=columns, rows=Rows.of(reorder(row) for row in sheet.rows))


def follow_formulas(workbook: Workbook, rewrite: Callable[[Sheet, str], str]) -> Workbook:
    """The workbook with the text of every formula rewritten."""
    for sheet in workbook.sheets:
        rows = sheet.rows
        for index, row in list(rows.formula_rows()):
            values = tuple(
                Formula(rewrite(sheet, value.text), value.result) if isinstance(value, Formula) else value
                for value in row.values
            )
            if values != row.values:
                rows = rows.spliced(index, index + 1, [row._replace(values=values)])
        if rows is not sheet.rows:
            workbook = workbook.with_sheet(replace(sheet, rows=rows))
    return workbook


def _followed(workbook: Workbook, sheet_id: int, dimension: str, follow: Follow) -> Workbook:
    sheet = workbook.sheet(sheet_id)
    merges = tuple(rect for merge in sheet.merges if (rect := follow(merge)) is not None)
    protections = tuple(
        protection if rect == protection.rect else replace(protection, rect=rect)
        for protection in sheet.protections
        if (rect := follow(protection.rect)) is not None
    )
    metadata = tuple(kept for item in sheet.metadata if (kept := _followed_metadata(item, dimension, follow)))
    workbook = workbook.with_sheet(
        replace(
            sheet,
            merges=merges if merges != sheet.merges else sheet.merges,
            protections=protections,
            metadata=metadata,
            basic_filter=_followed_filter(sheet, follow),
        )
    )
    named = tuple(
        replace(item, rect=rect)
        for item in workbook.named_ranges
        if (rect := follow(item.rect) if item.sheet_id == sheet_id else item.rect) is not None
    )
    workbook = replace(workbook, named_ranges=named)
    return follow_formulas(workbook, lambda home, text: formulas.moved(text, home.title, sheet.title, dimension, follow))


def _followed_metadata(item: Metadata, dimension: str, follow: Follow) -> Metadata | None:
    if item.dimension != dimension:
        return item
    rect = follow(Rect().with_span(dimension, item.start, item.end))
    if rect is None:
        return None
    start, end = rect.span(dimension)
    return replace(item, start=start or 0, end=end or 0)


def _followed_filter(sheet: Sheet, follow: Follow) -> dict[str, object] | None:
    if sheet.basic_filter is None:
        return None
    rect = follow(from_json(sheet.basic_filter.get("range", {})))
    return None if rect is None else {**sheet.basic_filter, "range": to_json(sheet.id, rect)}


def _insert_columns(sheet: Sheet, at: int, number: int, neighbour: int) -> Sheet:
    columns = sheet.columns[:at] + new_columns(number) + sheet.columns[at:]
    blanks: tuple[None, ...] = (None,) * number

    def widen(row: Row) -> Row:
        values = row.values[:at] + blanks + row.values[at:] if at < len(row.values) else row.values
        styles = list(row.styles)
        inherited = _inherited((item_at(row.styles, neighbour, PLAIN),)) or (PLAIN,)
        if at < len(styles) or inherited != (PLAIN,):
            styles += [PLAIN] * (at - len(styles))
            styles[at:at] = inherited * number
        return row._replace(values=values, styles=trimmed(styles, PLAIN))

    frozen = sheet.frozen_columns + (number if at < sheet.frozen_columns else 0)
    return replace(sheet, columns=columns, rows=Rows.of(map(widen, sheet.rows)), frozen_columns=frozen)


def _without_columns(sheet: Sheet, first: int, last: int) -> Sheet:
    def narrow(row: Row) -> Row:
        values = trimmed(list(row.values[:first] + row.values[last:]), None)
        styles = trimmed(list(row.styles[:first] + row.styles[last:]), PLAIN)
        return row._replace(values=values, styles=styles)

    columns = sheet.columns[:first] + sheet.columns[last:]
    return replace(sheet, columns=columns, rows=Rows.of(map(narrow, sheet.rows)))


def _move_order(size: int, first: int, last: int, to: int) -> list[int]:
    taken = list(range(first, last))
    rest = [index for index in range(size) if not first <= index < last]
    target = to if to < first else to - (last - first)
    return rest[:target] + taken + rest[target:]


def _inherited(styles: tuple[Style, ...]) -> tuple[Style, ...]:
    # New rows and columns look like their neighbour, but its notes are about its own cells.
    if not any(style.note for style in styles):
        return styles
    return trimmed([style._replace(note=None) for style in styles], PLAIN)


def _word(dimension: str) -> str:
    return "rows" if dimension == ROWS else "columns"
