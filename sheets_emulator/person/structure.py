"""What a person does to whole rows, columns and tabs. As `actions`."""

from collections.abc import Sequence

from sheets_emulator.model import cells, dimensions, tabs
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import COLUMNS, ROWS, Area
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.person import bodies
from sheets_emulator.person.actions import Done, Fired, grown
from sheets_emulator.person.places import column_at, rows_at, runs
from sheets_emulator.values import computed


def insert_rows(workbook: Workbook, sheet: Sheet, body: bodies.InsertRows) -> Done:
    """Inserts blank rows."""
    [row] = rows_at(sheet, [body.before or body.after or 1])
    at = row if body.before is not None else row + 1
    inserted = dimensions.insert(workbook, sheet.id, ROWS, at, body.count, body.before is None)
    return _changed(inserted, sheet, "INSERT_ROW")


def delete_rows(workbook: Workbook, sheet: Sheet, body: bodies.Rows) -> Done:
    """Deletes whole rows."""
    deleted = _deleted(workbook, sheet, ROWS, rows_at(sheet, body.rows))
    return _changed(deleted, sheet, "REMOVE_ROW")


def move_rows(workbook: Workbook, sheet: Sheet, body: bodies.MoveRows) -> Done:
    """Drags neighbouring rows to another place."""
    found = runs(rows_at(sheet, body.rows))
    if len(found) > 1:
        raise Refused("only rows that stand together can be moved at once")
    if body.before > sheet.row_count + 1:
        raise Refused(f"there is no row {body.before} to move before: the tab has rows 1 to {sheet.row_count}")
    moved = dimensions.move(workbook, sheet.id, ROWS, *found[0], body.before - 1)
    return Done(workbook) if moved is workbook else _changed(moved, sheet, "OTHER")


def copy_rows(workbook: Workbook, sheet: Sheet, body: bodies.CopyRows) -> Done:
    """Copies whole rows and pastes them elsewhere, with all that stands in hidden columns."""
    sources = rows_at(sheet, body.rows)
    at, height, width = body.to - 1, len(sources), sheet.column_count
    fired = []
    if body.insert:
        rows_at(sheet, [body.to])
        workbook = dimensions.insert(workbook, sheet.id, ROWS, at, height, False)
        fired.append(Fired(sheet.id, change_type="INSERT_ROW"))
    workbook = grown(workbook, sheet.id, at + height, width)
    target = workbook.sheet(sheet.id)
    for offset, source in enumerate(sources):
        place = Area(at + offset, at + offset + 1, 0, width)
        target = cells.copied(sheet, Area(source, source + 1, 0, width), target, place)
    fired.append(Fired(sheet.id, Area(at, at + height, 0, width)))
    return Done(computed(workbook.with_sheet(target)), tuple(fired))


def hide_rows(workbook: Workbook, sheet: Sheet, body: bodies.HideRows) -> Done:
    """Hides rows or shows them."""
    changed = sheet
    for start, end in runs(rows_at(sheet, body.rows)):
        changed = dimensions.set_row_properties(changed, start, end, lambda row: row._replace(hidden=body.hidden))
    return _changed(workbook.with_sheet(changed), sheet, "OTHER")


def insert_columns(workbook: Workbook, sheet: Sheet, body: bodies.InsertColumns) -> Done:
    """Inserts blank columns."""
    at = column_at(sheet, body.before)
    inserted = dimensions.insert(workbook, sheet.id, COLUMNS, at, body.count, False)
    return _changed(inserted, sheet, "INSERT_COLUMN")


def delete_columns(workbook: Workbook, sheet: Sheet, body: bodies.Columns) -> Done:
    """Deletes whole columns."""
    deleted = _deleted(workbook, sheet, COLUMNS, _columns(sheet, body.columns))
    return _changed(deleted, sheet, "REMOVE_COLUMN")


def hide_columns(workbook: Workbook, sheet: Sheet, body: bodies.HideColumns) -> Done:
    """Hides columns or shows them."""
    changed = sheet
    for at in _columns(sheet, body.columns):
        changed = dimensions.set_column_properties(changed, at, at + 1, lambda column: column._replace(hidden=body.hidden))
    return _changed(workbook.with_sheet(changed), sheet, "OTHER")


def rename(workbook: Workbook, sheet: Sheet, body: bodies.Rename) -> Done:
    """Renames the tab; formulas follow."""
    return _changed(tabs.rename(workbook, sheet.id, body.title), sheet, "OTHER")


def hide(workbook: Workbook, sheet: Sheet, body: bodies.Hide) -> Done:
    """Hides the tab or shows it."""
    return _changed(tabs.hide(workbook, sheet.id, body.hidden), sheet, "OTHER")


def _columns(sheet: Sheet, letters: Sequence[str]) -> list[int]:
    return sorted({column_at(sheet, letter) for letter in letters})


def _deleted(workbook: Workbook, sheet: Sheet, dimension: str, indexes: Sequence[int]) -> Workbook:
    # From the end, so that the places of those still to go stay as they are.
    for start, end in reversed(runs(indexes)):
        workbook = dimensions.delete(workbook, sheet.id, dimension, start, end)
    return workbook


def _changed(workbook: Workbook, sheet: Sheet, change_type: str) -> Done:
    return Done(computed(workbook), (Fired(sheet.id, change_type=change_type),))
