"""Our own work for one flush: decoding changes, reading their rows, planning them, building the call. No Kafka, no Google."""

import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from consumers.sheet_sink.bound_tab import BoundTab, Place
from consumers.sheet_sink.feed import Feed, Topics
from consumers.sheet_sink.inbox import Inbox
from consumers.sheet_sink.reading import Reading
from consumers.sheet_sink.rendering import render
from consumers.sheet_sink.scratch import SCRATCH_COLUMNS, SCRATCH_ROWS, SCRATCH_SHEET_ID
from tabstream.core.binding import Binding, TableShape
from tabstream.core.book import Book
from tabstream.core.changes import Desired
from tabstream.core.tab import Layout
from tabstream.core.tabparts import Look
from tabstream.core.tabplan import believe
from tabstream.core.watermark import METADATA_KEY, TopicMark, Watermark, encode_watermark
from tabstream.errors import TabstreamError
from tabstream.operations.benchmark.leads import SHEET_ID, ZONE, Table, answer, header, shown_row
from tabstream.operations.topic_source import Form
from tabstream.sheets.answers import read_spreadsheet

_METADATA_ID = 7
_FENCE_ID = 5
_TOPICS = Topics("made-up", "table's id", 1, "results", "results' id", 0, 0)


@dataclass(frozen=True, slots=True)
class Flushed:
    """Seconds of the processor, and bytes of the answer that was read and of the call that was built."""

    rows: int
    seconds: float
    read_bytes: int
    written_bytes: int


def flush(table: Table, tab_rows: int, count: int) -> Flushed:
    """One flush that shows `count` changes in a tab of `tab_rows` rows."""
    binding, shape, form, leads = table.binding, table.shape, table.form, table.leads
    book = Book(binding, shape)
    changed = [tab_rows // count * number for number in range(count)]
    before = {number: _decoded(form, leads.message(number, 0), number) for number in changed}
    for number in range(tab_rows):
        key = before[number].key if number in before else leads.row_key(number)
        book.fold(key, 0, number, False)
        book.entries[key].row = number + 1
    body = orjson.dumps(_body(shape, binding, before))
    messages = [leads.message(number, 1) for number in changed]
    feed = Feed(table.settings, _TOPICS, None, Inbox(threading.Event()), "tabstream.benchmark")
    layout = Layout({column.name: at for at, column in enumerate(shape.columns)}, len(shape.columns))
    place = Place(SHEET_ID, "Leads", layout, _METADATA_ID, 1)
    tab = BoundTab(binding, shape, place, _TOPICS, feed, Inbox(threading.Event()), book, ZONE)
    began = time.process_time()
    for offset, message in enumerate(messages, tab_rows):
        book.change(_decoded(form, message, offset))
    written = _flushed(tab, body)
    seconds = time.process_time() - began
    feed.close()
    return Flushed(count, seconds, len(body), written)


def _flushed(tab: BoundTab, body: bytes) -> int:
    reading = Reading("read", read_spreadsheet(orjson.loads(body)), 0, 1, _FENCE_ID, "batch")
    seen = reading.tab(tab)
    rows = {row.row: row for row in tab.rows(seen.cells)}
    found = believe(tab.book, {key: rows[row] for key, row in tab.book.rows_to_read(len(rows)).items()}, {})
    plan = tab.plan(found, Look.ROWS, seen, 0, 0)
    batch = render(str(uuid.uuid4()), reading, [(tab, plan, seen)], 0)
    return len(orjson.dumps({"requests": batch.requests}))


def _decoded(form: Form, message: tuple[bytes, bytes], offset: int) -> Desired:
    value, raw_key = message
    key = form.key(raw_key)
    if key is None:
        raise TabstreamError(f"a key of {form.topic} can't be read")
    return form.desired(key, (value, 0, offset))


def _body(shape: TableShape, binding: Binding, rows: dict[int, Desired]) -> dict[str, Any]:
    nothing = TopicMark(_TOPICS.results_id, {0: 0})
    mark = encode_watermark(Watermark(binding.name, SHEET_ID, 1, 0, ZONE, TopicMark(_TOPICS.table_id, {0: 0}), nothing))
    blocks: list[tuple[int, Sequence[Sequence[Any]]]] = [(0, [header(shape)])]
    blocks += [(number + 1, [shown_row(shape, change)]) for number, change in rows.items()]
    body = answer(blocks)
    [sheet] = body["sheets"]
    sheet["developerMetadata"] = [{"metadataId": _METADATA_ID, "metadataKey": METADATA_KEY, "metadataValue": mark}]
    size = {"rowCount": SCRATCH_ROWS, "columnCount": SCRATCH_COLUMNS}
    body["sheets"].append({"properties": {"sheetId": SCRATCH_SHEET_ID, "title": "_tabstream", "gridProperties": size}})
    return body
