"""Tabs that come, go, are copied, renamed and moved. Workbooks in, workbooks out; Refused with Google's text."""

from dataclasses import replace

from sheets_emulator.model import formulas
from sheets_emulator.model.dimensions import checked_size, follow_formulas
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.workbook import Sheet, Workbook


def add(workbook: Workbook, sheet: Sheet, index: int | None = None) -> Workbook:
    """With the tab at that position (None: the last)."""
    if workbook.has_sheet(sheet.id):
        raise Refused(f"Sheet with id {sheet.id} already exists.")
    _check_title(workbook, sheet.title)
    position = len(workbook.sheets) if index is None else min(index, len(workbook.sheets))
    sheets = (*workbook.sheets[:position], sheet, *workbook.sheets[position:])
    return checked_size(replace(workbook, sheets=sheets))


def delete(workbook: Workbook, sheet_id: int) -> Workbook:
    """Without the tab; formulas that name it say #REF!."""
    gone = workbook.sheet(sheet_id)
    sheets = tuple(sheet for sheet in workbook.sheets if sheet.id != sheet_id)
    if not sheets:
        raise Refused("You can't remove all the sheets in a document.")
    if all(sheet.hidden for sheet in sheets):
        raise Refused("You can't remove all the visible sheets in a document.")
    named = tuple(item for item in workbook.named_ranges if item.sheet_id != sheet_id)
    workbook = replace(workbook, sheets=sheets, named_ranges=named)

    def dangle(reference: formulas.Reference) -> formulas.Reference | None:
        named_it = reference.title is not None and reference.title.casefold() == gone.title.casefold()
        return None if named_it else reference

    return follow_formulas(workbook, lambda _, text: formulas.rewritten(text, dangle))


def rename(workbook: Workbook, sheet_id: int, title: str) -> Workbook:
    """With another title for the tab; formulas follow."""
    sheet = workbook.sheet(sheet_id)
    if title == sheet.title:
        return workbook
    if title.casefold() != sheet.title.casefold():
        _check_title(workbook, title)
    renamed = workbook.with_sheet(replace(sheet, title=title))
    return follow_formulas(renamed, lambda _, text: formulas.retitled(text, sheet.title, title))


def hide(workbook: Workbook, sheet_id: int, hidden: bool) -> Workbook:
    """With the tab hidden or shown."""
    workbook = workbook.with_sheet(replace(workbook.sheet(sheet_id), hidden=hidden))
    if all(sheet.hidden for sheet in workbook.sheets):
        raise Refused("You can't hide all the sheets in a document.")
    return workbook


def move(workbook: Workbook, sheet_id: int, index: int) -> Workbook:
    """With the tab before the one that stands at `index` now, as Google counts: 'before the move'."""
    moved = workbook.sheet(sheet_id)
    old = workbook.index_of(sheet_id)
    rest = tuple(sheet for sheet in workbook.sheets if sheet.id != sheet_id)
    position = min(index - 1 if index > old else index, len(rest))
    return replace(workbook, sheets=(*rest[:position], moved, *rest[position:]))


def copy_of(sheet: Sheet, sheet_id: int, title: str) -> Sheet:
    """The same tab under another id and title; protections and metadata stay with the old one."""
    return replace(sheet, id=sheet_id, title=title, protections=(), metadata=(), hidden=False)


def copy_title(workbook: Workbook, title: str) -> str:
    """The title that Google gives a copy: `Copy of T`, then `Copy of T 2`."""
    candidate, number = f"Copy of {title}", 1
    while workbook.titled(candidate) is not None:
        number += 1
        candidate = f"Copy of {title} {number}"
    return candidate


def has_formulas(workbook: Workbook) -> bool:
    """Whether any cell is a formula."""
    return any(block.has_formula for sheet in workbook.sheets for block in sheet.rows.blocks)


def _check_title(workbook: Workbook, title: str) -> None:
    if not title:
        raise Refused("Sheet name can't be empty.")
    if len(title) > 100:
        raise Refused("Sheet names cannot be longer than 100 characters.")
    if workbook.titled(title) is not None:
        raise Refused(f'A sheet with the name "{title}" already exists. Please enter another name.')
