"""Opens a binding: finds its tab, sets an empty one up, reads the watermark and starts the feed.

An empty tab is set up. A tab that has rows but no `_sync` column is somebody's own: nothing is written to it.
"""

import random
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from shlex import quote

import structlog

from consumers.sheet_sink import sample
from consumers.sheet_sink.bound_tab import BoundTab, Place
from consumers.sheet_sink.columns import change_columns, dress, sync_column
from consumers.sheet_sink.feed import Topics
from consumers.sheet_sink.inbox import Inbox
from consumers.sheet_sink.rendering import fence
from consumers.sheet_sink.scratch import SCRATCH_COLUMNS, SCRATCH_ROWS, SCRATCH_SHEET_ID
from consumers.sheet_sink.services import Services, Table
from tabstream import metrics
from tabstream.core.binding import SCRATCH_TAB, SYNC_HEADER, Binding, TableShape
from tabstream.core.book import Book
from tabstream.core.cells import ObservedCell
from tabstream.core.columns import ColumnChanges, column_changes, described_columns
from tabstream.core.tab import read_layout
from tabstream.core.watermark import (
    FORMAT,
    METADATA_KEY,
    Position,
    TopicMark,
    Watermark,
    decode_watermark,
    doubts,
    encode_watermark,
    newer_format,
)
from tabstream.errors import BindingProblem
from tabstream.sheets import formats
from tabstream.sheets import requests as build
from tabstream.sheets.answers import SheetView, TabView, read_spreadsheet
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.fields import ROWS, STRUCTURE
from tabstream.sheets.ranges import grid_range
from tabstream.sheets.requests import Request

_log = structlog.get_logger()
_NEAR_CELLS = 8_000_000


@dataclass(frozen=True, slots=True)
class World:
    """What a binding finds when it is opened: spreadsheet and tab, the table, its topics."""

    view: SheetView
    tab: TabView
    table: Table
    topics: Topics

    @property
    def shape(self) -> TableShape:
        """The table's shape."""
        return self.table.shape

    def position(self, now_ms: int, sequence: int) -> Position:
        """What a watermark is held against."""
        topics, view = self.topics, self.view
        return Position(
            topics.table_id,
            topics.results_id,
            topics.results_start,
            now_ms,
            view.zone,
            topics.keep_tombstones_ms,
            view.locale,
            self.table.identity,
            sequence,
        )


class Opener:
    """Opens the bindings of one spreadsheet."""

    def __init__(self, spreadsheet_id: str, client: SheetsClient, services: Services, wake: threading.Event) -> None:
        self._spreadsheet_id = spreadsheet_id
        self._client = client
        self._services = services
        self._wake = wake
        self._cells_of: dict[int, int] = {}
        self.sequences: dict[str, tuple[int, int]] = {}
        """By binding the tab's id and its own sequence number as last seen: a lower one tells of an older version."""
        self.wrote = False
        """Set where something was written, so that the fence is another one."""
        self._lossy: dict[str, tuple[TableShape, BindingProblem]] = {}
        self.refused: dict[str, tuple[int, int]] = {}
        """By binding the partition and offset of the message for which it was paused: it is looked at first."""

    def measure(self, view: SheetView) -> None:
        """Takes note of the sizes of the tabs that a read has shown, and warns where Google's limit comes near."""
        before = sum(self._cells_of.values())
        self._cells_of.update({tab.sheet_id: tab.row_count * tab.column_count for tab in view.tabs})
        cells = sum(self._cells_of.values())
        metrics.GRID_CELLS.labels(self._spreadsheet_id).set(cells)
        if before <= _NEAR_CELLS < cells:
            _log.warning(
                "the spreadsheet is near Google's limit of 10,000,000 cells", cells=cells, spreadsheet_id=self._spreadsheet_id
            )

    def open(self, binding: Binding) -> BoundTab:
        """The binding, running. Raises BindingProblem where something is missing, Outage where something is out of reach."""
        world = self.look(binding)
        self._services.look_at(world.topics, world.shape, self.refused.get(binding.name))
        self.refused.pop(binding.name, None)
        tab, shape = world.tab, world.shape
        self.ensure_scratch(world.view)
        cells = self._rows_of(tab.sheet_id, (0, None))
        header = cells.get(0, ())
        if not any(cell.shown == SYNC_HEADER for cell in header):
            if any(cell.value is not None for row in cells.values() for cell in row):
                raise without_sync(tab, binding)
            self.check_sample(world, binding)
            self._set_up(world, binding)
            return self.open(binding)
        mark, metadata_id = watermark_of(tab, binding)
        if mark is None or metadata_id is None:
            self.fenced([new_watermark(world, binding, 0)])
            return self.open(binding)
        changes = column_changes(mark.columns, shape)
        if changes:
            self._change_columns(binding, world, header, changes, replace(mark, written_ms=0))
            return self.open(binding)
        layout = read_layout(header, shape, tab.title)
        place = Place(tab.sheet_id, tab.title, layout, metadata_id, mark.sequence)
        return self._start(binding, world, place, mark)

    def look(self, binding: Binding) -> World:
        """What the binding finds now; raises BindingProblem where something is missing, Outage."""
        view = self.structure()
        table = self._services.table(binding, view.zone)
        topics = self._services.topics(binding)
        if not topics.table_id or not topics.results_id:
            missing = topics.results if topics.table_id else topics.table
            remedy = "run: tabstream connectors apply; or name the topic of your own connector (docs/howto/existing-topics.md)"
            raise BindingProblem(f"the topic {missing!r} does not exist", remedy)
        return World(view, _find(view, binding), table, topics)

    def _start(self, binding: Binding, world: World, place: Place, mark: Watermark) -> BoundTab:
        now, settings = self._services.clock.now_ms(), self._services.settings
        sheet_id, sequence = self.sequences.pop(binding.name, (place.sheet_id, 0))
        sequence = sequence if sheet_id == place.sheet_id else 0
        found = doubts(mark, world.position(now, sequence), place.sheet_id)
        if found:
            _log.warning("the whole tab is planned anew", binding=binding.name, why=found)
        inbox = Inbox(self._wake)
        feed = self._services.feed(world.topics, None if found else mark, inbox, binding.name)
        book = Book(binding, world.shape, doubtful=bool(found), retyped=frozenset(mark.rewrite))
        book.emptied = world.table.truncated
        if not found:
            book.truncated_to, book.snapshot.lsn = dict(mark.table.truncated), mark.table.snapshot
        opened = BoundTab(binding, world.shape, place, world.topics, feed, inbox, book, world.view.zone)
        opened.locale, opened.table_identity, opened.doubted = world.view.locale, world.table.identity, bool(found)
        # Read from its beginning, the topic has keys that only a snapshot left out, perhaps hidden by later changes.
        from_the_beginning = bool(found) or not mark.table.offsets
        opened.check_every_key = from_the_beginning or mark.table_identity not in ("", world.table.identity)
        opened.sweep_at_ms = now + int(1_000 * (binding.sweep_seconds or settings.sweep_seconds))
        if from_the_beginning:
            opened.truncated = world.table.truncated
        return opened

    def structure(self) -> SheetView:
        """The spreadsheet without its cells."""
        view = read_spreadsheet(self._client.get(self._spreadsheet_id, fields=STRUCTURE).body)
        self._cells_of.clear()
        self.measure(view)
        return view

    def _rows_of(self, sheet_id: int, rows: tuple[int, int | None]) -> dict[int, Sequence[ObservedCell]]:
        filters = [{"gridRange": grid_range(sheet_id, rows, None)}]
        answer = self._client.get_by_filter(self._spreadsheet_id, filters=filters, fields=ROWS)
        seen = read_spreadsheet(answer.body).tab_by_id(sheet_id)
        return {} if seen is None else seen.rows

    def ensure_scratch(self, view: SheetView) -> None:
        """Adds the hidden tab and its fence where the spreadsheet has none."""
        if view.tab_by_id(SCRATCH_SHEET_ID) is not None:
            return
        requests = [
            build.add_tab(SCRATCH_TAB, SCRATCH_SHEET_ID, True, SCRATCH_ROWS, SCRATCH_COLUMNS),
            build.protect_tab(SCRATCH_SHEET_ID, str(uuid.uuid4())),
        ]
        self._client.batch_update(self._spreadsheet_id, requests)

    def fenced(self, requests: Sequence[Request]) -> None:
        """Sends the requests in one call behind the fence; raises FenceLost where another write came first."""
        scratch = self.structure().tab_by_id(SCRATCH_SHEET_ID)
        protection = scratch.protection if scratch is not None else None
        first = [] if protection is None or not self._services.settings.fence else fence(protection.id, str(uuid.uuid4()))
        if scratch is not None and protection is None:
            first = [build.protect_tab(SCRATCH_SHEET_ID, str(uuid.uuid4()))]
        self._client.batch_update(self._spreadsheet_id, [*first, *requests])
        self.wrote = True

    def check_sample(self, world: World, binding: Binding) -> None:
        """Raises BindingProblem where a column's values would not survive the way through the sheet."""
        shape, problem = self._lossy.get(binding.name, (None, None))
        if problem is not None and shape == world.shape:
            raise problem
        texts = self._services.sample(binding, world.shape, sample.SAMPLE_ROWS)
        scratch = self.structure().tab_by_id(SCRATCH_SHEET_ID)
        if not texts or scratch is None:
            return
        values = sample.values_of(texts, world.shape)
        self.fenced(sample.write_requests(values, (scratch.row_count, scratch.column_count)))
        rows = sample.FIRST_ROW, sample.FIRST_ROW + len(values)
        try:
            sample.compare(values, self._rows_of(SCRATCH_SHEET_ID, rows), world.shape)
        except BindingProblem as found:
            self._lossy[binding.name] = (world.shape, found)
            raise

    def _set_up(self, world: World, binding: Binding) -> None:
        tab, shape = world.tab, world.shape
        width = len(shape.columns) + 1
        requests: list[Request] = []
        if tab.column_count < width:
            requests.append(build.append_columns(tab.sheet_id, width - tab.column_count))
        if tab.row_count < 2:
            requests.append(build.append_rows(tab.sheet_id, 2 - tab.row_count))
        header = [build.cell(c.header) for c in shape.columns]
        requests += [
            build.update_cells(tab.sheet_id, 0, 0, [header]),
            formats.freeze_rows(tab.sheet_id),
            formats.bold_header(tab.sheet_id, 0, width),
            *sync_column(tab.sheet_id, width - 1),
        ]
        for index, column in enumerate(shape.columns):
            requests += dress(tab.sheet_id, index, column)
        requests.append(new_watermark(world, binding, self._services.clock.now_ms()))
        self.fenced(requests)
        _log.info("tab set up", binding=binding.name, tab=tab.title, columns=len(shape.columns))

    def _change_columns(
        self, binding: Binding, world: World, header: Sequence[ObservedCell], changes: ColumnChanges, mark: Watermark
    ) -> None:
        rewrite = (*mark.rewrite, *(c.name for c in changes.retyped if c.name not in mark.rewrite))
        told = replace(mark, columns=described_columns(world.shape), rewrite=rewrite)
        requests = change_columns(world.tab.sheet_id, header, changes)
        if changes.added or changes.retyped:
            self._services.ask_for_snapshot(binding)  # their values come with no change of a row
        _, metadata_id = watermark_of(world.tab, binding)
        if metadata_id is not None:
            requests.append(build.update_metadata(metadata_id, encode_watermark(told)))
        self.fenced(requests)
        _log.info(
            "columns changed",
            tab=world.tab.title,
            added=[c.name for c in changes.added],
            dropped=changes.dropped,
            retyped=[c.name for c in changes.retyped],
        )


def _find(view: SheetView, binding: Binding) -> TabView:
    for tab in view.tabs:
        refuse_newer(tab, binding)
        mark, _ = watermark_of(tab, binding)
        if mark is not None and mark.sheet_id == tab.sheet_id:
            return tab
    named = view.tab(binding.tab)
    if named is None:
        raise BindingProblem(
            f"spreadsheet {view.title!r} has no tab {binding.tab!r}",
            "create an empty tab of this name, or correct `tab` in the bindings file",
        )
    return named


def refuse_newer(tab: TabView, binding: Binding) -> None:
    """Raises BindingProblem where a newer version of tabstream has written the binding's tab."""
    for entry in tab.metadata:
        found = newer_format(entry.value, binding.name) if entry.key == METADATA_KEY else None
        if found is not None:
            raise BindingProblem(
                f"tab {tab.title!r} is in format {found}, of a newer version of tabstream; this one knows {FORMAT}",
                "upgrade this sheet sink, or let the newer one have the binding",
            )


def watermark_of(tab: TabView, binding: Binding) -> tuple[Watermark | None, int | None]:
    """The binding's watermark in a tab and the id of its metadata, None twice where there is none."""
    for entry in tab.metadata:
        if entry.key == METADATA_KEY:
            mark = decode_watermark(entry.value)
            if mark is not None and mark.binding == binding.name:
                return mark, entry.id
    return None, None


def without_sync(tab: TabView, binding: Binding) -> BindingProblem:
    """What is wrong with a tab that holds something and has no column `_sync`."""
    if watermark_of(tab, binding)[0] is not None:
        return BindingProblem(
            f"the column {SYNC_HEADER!r} of tab {tab.title!r} was deleted, or its header changed",
            "undo that, or restore an earlier version; the rows can't be told apart without it",
        )
    return BindingProblem(
        f"tab {tab.title!r} has content of its own and is not bound yet",
        f"tabstream bind {binding.table} {quote(binding.spreadsheet)} {quote(binding.tab)} shows what differs, and takes the "
        "sides that you name; or empty the tab, or name another one in the bindings file",
    )


def overtaken(view: SheetView, tabs: Mapping[str, BoundTab], ours: bool) -> list[str]:
    """The bindings that have been written more often than is known here; if that was `ours`, it is taken note of instead.

    Another instance was further in the topics: they are to be opened again, from where that one is.
    """
    names = []
    for name, tab in tabs.items():
        seen = view.tab_by_id(tab.place.sheet_id)
        mark = None if seen is None else watermark_of(seen, tab.binding)[0]
        if mark is None or mark.sequence <= tab.place.sequence:
            continue
        if ours:
            tab.place.sequence = mark.sequence
        else:
            names.append(name)
    return names


def new_watermark(world: World, binding: Binding, now_ms: int, shown: Mapping[int, int] | None = None) -> Request:
    """The first watermark of a tab. `shown` are the offsets of the table's topic whose keys the tab had or lacks on purpose,
    None where it shows nothing of it yet; `now_ms` is 0 where all rows are to be planned."""
    sheet_id = world.tab.sheet_id
    mark = Watermark(
        binding=binding.name,
        sheet_id=sheet_id,
        sequence=0,
        written_ms=now_ms,
        zone=world.view.zone,
        table=TopicMark(world.topics.table_id, shown or {}),
        results=TopicMark(world.topics.results_id, {0: world.topics.results_end - 1}),
        columns=described_columns(world.shape),
        locale=world.view.locale,
        table_identity=world.table.identity,
    )
    return build.create_metadata(random.randrange(1, 2**31 - 1), METADATA_KEY, encode_watermark(mark), sheet_id)
