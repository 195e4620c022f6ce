"""A batch of requests: all applied in order, or none.

The caller keeps the workbook it had if this raises. `random` is where ids that the server chooses come from.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias

from sheets_emulator.model.calculation import recalculated
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.tabs import has_formulas
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Workbook
from sheets_emulator.requests import cells, copying, dimensions, metadata, named, protection, tabs

Handler: TypeAlias = Callable[[Workbook, Json, Random], tuple[Workbook, Json]]
MAX_REQUESTS = 100_000

HANDLERS: Mapping[str, Handler] = {
    "addSheet": tabs.add_sheet,
    "deleteSheet": tabs.delete_sheet,
    "duplicateSheet": tabs.duplicate_sheet,
    "updateSheetProperties": tabs.update_sheet_properties,
    "updateSpreadsheetProperties": tabs.update_spreadsheet_properties,
    "updateCells": cells.update_cells,
    "repeatCell": cells.repeat_cell,
    "appendCells": cells.append_cells,
    "setDataValidation": cells.set_data_validation,
    "sortRange": cells.sort_range,
    "mergeCells": cells.merge_cells,
    "unmergeCells": cells.unmerge_cells,
    "appendDimension": dimensions.append_dimension,
    "insertDimension": dimensions.insert_dimension,
    "deleteDimension": dimensions.delete_dimension,
    "moveDimension": dimensions.move_dimension,
    "updateDimensionProperties": dimensions.update_dimension_properties,
    "autoResizeDimensions": dimensions.auto_resize,
    "insertRange": dimensions.insert_range,
    "deleteRange": dimensions.delete_range,
    "copyPaste": copying.copy_paste,
    "cutPaste": copying.cut_paste,
    "addProtectedRange": protection.add_protected_range,
    "updateProtectedRange": protection.update_protected_range,
    "deleteProtectedRange": protection.delete_protected_range,
    "createDeveloperMetadata": metadata.create_developer_metadata,
    "updateDeveloperMetadata": metadata.update_developer_metadata,
    "deleteDeveloperMetadata": metadata.delete_developer_metadata,
    "addNamedRange": named.add_named_range,
    "updateNamedRange": named.update_named_range,
    "deleteNamedRange": named.delete_named_range,
    "setBasicFilter": named.set_basic_filter,
    "clearBasicFilter": named.clear_basic_filter,
    "addConditionalFormatRule": named.add_conditional_format,
    "deleteConditionalFormatRule": named.delete_conditional_format,
    "addBanding": named.add_banding,
    "updateBorders": named.update_borders,
}


def apply_batch(workbook: Workbook, requests: Sequence[Any], random: Random) -> tuple[Workbook, list[Json]]:
    """The workbook after all requests, formulas computed, and one reply for each; Refused names the first bad one."""
    if not requests:
        raise Refused("Must specify at least one request.")
    if len(requests) > MAX_REQUESTS:
        raise Refused(f"Cannot exceed {MAX_REQUESTS} requests in a single batch.")
    before, replies = workbook, []
    for index, request in enumerate(requests):
        kind, handler, body = _handler(index, request)
        try:
            workbook, reply = handler(workbook, body, random)
        except Refused as refused:
            if refused.prefixed:
                raise Refused(f"Invalid requests[{index}].{kind}: {refused.message}") from None
            raise
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            # A value of the wrong JSON type: Google's parser refuses it before anything else sees it.
            raise Refused(f"Invalid value at 'requests[{index}].{_snake(kind)}': {error}") from error
        replies.append(reply)
    if workbook is not before and has_formulas(workbook):
        workbook = recalculated(workbook)
    return workbook, replies


def _handler(index: int, request: Any) -> tuple[str, Handler, Json]:
    if not isinstance(request, dict) or not request:
        raise Refused(f"Invalid requests[{index}]: No request set.")
    if len(request) > 1:
        kinds = ", ".join(sorted(request))
        raise Refused(f"Invalid value at 'requests[{index}]' (oneof), oneof field 'kind' is already set. Cannot set {kinds!r}")
    kind, body = next(iter(request.items()))
    handler = HANDLERS.get(kind)
    if handler is None:
        raise Refused(f"Invalid JSON payload received. Unknown name \"{kind}\" at 'requests[{index}]': Cannot find field.")
    return kind, handler, body or {}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
