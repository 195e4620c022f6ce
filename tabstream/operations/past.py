"""A read-only tab of a past moment: the topic folded up to there, written beside the bound tabs, and proved.

The tab belongs to nobody's binding. A title that a command which was broken off has left is recognised by the tab's metadata,
and written anew.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from consumers.sheet_sink.columns import dress
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.audit import checksum, row_digest
from tabstream.core.binding import Binding, TableShape
from tabstream.core.cells import EMPTY_CELL, CellValue, RowKey, key_values, row_key
from tabstream.core.changes import Desired
from tabstream.core.moments import shown_moment
from tabstream.core.past import Past, UpTo
from tabstream.core.places import Beginning, End, Moment, Offset, Place, partition_of, told_bounds
from tabstream.core.plan import shown_value
from tabstream.core.results import Truncated
from tabstream.core.snapshots import Snapshot
from tabstream.errors import BindingProblem, OperatorError
from tabstream.kafka.events import Events
from tabstream.kafka.reader import TopicReader
from tabstream.kafka.retention import kept
from tabstream.kafka.topics import topic_of
from tabstream.operations.rebuild import Watcher
from tabstream.operations.sources import snapshot
from tabstream.operations.topic_source import Form, decoded_rows, gone
from tabstream.postgres.outbox import truncates
from tabstream.postgres.shape import read_shape
from tabstream.sheets import formats
from tabstream.sheets import requests as build
from tabstream.sheets.answers import SheetView, TabView
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.errors import InvalidRequest
from tabstream.sheets.pages import read_pages, read_structure
from tabstream.sheets.requests import CellData, Request

METADATA_KEY = "tabstream.as_of"
_MAX_CALL_BYTES = 2_000_000

Row = tuple[RowKey, Mapping[str, CellValue]]


@dataclass(frozen=True, slots=True)
class Moments:
    """What a topic tells of its past. `up_to` are per partition the last offsets included, `reaches_to_ms` the earliest time
    that can be told (ms since 1970)."""

    rows: Sequence[Row]
    shape: TableShape
    topic: str
    up_to: Mapping[int, int]
    reaches_to_ms: int
    messages: int


@dataclass(frozen=True, slots=True)
class Written:
    """The tab of a past moment. `checksums` are the tab's and the topic's, each read afresh, None twice where nothing was
    written."""

    title: str
    moment: Moments
    calls: int = 0
    checksums: tuple[str, str] | None = None
    tab_rows: int = 0

    @property
    def equal(self) -> bool:
        """Whether tab and topic are equal."""
        return self.checksums is None or self.checksums[0] == self.checksums[1]


@dataclass(frozen=True, slots=True)
class Historian:
    """Shows the past of bindings."""

    settings: Settings
    client: SheetsClient
    clock: Clock
    watcher: Watcher

    def tell(self, binding: Binding, place: Place) -> Moments:
        """Folds the topic up to a place. Raises OperatorError for a place that is not there, or that the topic can't tell any
        more; Outage, BindingProblem."""
        topic = topic_of(self.settings, binding)
        zone = read_structure(self.client, binding.spreadsheet_id).zone
        with snapshot(self.settings) as connection:
            shape = read_shape(connection, binding, zone)
            emptied = truncates(connection, f"{binding.schema_name}.{binding.table_name}")
        form = Form(Events(self.settings.registry), topic, shape)
        past, messages, used = self._fold(topic, place, form)
        reached_ms = self._refuse_what_is_gone(topic, past, used)
        found = list(decoded_rows(past.newest, form))
        rows = sorted(_alive(found, _last_of(emptied, past.up_to, found), shape), key=lambda row: _sortable(row[0]))
        return Moments(rows, shape, topic, past.last, past.reaches_back_to(reached_ms), messages)

    def write(self, binding: Binding, place: Place, title: str) -> Written:
        """Writes the tab, and compares it with the topic, both read afresh. Raises as `tell`, and OperatorError where there is
        a tab of this title that is not of an earlier try, or where Google refuses the tab."""
        view = read_structure(self.client, binding.spreadsheet_id)
        left = _left_over(view, binding, title)
        place = Moment(self.clock.now_ms()) if isinstance(place, End) else place
        told = self.tell(binding, place)
        self.watcher.say(f"{binding.name}: writing {title!r}")
        try:
            calls, done = self._write(binding, told, title, left)
        except InvalidRequest as refused:
            raise OperatorError(
                f"google refuses to make the tab {title!r}: {refused}",
                "name another title (--into), or make room in the spreadsheet",
            ) from refused
        again = self.tell(binding, place)
        tab = dict(self._read(binding, title, told.shape))
        topic = {key: _digest(values, told.shape) for key, values in again.rows}
        checksums = checksum(tab), checksum(topic)
        if checksums[0] == checksums[1]:
            self.client.batch_update(binding.spreadsheet_id, [done])
            calls += 1
        return Written(title, told, calls, checksums, len(tab))

    def _fold(self, topic: str, place: Place, form: Form) -> tuple[Past, int, list[int]]:
        with TopicReader(self.settings) as reader:
            bounds = reader.bounds(topic)
            if begun := [p for p, has in bounds.items() if has.first > 0]:
                raise OperatorError(
                    f"the beginning of {topic} is gone, it holds {told_bounds({p: bounds[p] for p in begun})}",
                    "let its messages be compacted only (cleanup.policy=compact), and take a new snapshot of the table",
                )
            if isinstance(place, Offset):
                partition_of(place, topic, bounds)
                if len(bounds) > 1:
                    raise OperatorError(f"{topic} has {len(bounds)} partitions: an offset names no moment", "name a time")
            past = Past(_up_to(place, self.clock.now_ms()), form.committed_ms)
            total, messages = sum(has.following for has in bounds.values()), 0
            self.watcher.say(f"reading {topic}")
            for record in reader.read(topic, {partition: has.first for partition, has in bounds.items()}):
                past.take(record.framed())
                messages += 1
                if messages % 1_000 == 0:
                    self.watcher.count(messages, total)
        return past, messages, [partition for partition, has in bounds.items() if has.following]

    def _refuse_what_is_gone(self, topic: str, past: Past, partitions: Sequence[int]) -> int:
        """The time down to which compaction may have reached; raises OperatorError where that may be missed."""
        policy = kept(self.settings, topic)
        lag_ms = 0 if policy is None else policy.lag_ms
        reached_ms = self.clock.now_ms() - lag_ms
        begins = past.first_ms
        if begins is None or (past.up_to.ms is not None and not past.newest):
            since = "is empty" if begins is None else f"begins at {shown_moment(begins)}"
            raise OperatorError(f"{topic} {since}: it tells nothing of an earlier time", "name a later time")
        if not past.is_whole(reached_ms, partitions):
            first = shown_moment(past.reaches_back_to(reached_ms))
            raise OperatorError(
                f"{topic} can't tell that any more: what was overwritten since may be compacted away",
                f"it reaches back to {first}; its min.compaction.lag.ms, {lag_ms} now, says how long versions are kept",
            )
        return reached_ms

    def _write(self, binding: Binding, told: Moments, title: str, left: TabView | None) -> tuple[int, Request]:
        """How many calls it took, and what says that the tab is done: without it, the same command writes the tab anew."""
        sheet_id, metadata_id = random.randrange(1, 2**31 - 1), random.randrange(1, 2**31 - 1)
        width = len(told.shape.columns)
        first: list[Request] = [] if left is None else [build.delete_tab(left.sheet_id)]
        about = {"binding": binding.name, "offsets": {str(p): offset for p, offset in told.up_to.items()}}
        first += [
            build.add_tab(title, sheet_id, rows=max(2, len(told.rows) + 1), columns=width),
            build.create_metadata(metadata_id, METADATA_KEY, json.dumps({**about, "complete": False}), sheet_id),
            build.update_cells(sheet_id, 0, 0, [[build.cell(column.header) for column in told.shape.columns]]),
            formats.freeze_rows(sheet_id),
            formats.bold_header(sheet_id, 0, width),
        ]
        for index, column in enumerate(told.shape.columns):
            first += dress(sheet_id, index, column)
        calls = 0
        for requests, rows in _calls(first, sheet_id, told):
            self.client.batch_update(binding.spreadsheet_id, requests)
            calls += 1
            self.watcher.count(rows, len(told.rows))
        protection = build.protect_tab(sheet_id, f"tabstream: {binding.name} as it was", warning_only=False)
        self.client.batch_update(binding.spreadsheet_id, [protection])
        return calls + 1, build.update_metadata(metadata_id, json.dumps({**about, "complete": True}))

    def _read(self, binding: Binding, title: str, shape: TableShape) -> Iterator[tuple[RowKey, bytes]]:
        tab = read_structure(self.client, binding.spreadsheet_id).tab(title)
        if tab is None:
            raise BindingProblem(f"tab {title!r} was deleted meanwhile", "run it again")
        for _, seen in read_pages(self.client, binding.spreadsheet_id, tab):
            for index, cells in seen.rows.items():
                if index == 0:
                    continue
                at = dict(enumerate(cells))
                values = {c.name: c.type.from_cell(at.get(n, EMPTY_CELL)) for n, c in enumerate(shape.columns)}
                if any(value is not None for value in values.values()):
                    yield row_key([values[name] for name in shape.key]), _digest(values, shape)


def _left_over(view: SheetView, binding: Binding, title: str) -> TabView | None:
    """A tab of this title that was not finished, to be written anew; raises OperatorError for any other."""
    tab = view.tab(title)
    if tab is None:
        return None
    for entry in tab.metadata:
        if entry.key == METADATA_KEY:
            about = json.loads(entry.value)
            if about["binding"] == binding.name and not about["complete"]:
                return tab
    raise OperatorError(f"there is a tab {title!r} already", "delete it, or name another one: --into TITLE")


def _up_to(place: Place, now_ms: int) -> UpTo:
    match place:
        case Offset(offset=offset):
            return UpTo(offset=offset)
        case Moment(ms=ms):
            return UpTo(ms=ms)
        case End():
            return UpTo(ms=now_ms)
        case Beginning():
            raise OperatorError("the beginning shows nothing", "name a time or an offset")


def _last_of(emptied: Sequence[Truncated], up_to: UpTo, found: Iterable[Desired]) -> Truncated | None:
    """The last truncate that the moment includes."""
    last_lsn = max((change.lsn for change in found if change.lsn is not None), default=0)
    met = [t for t in emptied if (t.at_ms <= up_to.ms if up_to.ms is not None else t.lsn <= last_lsn)]
    return met[-1] if met else None


def _alive(found: Sequence[Desired], emptied: Truncated | None, shape: TableShape) -> Iterator[Row]:
    """The rows that the table had: without those that were deleted, that a truncate took, or that a snapshot left out."""
    seen = Snapshot()
    for change in found:
        seen.saw(change)
    for change in found:
        if change.values is not None and not gone(change, emptied) and not seen.leaves_out(change.partition, change.offset):
            yield change.key, {c.name: shown_value(change.values, c.name) for c in shape.columns}


def _sortable(key: RowKey) -> list[tuple[str, CellValue]]:
    return [(type(value).__name__, value) for value in key_values(key)]


def _digest(values: Mapping[str, CellValue], shape: TableShape) -> bytes:
    return row_digest(tuple(values[column.name] for column in shape.columns))


def _calls(first: list[Request], sheet_id: int, told: Moments) -> Iterator[tuple[list[Request], int]]:
    """The requests of one call after the other, each of a bounded size, and how many rows are written after it."""
    requests, start, size = first, 1, build.size_of(first)
    cells: list[list[CellData]] = []
    for row, (_, values) in enumerate(told.rows, start=1):
        made = [build.cell(values[column.name]) for column in told.shape.columns]
        size += build.size_of(made)
        if size > _MAX_CALL_BYTES and cells:
            yield [*requests, build.update_cells(sheet_id, start, 0, cells)], row - 1
            requests, cells, start, size = [], [], row, build.size_of(made)
        cells.append(made)
    if cells:
        requests = [*requests, build.update_cells(sheet_id, start, 0, cells)]
    yield requests, len(told.rows)
