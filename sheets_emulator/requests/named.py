"""Named ranges, the basic filter, and requests that are stored without effect (conditional formats, bandings, borders)."""

import re
from dataclasses import replace
from random import Random
from typing import Any

from sheets_emulator.fields import covers
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import NamedRange, Workbook
from sheets_emulator.present.structure import named_range
from sheets_emulator.requests.grid import area_of, drawn_id, mask_of, rect_of, sheet_of, titled_sheet


def add_named_range(workbook: Workbook, body: Json, random: Random) -> tuple[Workbook, Json]:
    """addNamedRange."""
    wanted = body.get("namedRange", {})
    chosen = wanted.get("namedRangeId") or str(drawn_id(random))
    if any(item.id == chosen for item in workbook.named_ranges):
        raise Refused(f"NamedRange with id: {chosen} already exists.")
    name = _checked_name(workbook, wanted.get("name", ""), None)
    sheet = sheet_of(workbook, wanted.get("range", {}))
    item = NamedRange(chosen, name, sheet.id, rect_of(sheet, wanted.get("range", {})))
    changed = replace(workbook, named_ranges=(*workbook.named_ranges, item))
    return changed, {"addNamedRange": {"namedRange": named_range(item)}}


def update_named_range(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """updateNamedRange."""
    mask, wanted = mask_of(body), body.get("namedRange", {})
    item = _find(workbook, wanted.get("namedRangeId", ""))
    changed = item
    if covers(mask, "name"):
        changed = replace(changed, name=_checked_name(workbook, wanted.get("name", ""), item.id))
    if covers(mask, "range") and "range" in wanted:
        sheet = sheet_of(workbook, wanted["range"])
        changed = replace(changed, sheet_id=sheet.id, rect=rect_of(sheet, wanted["range"]))
    named = tuple(changed if other.id == item.id else other for other in workbook.named_ranges)
    return replace(workbook, named_ranges=named), {}


def delete_named_range(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """deleteNamedRange."""
    item = _find(workbook, body.get("namedRangeId", ""))
    named = tuple(other for other in workbook.named_ranges if other.id != item.id)
    return replace(workbook, named_ranges=named), {}


def set_basic_filter(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """setBasicFilter: kept and shown; it hides no rows."""
    wanted = body.get("filter", {})
    sheet, _area = area_of(workbook, wanted.get("range", {}))
    return workbook.with_sheet(replace(sheet, basic_filter=wanted)), {}


def clear_basic_filter(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """clearBasicFilter."""
    sheet = titled_sheet(workbook, body.get("sheetId", 0))
    return workbook.with_sheet(replace(sheet, basic_filter=None)), {}


def add_conditional_format(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """addConditionalFormatRule: kept and shown."""
    rule = body.get("rule", {})
    ranges = rule.get("ranges", [])
    if not ranges:
        raise Refused("Must specify at least one range.")
    sheet, _area = area_of(workbook, ranges[0])
    rules: list[Any] = list(sheet.stored.get("conditionalFormats", []))
    rules.insert(body.get("index", 0), rule)
    return workbook.with_sheet(replace(sheet, stored={**sheet.stored, "conditionalFormats": rules})), {}


def delete_conditional_format(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """deleteConditionalFormatRule."""
    sheet, index = titled_sheet(workbook, body.get("sheetId", 0)), body.get("index", 0)
    rules: list[Any] = list(sheet.stored.get("conditionalFormats", []))
    if not 0 <= index < len(rules):
        raise Refused(f"No conditional format on sheet: {sheet.id} at index: {index}")
    rule = rules.pop(index)
    changed = replace(sheet, stored={**sheet.stored, "conditionalFormats": rules})
    return workbook.with_sheet(changed), {"deleteConditionalFormatRule": {"rule": rule}}


def add_banding(workbook: Workbook, body: Json, random: Random) -> tuple[Workbook, Json]:
    """addBanding: kept and shown."""
    wanted = body.get("bandedRange", {})
    sheet, _area = area_of(workbook, wanted.get("range", {}))
    banding = {"bandedRangeId": drawn_id(random), **wanted}
    bandings = [*sheet.stored.get("bandedRanges", []), banding]
    changed = replace(sheet, stored={**sheet.stored, "bandedRanges": bandings})
    return workbook.with_sheet(changed), {"addBanding": {"bandedRange": banding}}


def update_borders(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """updateBorders: checked, not kept."""
    area_of(workbook, body.get("range", {}))
    return workbook, {}


def _find(workbook: Workbook, wanted: str) -> NamedRange:
    for item in workbook.named_ranges:
        if item.id == wanted:
            return item
    raise Refused(f"No NamedRange with id: {wanted}")


def _checked_name(workbook: Workbook, name: str, but: str | None) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,249}", name):
        raise Refused(f"The name '{name}' is not a valid range name.")
    if any(item.name.casefold() == name.casefold() and item.id != but for item in workbook.named_ranges):
        raise Refused(f"Cannot create a named range with a duplicate name: {name}")
    return name
