"""Which developer metadata a DataFilter means.

https://developers.google.com/workspace/sheets/api/reference/rest/v4/DataFilter
"""

from collections.abc import Iterator
from typing import NamedTuple

from sheets_emulator.model.a1 import BadRange, parse
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import Area, Rect, from_json
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Metadata, Sheet, Workbook


class Found(NamedTuple):
    """Metadata and the tab it is on; None is the spreadsheet's own."""

    sheet: Sheet | None
    item: Metadata


def every(workbook: Workbook) -> Iterator[Found]:
    """All developer metadata of a workbook."""
    for item in workbook.metadata:
        yield Found(None, item)
    for sheet in workbook.sheets:
        for item in sheet.metadata:
            yield Found(sheet, item)


def matching(workbook: Workbook, data_filter: Json) -> list[Found]:
    """The metadata that a DataFilter selects."""
    if "developerMetadataLookup" in data_filter:
        lookup = data_filter["developerMetadataLookup"]
        return [found for found in every(workbook) if looked_up(found, lookup)]
    place = filter_area(workbook, data_filter)
    return [found for found in every(workbook) if _touches(found, *place)]


def filter_area(workbook: Workbook, data_filter: Json) -> tuple[Sheet, Area]:
    """The cells that a DataFilter by range means."""
    if "gridRange" in data_filter:
        data = data_filter["gridRange"]
        sheet = workbook.sheet(data.get("sheetId", 0))
        return sheet, from_json(data).clipped(sheet.row_count, sheet.column_count)
    if "a1Range" not in data_filter:
        raise Refused("Must specify a filter.")
    try:
        found = parse(data_filter["a1Range"])
    except BadRange:
        raise Refused(f"Unable to parse range: {data_filter['a1Range']}") from None
    titled = workbook.sheets[0] if found.title is None else workbook.titled(found.title)
    if titled is None:
        raise Refused(f"Unable to parse range: {data_filter['a1Range']}")
    return titled, Rect(*found[1:]).clipped(titled.row_count, titled.column_count)


def looked_up(found: Found, lookup: Json) -> bool:
    """Whether a DeveloperMetadataLookup selects it: every criterion that is there must hold."""
    item = found.item
    wanted = {
        "metadataId": item.id,
        "metadataKey": item.key,
        "metadataValue": item.value,
        "visibility": item.visibility,
        "locationType": location_type(found),
    }
    if any(name in lookup and lookup[name] != value for name, value in wanted.items()):
        return False
    return "metadataLocation" not in lookup or _at(found, lookup["metadataLocation"], lookup)


def location_type(found: Found) -> str:
    """Google's DeveloperMetadataLocationType."""
    if found.sheet is None:
        return "SPREADSHEET"
    if found.item.dimension is None:
        return "SHEET"
    return "ROW" if found.item.dimension == "ROWS" else "COLUMN"


def _at(found: Found, location: Json, lookup: Json) -> bool:
    exact = lookup.get("locationMatchingStrategy", "EXACT_LOCATION") != "INTERSECTING_LOCATION"
    if location.get("spreadsheet"):
        return found.sheet is None or not exact
    span = location.get("dimensionRange")
    wanted = span.get("sheetId", 0) if span else location.get("sheetId", 0)
    if found.sheet is None or found.sheet.id != wanted:
        return False
    item = found.item
    if span is None:
        return item.dimension is None or not exact
    if item.dimension != span.get("dimension"):
        return False
    start, end = span.get("startIndex", 0), span.get("endIndex", 1 << 31)
    return (item.start, item.end) == (start, end) if exact else item.start < end and start < item.end


def _touches(found: Found, sheet: Sheet, area: Area) -> bool:
    if found.sheet is None or found.sheet.id != sheet.id:
        return False
    item = found.item
    if item.dimension is None:
        return True
    start, end = (area.start_row, area.end_row) if item.dimension == "ROWS" else (area.start_column, area.end_column)
    return item.start < end and start < item.end
