"""A rebuild of a large tab, and how much of it is our own time: quota and API apart.

A topic of a million messages, ten for each of a hundred thousand rows of ten columns, is folded and compared with the pages of
a tab that shows it, as the Sheets API answers them. Both are made beforehand; a process of its own does what is measured.
"""

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import fastavro
import orjson
from confluent_kafka.admin import NewTopic as _NewTopic  # type: ignore[attr-defined]

from tabstream.bindings_file import load_bindings
from tabstream.config import Settings, load_settings
from tabstream.core.audit import compare
from tabstream.core.binding import SYNC_HEADER, Binding, TableShape
from tabstream.core.cells import CellValue, digest
from tabstream.core.marks import Mark, MarkedCell, encode_mark
from tabstream.core.past import Raw
from tabstream.core.plan import shown_value
from tabstream.core.tab import ObservedRow, read_layout, read_row
from tabstream.errors import TabstreamError
from tabstream.kafka import clients
from tabstream.kafka.avro import Decoder
from tabstream.kafka.folding import Folder
from tabstream.kafka.reader import TopicReader
from tabstream.local import stack
from tabstream.local.state import State
from tabstream.operations.benchmark.figure import Figure
from tabstream.operations.sources import snapshot
from tabstream.operations.topic_source import decoded_rows
from tabstream.operations.topics import table_topic
from tabstream.postgres.shape import read_shape
from tabstream.sheets.answers import read_spreadsheet
from tabstream.sheets.pages import CELLS_A_PAGE

ROWS = 100_000
VERSIONS = 10
_NAMES = ("database_url", "bootstrap_servers", "schema_registry_url", "sheets_url", "bindings_file")
_ZONE = "Etc/GMT"
_SECONDS = 60.0
_UNACKNOWLEDGED = 10_000
_SCHEMA_BYTES = 5


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What the measured process took; seconds are of the processor, bytes resident at most."""

    messages: int
    fold_seconds: float
    compare_seconds: float
    fold_wall_seconds: float
    resident: int
    differences: int


def figures(state: State, rows: int = ROWS) -> list[Figure]:
    """Measures it against the Kafka and the database of a stack."""
    found_at = stack.environment(state)
    variables = {f"TABSTREAM_{name.upper()}": str(found_at[name]) for name in _NAMES}
    made = Settings(**{name: found_at[name] for name in _NAMES})
    [binding] = [b for b in load_bindings(made.required_path("bindings_file")).bindings if b.name == "leads"]
    topic = f"tabstream.benchmark.{uuid.uuid4()}"
    with tempfile.TemporaryDirectory() as folder:
        _prepare(made, binding, topic, Path(folder), rows)
        try:
            done = subprocess.run(
                [sys.executable, "-m", __name__, topic, folder],
                env={**os.environ, **variables},
                stdout=subprocess.PIPE,
                check=True,
            )
        finally:
            clients.admin(made).delete_topics([topic])[topic].result(_SECONDS)
    found = Rebuild(**json.loads(done.stdout))
    own = found.fold_seconds + found.compare_seconds
    speed = found.messages / max(found.fold_wall_seconds, 1e-9)
    return [
        Figure(
            f"rebuild of {rows:,} rows of ten columns out of {found.messages:,} messages, nothing differs: our own time",
            f"{own:.1f} s of one core (folding {found.fold_seconds:.1f} s, comparing {found.compare_seconds:.1f} s), "
            f"{found.resident / 1e6:.0f} MB resident at most, {found.differences} differences",
            aim="under 15 s, under 400 MB",
        ),
        Figure("messages of hot keys folded", f"{speed:,.0f} a second", aim="over 200,000 a second"),
    ]


def _prepare(settings: Settings, binding: Binding, topic: str, folder: Path, rows: int) -> None:
    decoder = Decoder(settings.schema_registry_url)
    with snapshot(settings) as connection:
        shape = read_shape(connection, binding, _ZONE)
    key, value = _example(settings, table_topic(settings, binding))
    admin = clients.admin(settings)
    admin.create_topics([_NewTopic(topic, 1, 1)])[topic].result(_SECONDS)
    producer = clients.producer(settings)
    writer = _Writer(decoder, key, value)
    for version in range(VERSIONS):
        for number in range(rows):
            producer.produce(topic, *writer.message(number, version), partition=0)
            if number % _UNACKNOWLEDGED == 0:
                producer.flush(_SECONDS)
    producer.flush(_SECONDS)
    final: dict[bytes, Raw] = {
        b: (v, 0, n) for n, (v, b) in enumerate(writer.message(number, VERSIONS - 1) for number in range(rows))
    }
    _write_pages(folder, shape, decoder, final)


class _Writer:
    """Messages of made-up leads, as Debezium would write them."""

    def __init__(self, decoder: Decoder, key: bytes, value: bytes) -> None:
        self._key = key[:_SCHEMA_BYTES], decoder.schema(key), decoder.decode(key)
        self._value = value[:_SCHEMA_BYTES], decoder.schema(value), decoder.decode(value)

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


def _write_pages(folder: Path, shape: TableShape, decoder: Decoder, newest: Mapping[bytes, Raw]) -> None:
    height = CELLS_A_PAGE // (len(shape.columns) + 1)
    page: list[list[Any]] = [[*(column.header for column in shape.columns), SYNC_HEADER]]
    start = 0
    for change in decoded_rows(newest, shape, decoder):
        values = {column.name: shown_value(change.values or {}, column.name) for column in shape.columns}
        cells = {name: MarkedCell(digest(value)) for name, value in values.items()}
        page.append([*values.values(), encode_mark(Mark(change.key, 0, change.offset, cells), 1)])
        if len(page) == height:
            _write_page(folder, start, page)
            start, page = start + len(page), []
    _write_page(folder, start, page)


def _write_page(folder: Path, start: int, rows: list[list[Any]]) -> None:
    data = [{"startRow": start, "rowData": [{"values": [_cell(value) for value in row]} for row in rows]}]
    body = {"properties": {"timeZone": _ZONE}, "sheets": [{"properties": {"sheetId": 0, "title": "Leads"}, "data": data}]}
    (folder / f"{start:09}.json").write_bytes(orjson.dumps(body))


def _cell(value: CellValue) -> dict[str, Any]:
    if value is None:
        return {}
    kind = "boolValue" if isinstance(value, bool) else "stringValue" if isinstance(value, str) else "numberValue"
    return {"effectiveValue": {kind: value}, "formattedValue": str(value)}


def _measured(settings: Settings, topic: str, folder: Path) -> Rebuild:
    [binding] = [b for b in load_bindings(settings.required_path("bindings_file")).bindings if b.name == "leads"]
    with snapshot(settings) as connection:
        shape = read_shape(connection, binding, _ZONE)
    decoder = Decoder(settings.schema_registry_url)
    began, began_wall = time.process_time(), time.monotonic()
    with Folder(settings, topic) as folder_of:
        fold = folder_of.advance(lambda done, total: None)
        folded, folded_wall = time.process_time(), time.monotonic()
        rows = ((c.key, c.values) for c in decoded_rows(fold.newest, shape, decoder) if c.values is not None)
        found = compare(_pages(folder, shape), rows, shape)
        found.checksums()
    ended = time.process_time()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Rebuild(fold.messages, folded - began, ended - folded, folded_wall - began_wall, resident, len(found.findings))


def _pages(folder: Path, shape: TableShape) -> Iterator[ObservedRow]:
    layout = None
    for page in sorted(folder.glob("*.json")):
        rows = read_spreadsheet(orjson.loads(page.read_bytes())).tabs[0].rows
        layout = layout or read_layout(rows[0], shape, "Leads")
        for index, cells in rows.items():
            if index > 0:
                yield read_row(index, cells, layout, shape)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(_measured(load_settings(), sys.argv[1], Path(sys.argv[2])))))
