"""Plans rendered into one batch: fence, pre-image, rows, watermarks.

The order within the batch matters: what the last write deleted by mistake is copied back, with nothing else done to that tab,
the copies for the pre-image come before anything is changed, cells are written at the row numbers that were read, then rows
are deleted from the bottom up, then rows are inserted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from consumers.sheet_sink.bound_tab import BoundTab, TabReading
from consumers.sheet_sink.reading import Reading
from consumers.sheet_sink.scratch import CLEARED, COPIES_COLUMN, SCRATCH_SHEET_ID, Block, Descriptor, encode_descriptor
from tabstream.core.cells import Digest, RowKey, digest
from tabstream.core.marks import AnyMark, Mark, NewRow, encode_mark, mark_name
from tabstream.core.notes import with_message
from tabstream.core.plan import RowPlan
from tabstream.core.tab import ObservedRow
from tabstream.core.tabparts import Add, TabPlan
from tabstream.core.watermark import encode_watermark
from tabstream.sheets import requests as build
from tabstream.sheets.ranges import grid_range
from tabstream.sheets.requests import CellData, Request
from tabstream.sheets.updates import coalesce_updates

MAX_BATCH_BYTES = 2_000_000
FENCE_REQUESTS = 2
Fingerprint: TypeAlias = tuple[str | tuple[str, Digest], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a request is there for: a binding and its rows, or (None) the batch itself."""

    binding: str | None
    keys: tuple[RowKey, ...]


@dataclass(slots=True)
class SeenRows:
    """The rows that a write touches as they were read before it: whole, and the digests of their cells by the mark's key;
    `given` are the marks of other keys that rows get, with those digests, by the names of the marks that were read there."""

    rows: set[tuple[RowKey, Fingerprint]] = field(default_factory=set)
    cells: dict[RowKey, Mapping[str, Digest]] = field(default_factory=dict)
    given: dict[str, tuple[Mark, Mapping[str, Digest]]] = field(default_factory=dict)

    def add(self, written: RowPlan, meant: RowKey) -> None:
        """Takes note of a row and what is written to it, whose it is meant to be."""
        row, cells, becomes = written.at, written.digests, written.mark
        self.rows.add((meant, (row.mark_name, *cells.items())))
        if owner := _owner(row.mark):
            self.cells[owner] = cells
        if isinstance(becomes, Mark) and becomes.key != owner:
            self.given[row.mark_name] = becomes, cells


def fingerprint(row: ObservedRow) -> Fingerprint:
    """Names the content of a row, mark included."""
    return row.mark_name, *((name, digest(value)) for name, value in row.values.items())


@dataclass(slots=True)
class Part:
    """One tab's part: how many of its new rows fit, where they go, and what the pre-image should show."""

    added: int = 0
    insert_at: int = 1
    seen: SeenRows = field(default_factory=SeenRows)


@dataclass(slots=True)
class Batch:
    """The requests of one call, what each is there for, and what the scratch tab will hold."""

    id: str
    requests: list[Request] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)
    descriptor: Descriptor = field(default_factory=lambda: Descriptor("", ()))
    size: int = 0

    def add(self, origin: Origin, requests: Sequence[Request]) -> None:
        """Appends requests."""
        self.requests.extend(requests)
        self.origins.extend([origin] * len(requests))
        self.size += build.size_of(requests)


def fence(fence_id: int, batch_id: str) -> list[Request]:
    """The two requests that make the batch a compare-and-set."""
    return [build.delete_protection(fence_id), build.protect_tab(SCRATCH_SHEET_ID, batch_id)]


def render(
    batch_id: str,
    reading: Reading,
    parts: Sequence[tuple[BoundTab, TabPlan, TabReading]],
    now_ms: int,
    copies: bool = True,
) -> Batch:
    """Renders the plans of all tabs of a spreadsheet, made on this reading. New rows beyond the size of a call are left for
    the next one; the scratch tab's grid grows as needed. Without `copies` there is no pre-image."""
    batch = Batch(batch_id)
    if reading.fence_id is not None:
        batch.add(Origin(None, ()), fence(reading.fence_id, batch_id))
    for tab, _, seen in parts:
        _render_restored(batch, tab, seen, reading.scratch_size[1] - COPIES_COLUMN)
    told = {tab.binding.name: _told(tab, plan, seen) for tab, plan, seen in parts}
    _render_pre_image(batch, reading, parts if copies else (), told)
    for tab, plan, seen in parts:
        _render_rows(batch, tab, plan, seen, told[tab.binding.name])
    for tab, plan, seen in parts:
        _render_removes(batch, tab, plan, seen)
    for tab, plan, _ in parts:
        _render_adds(batch, tab, plan)
    for tab, plan, _ in parts:
        mark = _watermark(tab, plan, batch.parts[tab.binding.name].added, now_ms)
        batch.add(Origin(tab.binding.name, ()), [build.update_metadata(tab.place.metadata_id, mark)])
    return batch


def _render_pre_image(
    batch: Batch,
    reading: Reading,
    parts: Sequence[tuple[BoundTab, TabPlan, TabReading]],
    told: Mapping[str, Mapping[int, "_Told"]],
) -> None:
    scratch_size = reading.scratch_size
    blocks: list[Block] = []
    copies: list[Request] = []
    meant: list[list[CellData]] = []
    at = 1
    width = max((seen.column_count for _, _, seen in parts), default=0) + COPIES_COLUMN
    for tab, plan, _ in parts:
        sheet_id, columns = tab.place.sheet_id, tab.place.layout.width
        removed = {r.row: r.key for r in plan.removes}
        rows = told[tab.binding.name]
        touched = sorted(rows.keys() - removed.keys())
        if not touched and not removed:
            continue
        blocks.append(Block(tab.binding.name, at, len(touched) + len(removed), len(removed)))
        meant += [[], *(rows[row].cells() for row in (*touched, *sorted(removed)))]
        runs = [(run, columns, build.copy_values) for run in ((0, 1), *_runs(touched))]
        runs += [(run, width - COPIES_COLUMN, build.copy_all) for run in _runs(sorted(removed))]
        for (start, end), across, copy in runs:
            target = grid_range(SCRATCH_SHEET_ID, (at, at + end - start), (COPIES_COLUMN, COPIES_COLUMN + across))
            copies.append(copy(grid_range(sheet_id, (start, end), (0, across)), target))
            at += end - start
    batch.descriptor = Descriptor(batch.id, tuple(blocks), reading.end_ms)
    described = build.update_cells(SCRATCH_SHEET_ID, 0, 0, [[build.cell(encode_descriptor(batch.descriptor))], *meant])
    grown = []
    if at > scratch_size[0]:
        grown.append(build.append_rows(SCRATCH_SHEET_ID, at - scratch_size[0]))
    if width > scratch_size[1]:
        grown.append(build.append_columns(SCRATCH_SHEET_ID, width - scratch_size[1]))
    clear = build.clear_range(grid_range(SCRATCH_SHEET_ID))
    batch.add(Origin(None, ()), [*grown, clear, described, *copies])


class _Told(NamedTuple):
    """What the scratch tab says of a row that the plan writes or deletes: whose it is and whose it becomes: a key, a
    new row's token, or "" for nobody's; and the names of the marks that were read there and are written."""

    meant: RowKey
    becomes: RowKey
    read: str
    written: str = ""

    def cells(self) -> list[CellData]:
        """As it stands in the scratch tab."""
        return [build.cell(text or None) for text in (self.meant, self.becomes, self.read, self.written)]


def _told(tab: BoundTab, plan: TabPlan, reading: TabReading) -> dict[int, _Told]:
    seen, write = _removed_rows(tab, plan, reading), tab.place.sequence + 1
    before = {key: token for token, key in plan.finished_tokens.items() if key is not None} | plan.renamed
    told = {p.row: _Told(_owner(p.at.mark), _owner(p.mark), p.at.mark_name, _name(p, write)) for p in plan.others if p.writes}
    for key, p in plan.rows.items():
        if p.writes:
            told[p.row] = _Told(before.get(key, key), key, p.at.mark_name, _name(p, write))
    return told | {r.row: _Told(r.key, "", seen[r.row].mark_name if r.row in seen else "") for r in plan.removes}


def _name(plan: RowPlan, write: int) -> str:
    if plan.mark is None:
        return CLEARED if plan.clear_mark else ""
    return mark_name(plan.mark_text(write))


def _owner(mark: AnyMark | None) -> RowKey:
    if isinstance(mark, Mark):
        return mark.key
    return mark.token if isinstance(mark, NewRow) else ""


def _render_restored(batch: Batch, tab: BoundTab, seen: TabReading, copied_columns: int) -> None:
    """Rows that were deleted by mistake come back below the last row, as they were copied before. A row is made for each:
    the end of the grid may be elsewhere by now."""
    if not tab.restore:
        return
    sheet_id, first, width = tab.place.sheet_id, tab.book.last_row() + 1, min(seen.column_count, copied_columns)
    requests = [build.insert_rows(sheet_id, first, len(tab.restore), inherit_from_before=first > 1)]
    for row, at in enumerate(tab.restore, first):
        source = grid_range(SCRATCH_SHEET_ID, (at, at + 1), (COPIES_COLUMN, COPIES_COLUMN + width))
        requests.append(build.copy_all(source, grid_range(sheet_id, (row, row + 1), (0, width))))
    batch.add(Origin(tab.binding.name, ()), requests)


def _render_rows(batch: Batch, tab: BoundTab, plan: TabPlan, seen: TabReading, told: Mapping[int, _Told]) -> None:
    part = batch.parts.setdefault(tab.binding.name, Part())
    named = [((key,), p) for key, p in plan.rows.items()] + [((), p) for p in plan.others]
    if tab.isolate:
        for keys, written in named:
            batch.add(Origin(tab.binding.name, keys), coalesce_updates(tab.place.sheet_id, _cells(tab, written)))
    else:
        cells = [cell for _, written in named for cell in _cells(tab, written)]
        batch.add(Origin(tab.binding.name, tuple(plan.rows)), coalesce_updates(tab.place.sheet_id, cells))
    removed = _removed_rows(tab, plan, seen)
    for _, written in named:
        part.seen.add(written, told[written.row].meant if written.row in told else "")
    for row in removed.values():
        part.seen.add(RowPlan(row), told[row.row].meant)
    if plan.header_note is not None:
        column = tab.place.layout.columns[tab.shape.key[0]]
        data = build.cell(note=plan.header_note)
        batch.add(Origin(tab.binding.name, ()), coalesce_updates(tab.place.sheet_id, [(0, column, data)]))


def _removed_rows(tab: BoundTab, plan: TabPlan, seen: TabReading) -> dict[int, ObservedRow]:
    """The rows that are deleted, as they were read."""
    return {row.row: row for row in tab.rows({r.row: seen.cells[r.row] for r in plan.removes if r.row in seen.cells})}


def _cells(tab: BoundTab, row: RowPlan) -> list[tuple[int, int, CellData]]:
    layout = tab.place.layout
    cells = [(row.row, layout.columns[c.column], build.cell(c.value, c.note)) for c in row.cells]
    if row.mark is not None:
        cells.append((row.row, layout.sync, build.cell(row.mark_text(tab.place.sequence + 1))))
    elif row.clear_mark:
        cells.append((row.row, layout.sync, build.cell(None)))
    return cells


def _render_removes(batch: Batch, tab: BoundTab, plan: TabPlan, seen: TabReading) -> None:
    if not plan.removes:
        return
    requests = []
    if seen.row_count - len(plan.removes) <= 1:
        requests.append(build.append_rows(tab.place.sheet_id, 1))  # Google keeps at least one row below the frozen ones
    for start, end in reversed(_runs(sorted(r.row for r in plan.removes))):
        requests.append(build.delete_rows(tab.place.sheet_id, start, end))
    batch.add(Origin(tab.binding.name, tuple(r.key for r in plan.removes)), requests)


def _render_adds(batch: Batch, tab: BoundTab, plan: TabPlan) -> None:
    if not plan.adds:
        return
    part = batch.parts[tab.binding.name]
    removed = {r.key for r in plan.removes}
    gone = [r.row for r in plan.removes]
    kept = [e.row for k, e in tab.book.entries.items() if e.row is not None and k not in removed]
    kept += [plan.rows[key].row for key in plan.rows]
    last = max(kept, default=0)
    part.insert_at = last - sum(1 for row in gone if row < last) + 1
    rows: list[list[CellData]] = []
    for add in plan.adds:
        cells = _added(tab, add)
        batch.size += build.size_of([{"values": cells}])
        if rows and batch.size > MAX_BATCH_BYTES:
            break
        rows.append(cells)
    part.added = len(rows)
    if rows:
        sheet_id = tab.place.sheet_id
        keys = tuple(add.desired.key for add in plan.adds[: len(rows)])
        fields = f"{build.VALUE},{build.NOTE}" if any(a.message for a in plan.adds[: len(rows)]) else build.VALUE
        batch.requests += [
            build.insert_rows(sheet_id, part.insert_at, len(rows), inherit_from_before=part.insert_at > 1),
            build.update_cells(sheet_id, part.insert_at, 0, rows, fields),
        ]
        batch.origins += [Origin(tab.binding.name, keys)] * 2


def _added(tab: BoundTab, add: Add) -> list[CellData]:
    layout = tab.place.layout
    cells: list[CellData] = [{} for _ in range(layout.width)]
    for name, value in add.values.items():
        cells[layout.columns[name]] = build.cell(value)
    cells[layout.sync] = build.cell(encode_mark(add.mark, tab.place.sequence + 1))
    if add.message is not None:
        column = layout.columns[tab.shape.key[0]]
        cells[column] = {**cells[column], **build.cell(note=with_message("", add.message))}
    return cells


def _watermark(tab: BoundTab, plan: TabPlan, added: int, now_ms: int) -> str:
    """The watermark that holds once this batch is applied."""
    left = {add.desired.key for add in plan.adds[added:]}
    return encode_watermark(tab.watermark_after(plan, left, now_ms))


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and runs[-1][1] == row:
            runs[-1] = (runs[-1][0], row + 1)
        else:
            runs.append((row, row + 1))
    return runs
