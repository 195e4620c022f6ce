"""A guarded read: the rows in question, their tabs' headers, the scratch tab and the fence, in one call."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consumers.sheet_sink.bound_tab import BoundTab, TabReading
from consumers.sheet_sink.scratch import SCRATCH_SHEET_ID, Descriptor, decode_descriptor
from consumers.sheet_sink.services import Services
from tabstream.core.cells import ObservedCell, RowKey
from tabstream.core.tab import read_layout
from tabstream.errors import BindingProblem
from tabstream.sheets.answers import SheetView, TabView, read_spreadsheet
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.fields import ROWS
from tabstream.sheets.ranges import grid_range

_CLOSE_ROWS = 8
_MANY_RANGES = 400


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of one tab: the rows of these keys and tokens, or (None) all rows."""

    tab: BoundTab
    rows: Mapping[RowKey, int] | None
    tokens: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Reading:
    """What one read showed. `begin_ms` and `end_ms` bound its time on Google's clock.

    `fence_id` is None where writes are not fenced; then `fence_batch`, the last write, is what the scratch tab says.
    """

    id: str
    view: SheetView
    begin_ms: int
    end_ms: int
    fence_id: int | None
    fence_batch: str

    def tab(self, tab: BoundTab) -> TabReading:
        """One tab's rows; raises BindingProblem where the tab is gone or is not as it must be, OpenAgain as `check_place`."""
        seen = self.view.tab_by_id(tab.place.sheet_id)
        if seen is None:
            raise BindingProblem(
                f"tab {tab.place.title!r} was deleted",
                "undo the deletion, or take the binding out of the bindings file",
            )
        tab.check_place(self.view, seen)
        rows = seen.rows
        header = rows.get(0, ())
        tab.place.layout = read_layout(header, tab.shape, seen.title)
        _refuse_merges(seen, tab)
        return TabReading(header, rows, seen.row_count, seen.column_count)

    @property
    def scratch_size(self) -> tuple[int, int]:
        """Rows and columns of the scratch tab's grid."""
        seen = self.view.tab_by_id(SCRATCH_SHEET_ID)
        return (0, 0) if seen is None else (seen.row_count, seen.column_count)

    @property
    def descriptor(self) -> Descriptor | None:
        """What the scratch tab says of itself; None where nothing was written yet."""
        first = self.scratch().get(0, ())
        return decode_descriptor(first[0].value) if first else None

    @property
    def scratch_batch(self) -> str | None:
        """The batch that wrote the scratch tab."""
        descriptor = self.descriptor
        return None if descriptor is None else descriptor.batch

    def scratch(self) -> Mapping[int, Sequence[ObservedCell]]:
        """The rows of the scratch tab that were read."""
        seen = self.view.tab_by_id(SCRATCH_SHEET_ID)
        return {} if seen is None else seen.rows


def read(
    client: SheetsClient,
    spreadsheet_id: str,
    requests: Sequence[Request],
    scratch_height: int | None,
    services: Services,
    after_ms: int = 0,
) -> Reading:
    """Sends the read. `scratch_height` rows of the scratch tab are read, None for all of them.

    Clocks are a second wide, so an earlier read may seem to have ended later. This one ends after the one before, which
    ended at `after_ms`, and after the one before the last write.
    """
    filters = [_filter(SCRATCH_SHEET_ID, (0, scratch_height))]
    for request in requests:
        filters.extend(_filters(request))
    answer = client.get_by_filter(spreadsheet_id, filters=filters, fields=ROWS)
    view = read_spreadsheet(answer.body)
    scratch = view.tab_by_id(SCRATCH_SHEET_ID)
    fence = scratch.protection if scratch is not None and services.settings.fence else None
    if scratch is None or (fence is None and services.settings.fence):
        raise BindingProblem(
            "the hidden tab _tabstream or its protection is gone", "none: it is set up again when the binding resumes"
        )
    begin_ms, end_ms = services.google_interval(answer)
    reading = Reading(str(uuid.uuid4()), view, begin_ms, end_ms, None, "")
    if fence is None:
        reading.fence_batch = reading.scratch_batch or ""
    else:
        reading.fence_id, reading.fence_batch = fence.id, fence.description
    before_ms = max(after_ms, reading.descriptor.since_ms if reading.descriptor is not None else 0)
    reading.end_ms = max(end_ms, before_ms + 1)
    return reading


def _filters(request: Request) -> list[dict[str, Any]]:
    place = request.tab.place
    header = _filter(place.sheet_id, (0, 1), None)
    width = place.layout.width
    if request.rows is None:
        return [_filter(place.sheet_id, (0, None), None)]
    wanted = sorted({*request.rows.values(), *request.tokens.values()})
    spans = _spans(wanted)
    if len(spans) > _MANY_RANGES:
        spans = [(wanted[0], wanted[-1] + 1)]
    return [header, *(_filter(place.sheet_id, span, (0, width)) for span in spans)]


def _spans(rows: Sequence[int]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for row in rows:
        if spans and row - spans[-1][1] <= _CLOSE_ROWS:
            spans[-1] = (spans[-1][0], row + 1)
        else:
            spans.append((row, row + 1))
    return spans


def _filter(sheet_id: int, rows: tuple[int, int | None], columns: tuple[int, int] | None = None) -> dict[str, Any]:
    return {"gridRange": grid_range(sheet_id, rows, columns)}


def _refuse_merges(seen: TabView, tab: BoundTab) -> None:
    bound = set(tab.place.layout.columns.values())
    for merge in seen.merges:
        if any(merge.get("startColumnIndex", 0) <= c < merge.get("endColumnIndex", 1 << 30) for c in bound):
            raise BindingProblem(
                f"cells of bound columns are merged in tab {seen.title!r}, row {merge.get('startRowIndex', 0) + 1}",
                "unmerge them",
            )
