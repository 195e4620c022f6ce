"""addProtectedRange, updateProtectedRange, deleteProtectedRange."""

from dataclasses import replace
from random import Random
from typing import Any

from sheets_emulator.fields import covers
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import Rect
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Protection, Sheet, Workbook
from sheets_emulator.present.structure import protection
from sheets_emulator.requests.grid import drawn_id, mask_of, rect_of, sheet_of

_STORED = ("editors", "unprotectedRanges", "namedRangeId")


def add_protected_range(workbook: Workbook, body: Json, random: Random) -> tuple[Workbook, Json]:
    """addProtectedRange: a tab is protected whole at most once; the id is chosen here unless the request does."""
    wanted = body.get("protectedRange", {})
    sheet, rect = _place(workbook, wanted)
    if rect.is_whole:
        _check_whole(sheet, None)
    chosen = wanted.get("protectedRangeId", drawn_id(random))
    if any(item.id == chosen for other in workbook.sheets for item in other.protections):
        raise Refused(f"ProtectedRange with id: {chosen} already exists.")
    rest = {name: wanted[name] for name in _STORED if wanted.get(name)}
    item = Protection(chosen, rect, wanted.get("description"), bool(wanted.get("warningOnly", False)), rest)
    changed = replace(sheet, protections=(*sheet.protections, item))
    reply = {"addProtectedRange": {"protectedRange": protection(changed, item)}}
    return workbook.with_sheet(changed), reply


def update_protected_range(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """updateProtectedRange."""
    mask, wanted = mask_of(body), body.get("protectedRange", {})
    sheet, item = _find(workbook, wanted.get("protectedRangeId", 0))
    changes: dict[str, Any] = {}
    if covers(mask, "range") and "range" in wanted:
        target, rect = _place(workbook, wanted)
        if target.id != sheet.id:
            raise Refused("A protected range can't be moved to another sheet.")
        if rect.is_whole:
            _check_whole(sheet, item.id)
        changes["rect"] = rect
    if covers(mask, "description"):
        changes["description"] = wanted.get("description")
    if covers(mask, "warningOnly"):
        changes["warning_only"] = bool(wanted.get("warningOnly", False))
    rest = {name: wanted.get(name) if covers(mask, name) else item.rest.get(name) for name in _STORED}
    changed = replace(item, rest={name: value for name, value in rest.items() if value}, **changes)
    protections = tuple(changed if other.id == item.id else other for other in sheet.protections)
    return workbook.with_sheet(replace(sheet, protections=protections)), {}


def delete_protected_range(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """deleteProtectedRange."""
    sheet, item = _find(workbook, body.get("protectedRangeId", 0))
    protections = tuple(other for other in sheet.protections if other.id != item.id)
    return workbook.with_sheet(replace(sheet, protections=protections)), {}


def _find(workbook: Workbook, wanted: int) -> tuple[Sheet, Protection]:
    for sheet in workbook.sheets:
        for item in sheet.protections:
            if item.id == wanted:
                return sheet, item
    raise Refused(f"No protected range with id: {wanted}")


def _place(workbook: Workbook, wanted: Json) -> tuple[Sheet, Rect]:
    if "namedRangeId" in wanted and "range" not in wanted:
        for named in workbook.named_ranges:
            if named.id == wanted["namedRangeId"]:
                return workbook.sheet(named.sheet_id), named.rect
        raise Refused(f"No NamedRange with id: {wanted['namedRangeId']}")
    if "range" not in wanted:
        raise Refused("Must specify a range to protect.")
    sheet = sheet_of(workbook, wanted["range"])
    return sheet, rect_of(sheet, wanted["range"])


def _check_whole(sheet: Sheet, but: int | None) -> None:
    if any(item.rect.is_whole and item.id != but for item in sheet.protections):
        raise Refused(f'Sheet "{sheet.title}" already has sheet protection.')
