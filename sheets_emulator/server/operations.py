"""The methods of the Sheets API: what a call reads or changes. No HTTP here: parameters and body in, body out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from sheets_emulator import values
from sheets_emulator.a1ranges import name_of, resolve
from sheets_emulator.fields import ALL, Mask, below, covers
from sheets_emulator.model import tabs
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.ranges import ROWS, Area
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Sheet, Workbook, new_workbook
from sheets_emulator.present import structure
from sheets_emulator.present.spreadsheet import spreadsheet
from sheets_emulator.requests.batch import apply_batch
from sheets_emulator.requests.filters import every, filter_area, matching
from sheets_emulator.requests.grid import drawn_id
from sheets_emulator.requests.tabs import add_sheet, update_spreadsheet_properties
from sheets_emulator.server.answers import Failure
from sheets_emulator.values import Rendering

_INPUTS = ("RAW", "USER_ENTERED")


@dataclass(frozen=True)
class Query:
    """The parameters of a call: all values of each name, and the mask of its answer."""

    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mask: Mask = field(default_factory=lambda: ALL)

    def one(self, name: str, default: str = "") -> str:
        """The last value of a name."""
        found = self.parameters.get(name)
        return found[-1] if found else default

    def many(self, name: str) -> Sequence[str]:
        """All values of a name."""
        return self.parameters.get(name, ())

    def flag(self, name: str) -> bool:
        """A boolean parameter."""
        return self.one(name).lower() in ("true", "1")


def created(spreadsheet_id: str, body: Json, random: Random) -> Workbook:
    """spreadsheets.create: properties and tabs as the body wants them."""
    workbook = new_workbook(spreadsheet_id)
    properties = body.get("properties") or {}
    mask = ",".join(name for name in ("title", "locale", "timeZone", "autoRecalc") if name in properties)
    if mask:
        workbook, _ = update_spreadsheet_properties(workbook, {"properties": properties, "fields": mask}, random)
    wanted = body.get("sheets") or []
    if not wanted:
        return workbook
    workbook = replace(workbook, sheets=())
    for item in wanted:
        workbook, reply = add_sheet(workbook, {"properties": item.get("properties") or {}}, random)
        workbook = _filled(workbook, reply["addSheet"]["properties"]["sheetId"], item, random)
    return workbook


def get(workbook: Workbook, query: Query) -> Json:
    """spreadsheets.get."""
    asked = [resolve(workbook, text) for text in query.many("ranges")]
    return spreadsheet(workbook, query.mask, asked or None, query.flag("includeGridData"))


def get_by_data_filter(workbook: Workbook, body: Json, query: Query) -> Json:
    """spreadsheets.getByDataFilter."""
    asked = [area for item in body.get("dataFilters", []) for area in _filtered(workbook, item)]
    return spreadsheet(workbook, query.mask, asked or None, bool(body.get("includeGridData")))


def batch_update(workbook: Workbook, body: Json, query: Query, random: Random) -> tuple[Workbook, Json]:
    """spreadsheets.batchUpdate."""
    changed, replies = apply_batch(workbook, body.get("requests") or [], random)
    reply: Json = {"spreadsheetId": workbook.id, "replies": replies}
    if body.get("includeSpreadsheetInResponse") and covers(query.mask, "updatedSpreadsheet"):
        asked = [resolve(changed, text) for text in body.get("responseRanges") or []]
        mask = below(query.mask, "updatedSpreadsheet")
        reply["updatedSpreadsheet"] = spreadsheet(changed, mask, asked or None, bool(body.get("responseIncludeGridData")))
    return changed, reply


def values_get(workbook: Workbook, text: str, query: Query) -> Json:
    """values.get."""
    return values.get(workbook, text, _rendering(_options(query)))


def values_batch_get(workbook: Workbook, query: Query) -> Json:
    """values.batchGet."""
    rendering = _rendering(_options(query))
    found = [values.get(workbook, text, rendering) for text in query.many("ranges")]
    return {"spreadsheetId": workbook.id, **({"valueRanges": found} if found else {})}


def values_batch_get_by_data_filter(workbook: Workbook, body: Json) -> Json:
    """values.batchGetByDataFilter."""
    rendering = _rendering(body)
    matched = []
    for data_filter in body.get("dataFilters", []):
        for sheet, area in _filtered(workbook, data_filter):
            found = values.value_range(workbook, sheet, area, rendering)
            matched.append({"valueRange": found, "dataFilters": [data_filter]})
    return {"spreadsheetId": workbook.id, **({"valueRanges": matched} if matched else {})}


def values_update(workbook: Workbook, text: str, body: Json, query: Query) -> tuple[Workbook, Json]:
    """values.update."""
    changed, reply = values.update(workbook, text, body, _user_entered(query.one("valueInputOption")))
    if query.flag("includeValuesInResponse"):
        reply["updatedData"] = values.get(changed, reply["updatedRange"], _response_rendering(_options(query)))
    return changed, reply


def values_batch_update(workbook: Workbook, body: Json) -> tuple[Workbook, Json]:
    """values.batchUpdate."""
    pieces = [(piece["range"], piece) for piece in body.get("data", [])]
    return _written(workbook, pieces, body)


def values_batch_update_by_data_filter(workbook: Workbook, body: Json) -> tuple[Workbook, Json]:
    """values.batchUpdateByDataFilter."""
    pieces = []
    for piece in body.get("data", []):
        for sheet, area in _filtered(workbook, piece.get("dataFilter", {})):
            pieces.append((name_of(sheet, area), piece))
    return _written(workbook, pieces, body)


def values_append(workbook: Workbook, text: str, body: Json, query: Query) -> tuple[Workbook, Json]:
    """values.append."""
    insert_rows = query.one("insertDataOption", "OVERWRITE") == "INSERT_ROWS"
    changed, reply = values.append(workbook, text, body, _user_entered(query.one("valueInputOption")), insert_rows)
    if query.flag("includeValuesInResponse"):
        updates = reply["updates"]
        updates["updatedData"] = values.get(changed, updates["updatedRange"], _response_rendering(_options(query)))
    return changed, reply


def values_clear(workbook: Workbook, text: str) -> tuple[Workbook, Json]:
    """values.clear."""
    changed, cleared = values.clear(workbook, text)
    return changed, {"spreadsheetId": workbook.id, "clearedRange": cleared}


def values_batch_clear(workbook: Workbook, texts: Sequence[str]) -> tuple[Workbook, Json]:
    """values.batchClear."""
    cleared = []
    for text in texts:
        workbook, name = values.clear(workbook, text)
        cleared.append(name)
    return workbook, {"spreadsheetId": workbook.id, **({"clearedRanges": cleared} if cleared else {})}


def areas_of(workbook: Workbook, body: Json) -> list[str]:
    """The ranges that the data filters of a body mean, in A1 notation."""
    return [name_of(*found) for item in body.get("dataFilters", []) for found in _filtered(workbook, item)]


def developer_metadata(workbook: Workbook, metadata_id: int) -> Json:
    """spreadsheets.developerMetadata.get."""
    for found in every(workbook):
        if found.item.id == metadata_id:
            return structure.metadata(found.item, None if found.sheet is None else found.sheet.id)
    raise Failure(404)


def search_developer_metadata(workbook: Workbook, body: Json) -> Json:
    """spreadsheets.developerMetadata.search."""
    matched = []
    for data_filter in body.get("dataFilters", []):
        for found in matching(workbook, data_filter):
            item = structure.metadata(found.item, None if found.sheet is None else found.sheet.id)
            matched.append({"developerMetadata": item, "dataFilters": [data_filter]})
    return {"matchedDeveloperMetadata": matched} if matched else {}


def copy_to(source: Workbook, sheet_id: int, target: Workbook, random: Random) -> tuple[Workbook, Json]:
    """spreadsheets.sheets.copyTo: the tab at the end of another spreadsheet, or of its own."""
    sheet = source.sheet(sheet_id)
    copied = tabs.copy_of(sheet, drawn_id(random), tabs.copy_title(target, sheet.title))
    changed = tabs.add(target, copied)
    return changed, structure.sheet_properties(copied, changed.index_of(copied.id))


def _written(workbook: Workbook, pieces: Sequence[tuple[str, Json]], body: Json) -> tuple[Workbook, Json]:
    spreadsheet_id, user_entered = workbook.id, _user_entered(body.get("valueInputOption", ""))
    responses = []
    for text, piece in pieces:
        workbook, reply = values.update(workbook, text, piece, user_entered)
        if body.get("includeValuesInResponse"):
            reply["updatedData"] = values.get(workbook, reply["updatedRange"], _response_rendering(body))
        responses.append(reply)
    total: Json = {"spreadsheetId": spreadsheet_id}
    if responses:
        total["totalUpdatedRows"] = sum(reply.get("updatedRows", 0) for reply in responses)
        total["totalUpdatedColumns"] = sum(reply.get("updatedColumns", 0) for reply in responses)
        total["totalUpdatedCells"] = sum(reply.get("updatedCells", 0) for reply in responses)
        total["totalUpdatedSheets"] = len({str(reply["updatedRange"]).rpartition("!")[0] for reply in responses})
        total["responses"] = responses
    return workbook, total


def _filtered(workbook: Workbook, data_filter: Json) -> list[tuple[Sheet, Area]]:
    if "developerMetadataLookup" not in data_filter:
        return [filter_area(workbook, data_filter)]
    areas = []
    for sheet, item in matching(workbook, data_filter):
        if sheet is None:
            continue
        whole = Area(0, sheet.row_count, 0, sheet.column_count)
        if item.dimension is not None:
            rows = item.dimension == ROWS
            whole = whole._replace(**({"start_row": item.start, "end_row": item.end} if rows else {}))
            whole = whole._replace(**({} if rows else {"start_column": item.start, "end_column": item.end}))
        areas.append((sheet, whole))
    return areas


def _options(query: Query) -> dict[str, str]:
    return {name: found[-1] for name, found in query.parameters.items() if found}


def _rendering(options: Mapping[str, Any]) -> Rendering:
    value = options.get("valueRenderOption", "FORMATTED_VALUE")
    if value not in values.RENDERINGS:
        raise Refused(f"Invalid value at 'value_render_option': \"{value}\"", prefixed=False)
    return Rendering(
        value,
        options.get("dateTimeRenderOption", "SERIAL_NUMBER"),
        options.get("majorDimension", ROWS).replace("DIMENSION_", ""),
    )


def _response_rendering(options: Mapping[str, Any]) -> Rendering:
    value = options.get("responseValueRenderOption", "FORMATTED_VALUE")
    return Rendering(value, options.get("responseDateTimeRenderOption", "SERIAL_NUMBER"))


def _user_entered(option: str) -> bool:
    if option not in _INPUTS:
        raise Refused("'valueInputOption' is required but not specified", prefixed=False)
    return option == "USER_ENTERED"


def _filled(workbook: Workbook, sheet_id: int, item: Json, random: Random) -> Workbook:
    requests = []
    for data in item.get("data") or []:
        start = {"sheetId": sheet_id, "rowIndex": data.get("startRow", 0), "columnIndex": data.get("startColumn", 0)}
        if data.get("rowData"):
            requests.append({"updateCells": {"start": start, "rows": data["rowData"], "fields": "*"}})
    return apply_batch(workbook, requests, random)[0] if requests else workbook
