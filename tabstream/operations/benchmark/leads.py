"""Made-up leads as Debezium would write them, and as the Sheets API would answer them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fastavro

from tabstream.bindings_file import load_bindings
from tabstream.config import Settings
from tabstream.core.binding import SYNC_HEADER, Binding, TableShape
from tabstream.core.cells import CellValue, RowKey, digest, row_key
from tabstream.core.changes import Desired
from tabstream.core.marks import Mark, MarkedCell, encode_mark
from tabstream.core.plan import shown_value
from tabstream.errors import TabstreamError
from tabstream.kafka.avro import Decoder
from tabstream.kafka.events import Events
from tabstream.kafka.reader import TopicReader
from tabstream.kafka.topics import topic_of
from tabstream.kafka.wire import schema_ref
from tabstream.operations.demo.binding import NAME
from tabstream.operations.sources import snapshot
from tabstream.operations.topic_source import Form
from tabstream.postgres.shape import read_shape

SHEET_ID = 7
ZONE = "Etc/GMT"
_SCHEMA_BYTES = 5


class Leads:
    """Messages in the schemas of a topic that has at least one row."""

    def __init__(self, settings: Settings, topic: str, decoder: Decoder) -> None:
        key, value = _example(settings, topic)
        self._key = key[:_SCHEMA_BYTES], decoder.schema(schema_ref(key)), decoder.decode(key)
        self._value = value[:_SCHEMA_BYTES], decoder.schema(schema_ref(value)), decoder.decode(value)

    def message(self, number: int, version: int) -> tuple[bytes, bytes]:
        """Value and key of a row's version."""
        head, schema, key = self._key
        made = _encoded(head, schema, {**key, "lead_id": number})
        head, schema, value = self._value
        after = {
            **value["after"],
            "lead_id": number,
            "name": f"Person {number}",
            "email": f"person.{number}@example.org",
            "company": f"Company {number % 500}",
            "notes": f"version {version} of {number}",
        }
        return _encoded(head, schema, {**value, "before": None, "after": after, "op": "u"}), made

    def row_key(self, number: int) -> RowKey:
        """The key of a row."""
        return row_key([float(number)])


@dataclass(frozen=True, slots=True)
class Table:
    """The demo's table, and how its messages are read and made."""

    settings: Settings
    binding: Binding
    shape: TableShape
    decoder: Events
    leads: Leads

    @property
    def form(self) -> Form:
        """How messages are read."""
        return Form(self.decoder, topic_of(self.settings, self.binding), self.shape)


def open_table(settings: Settings) -> Table:
    """The table of the stack that these settings name."""
    [binding] = [b for b in load_bindings(settings.required_path("bindings_file")).bindings if b.name == NAME]
    decoder = Events(settings.registry)
    with snapshot(settings) as connection:
        shape = read_shape(connection, binding, ZONE)
    return Table(settings, binding, shape, decoder, Leads(settings, topic_of(settings, binding), decoder))


def header(shape: TableShape) -> list[str]:
    """The first row of the tab."""
    return [*(column.header for column in shape.columns), SYNC_HEADER]


def shown_row(shape: TableShape, change: Desired) -> list[CellValue]:
    """A row of the tab that shows a change, its mark included."""
    values = {column.name: shown_value(change.values or {}, column.name) for column in shape.columns}
    cells = {name: MarkedCell(digest(value)) for name, value in values.items()}
    return [*values.values(), encode_mark(Mark(change.key, 0, change.offset, cells), 1)]


def answer(blocks: Sequence[tuple[int, Sequence[Sequence[CellValue]]]]) -> dict[str, Any]:
    """What the API answers to a read of the tab: blocks of rows, each from a row on."""
    data = [{"startRow": at, "rowData": [{"values": [_cell(v) for v in row]} for row in rows]} for at, rows in blocks]
    grid = {"rowCount": max(at + len(rows) for at, rows in blocks), "columnCount": len(blocks[0][1][0])}
    properties = {"sheetId": SHEET_ID, "title": "Leads", "gridProperties": grid}
    return {"properties": {"timeZone": ZONE}, "sheets": [{"properties": properties, "data": data}]}


def _cell(value: CellValue) -> dict[str, Any]:
    if value is None:
        return {}
    kind = "boolValue" if isinstance(value, bool) else "stringValue" if isinstance(value, str) else "numberValue"
    return {"effectiveValue": {kind: value}, "formattedValue": str(value)}


def _encoded(head: bytes, schema: Any, record: Any) -> bytes:
    stream = io.BytesIO()
    stream.write(head)
    fastavro.schemaless_writer(stream, schema, record)
    return stream.getvalue()


def _example(settings: Settings, topic: str) -> tuple[bytes, bytes]:
    with TopicReader(settings) as reader:
        for record in reader.read(topic, {p: bounds.first for p, bounds in reader.bounds(topic).items()}):
            if record.key is not None and record.value is not None and b"@" in record.value:
                return record.key, record.value
    raise TabstreamError(f"{topic} has no row yet")
