"""createDeveloperMetadata, updateDeveloperMetadata, deleteDeveloperMetadata."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random

from sheets_emulator.fields import Mask, covers
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Metadata, Workbook
from sheets_emulator.present import structure
from sheets_emulator.requests.filters import Found, every, matching
from sheets_emulator.requests.grid import drawn_id, mask_of, span_of, titled_sheet

MAX_CHARACTERS = 30_000
_VISIBILITIES = ("DOCUMENT", "PROJECT")


def create_developer_metadata(workbook: Workbook, body: Json, random: Random) -> tuple[Workbook, Json]:
    """createDeveloperMetadata."""
    wanted = body.get("developerMetadata", {})
    chosen = wanted.get("metadataId", drawn_id(random))
    if any(found.item.id == chosen for found in every(workbook)):
        raise Refused(f"DeveloperMetadata with id {chosen} already exists.")
    if not wanted.get("metadataKey"):
        raise Refused("The metadataKey must be specified.")
    if wanted.get("visibility") not in _VISIBILITIES:
        raise Refused("The visibility must be specified.")
    item = Metadata(chosen, wanted["metadataKey"], wanted.get("metadataValue"), wanted["visibility"])
    changed, sheet_id = _placed(workbook, item, wanted.get("location") or {})
    _check_room(changed)
    created = next(found for found in every(changed) if found.item.id == chosen)
    reply = {"developerMetadata": structure.metadata(created.item, sheet_id)}
    return changed, {"createDeveloperMetadata": reply}


def update_developer_metadata(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """updateDeveloperMetadata: all that any of the filters selects; one that selects nothing is refused."""
    mask, wanted = mask_of(body), body.get("developerMetadata", {})
    selected = _selected(workbook, body.get("dataFilters", []))
    changed = _replaced(workbook, selected, lambda item: _updated(item, wanted, mask))
    if covers(mask, "location") and "location" in wanted:
        changed = _relocated(changed, selected, wanted["location"])
    _check_room(changed)
    updated = [_json(found) for found in every(changed) if found.item.id in selected]
    return changed, {"updateDeveloperMetadata": {"developerMetadata": updated}}


def delete_developer_metadata(workbook: Workbook, body: Json, _: Random) -> tuple[Workbook, Json]:
    """deleteDeveloperMetadata."""
    selected = _selected(workbook, [body.get("dataFilter", {})])
    deleted = [_json(found) for found in every(workbook) if found.item.id in selected]
    changed = _replaced(workbook, selected, lambda item: None)
    return changed, {"deleteDeveloperMetadata": {"deletedDeveloperMetadata": deleted}}


def _selected(workbook: Workbook, filters: Iterable[Json]) -> frozenset[int]:
    selected: set[int] = set()
    for data_filter in filters:
        found = matching(workbook, data_filter)
        lookup = data_filter.get("developerMetadataLookup", {})
        if not found and "metadataId" in lookup:
            raise Refused(f"No developer metadata with id: {lookup['metadataId']}")
        selected.update(match.item.id for match in found)
    return frozenset(selected)


def _json(found: Found) -> Json:
    return structure.metadata(found.item, None if found.sheet is None else found.sheet.id)


def _placed(workbook: Workbook, item: Metadata, location: Json) -> tuple[Workbook, int | None]:
    if location.get("spreadsheet"):
        return replace(workbook, metadata=(*workbook.metadata, item)), None
    if "dimensionRange" in location:
        data = location["dimensionRange"]
        sheet = workbook.sheet(data.get("sheetId", 0))
        dimension, start, end = span_of(sheet, data)
        if end - start != 1:
            raise Refused("Developer metadata can only be associated with a single row or column.")
        item = replace(item, dimension=dimension, start=start, end=end)
    elif "sheetId" in location:
        sheet = titled_sheet(workbook, location["sheetId"])
    else:
        raise Refused("The location must be specified.")
    return workbook.with_sheet(replace(sheet, metadata=(*sheet.metadata, item))), sheet.id


def _replaced(workbook: Workbook, selected: frozenset[int], change: Callable[[Metadata], Metadata | None]) -> Workbook:
    def after(items: tuple[Metadata, ...]) -> tuple[Metadata, ...]:
        changed = [change(item) if item.id in selected else item for item in items]
        return tuple(item for item in changed if item is not None)

    workbook = replace(workbook, metadata=after(workbook.metadata))
    for sheet in workbook.sheets:
        if any(item.id in selected for item in sheet.metadata):
            workbook = workbook.with_sheet(replace(sheet, metadata=after(sheet.metadata)))
    return workbook


def _relocated(workbook: Workbook, selected: frozenset[int], location: Json) -> Workbook:
    moving = [found.item for found in every(workbook) if found.item.id in selected]
    workbook = _replaced(workbook, selected, lambda item: None)
    for item in moving:
        workbook, _ = _placed(workbook, replace(item, dimension=None, start=0, end=0), location)
    return workbook


def _updated(item: Metadata, wanted: Json, mask: Mask) -> Metadata:
    if covers(mask, "metadataKey") and (mask or "metadataKey" in wanted):
        if not wanted.get("metadataKey"):
            raise Refused("The metadataKey must be specified.")
        item = replace(item, key=wanted["metadataKey"])
    if covers(mask, "metadataValue"):
        item = replace(item, value=wanted.get("metadataValue"))
    if covers(mask, "visibility") and wanted.get("visibility") in _VISIBILITIES:
        item = replace(item, visibility=wanted["visibility"])
    return item


def _check_room(workbook: Workbook) -> None:
    for items in (workbook.metadata, *(sheet.metadata for sheet in workbook.sheets)):
        if sum(len(item.key) + len(item.value or "") for item in items) > MAX_CHARACTERS:
            raise Refused(f"Developer metadata would exceed the limit of {MAX_CHARACTERS} characters.")
