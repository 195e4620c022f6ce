"""A rebuild of a large tab, and a sheet sink's flush, and how much of it is our own time: quota and API apart.

A topic of a million messages, ten for each of a hundred thousand rows of ten columns, is folded and compared with the pages of
a tab that shows it, as the Sheets API answers them. Both are made beforehand; processes of their own do what is measured.
"""

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

import orjson
from confluent_kafka.admin import NewTopic as _NewTopic  # type: ignore[attr-defined]

from tabstream.collecting import collect_rarely
from tabstream.config import Settings, load_settings
from tabstream.core.audit import compare
from tabstream.core.binding import TableShape
from tabstream.core.cells import CellValue
from tabstream.core.past import Raw
from tabstream.core.tab import ObservedRow, read_layout, read_row
from tabstream.kafka import clients
from tabstream.kafka.folding import Folder
from tabstream.local import stack
from tabstream.local.state import State
from tabstream.operations.benchmark.figure import Figure
from tabstream.operations.benchmark.leads import Table, answer, header, open_table, shown_row
from tabstream.operations.benchmark.planning import Flushed, flush
from tabstream.operations.topic_source import Form, decoded_rows
from tabstream.sheets.answers import read_spreadsheet
from tabstream.sheets.pages import CELLS_A_PAGE

ROWS = 100_000
VERSIONS = 10
_NAMES = ("database_url", "bootstrap_servers", "schema_registry_url", "sheets_url", "bindings_file")
_SECONDS = 60.0
_UNACKNOWLEDGED = 10_000
_FLUSHED = 2_000
_GOOGLE_ROWS = 3_200  # a second, of ten columns, in calls of at most two megabytes
_TABS = 1_000, 300_000
_TURNS = 15


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
    table = open_table(made)
    topic = f"tabstream.benchmark.{uuid.uuid4()}"
    admin = clients.admin(made)  # without a name it would be gone before the answer
    with tempfile.TemporaryDirectory() as folder:
        _prepare(table, topic, Path(folder), rows)
        try:
            found = Rebuild(**_apart(variables, topic, folder))
        finally:
            admin.delete_topics([topic])[topic].result(_SECONDS)
    own = found.fold_seconds + found.compare_seconds
    speed = found.messages / max(found.fold_wall_seconds, 1e-9)
    many, small, large = (Flushed(**flushed) for flushed in _apart(variables))
    return [
        Figure(
            f"rebuild of {rows:,} rows of ten columns out of {found.messages:,} messages, nothing differs: our own time",
            f"{own:.1f} s of one core (folding {found.fold_seconds:.1f} s, comparing {found.compare_seconds:.1f} s), "
            f"{found.resident / 1e6:.0f} MB resident at most, {found.differences} differences",
            aim="under 15 s, under 400 MB",
        ),
        Figure("messages of hot keys folded", f"{speed:,.0f} a second", aim="over 200,000 a second"),
        Figure(
            "changes decoded, planned and built into a call, ten columns each",
            f"{many.rows / many.seconds:,.0f} rows a second of one core",
            aim=f"over {3 * _GOOGLE_ROWS:,}: three times what Google's quota takes",
        ),
        Figure(
            f"one change in a tab of {_TABS[1]:,} rows, and in one of {_TABS[0]:,}",
            f"{large.read_bytes:,} and {small.read_bytes:,} bytes read, "
            f"{large.written_bytes:,} and {small.written_bytes:,} written, "
            f"{large.seconds * 1e3:.1f} and {small.seconds * 1e3:.1f} ms",
            aim="the same",
        ),
    ]


def _apart(variables: Mapping[str, str], *arguments: str) -> Any:
    """What this module prints as a program, which collects garbage as the processes of tabstream do."""
    command = [sys.executable, "-m", __name__, *arguments]
    done = subprocess.run(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _flushes(table: Table) -> list[Flushed]:
    """Many changes in one flush, and one change in a small and in a large tab: the fastest turn of each."""
    sizes = (_FLUSHED, _FLUSHED), *((rows, 1) for rows in _TABS)
    return [min((flush(table, rows, count) for _ in range(_TURNS)), key=_cost) for rows, count in sizes]


def _cost(flushed: Flushed) -> float:
    return flushed.seconds


def _prepare(table: Table, topic: str, folder: Path, rows: int) -> None:
    admin = clients.admin(table.settings)
    admin.create_topics([_NewTopic(topic, 1, 1)])[topic].result(_SECONDS)
    producer = clients.producer(table.settings)
    for version in range(VERSIONS):
        for number in range(rows):
            producer.produce(topic, *table.leads.message(number, version), partition=0)
            if number % _UNACKNOWLEDGED == 0:
                producer.flush(_SECONDS)
    producer.flush(_SECONDS)
    final: dict[bytes, Raw] = {
        b: (v, 0, n) for n, (v, b) in enumerate(table.leads.message(number, VERSIONS - 1) for number in range(rows))
    }
    _write_pages(folder, table.form, final)


def _write_pages(folder: Path, form: Form, newest: Mapping[bytes, Raw]) -> None:
    shape = form.shape
    height = CELLS_A_PAGE // (len(shape.columns) + 1)
    page: list[list[CellValue]] = [[*header(shape)]]
    start = 0
    for change in decoded_rows(newest, form):
        page.append(shown_row(shape, change))
        if len(page) == height:
            (folder / f"{start:09}.json").write_bytes(orjson.dumps(answer([(start, page)])))
            start, page = start + len(page), []
    if page:
        (folder / f"{start:09}.json").write_bytes(orjson.dumps(answer([(start, page)])))


def _measured(table: Table, topic: str, folder: Path) -> Rebuild:
    began, began_wall = time.process_time(), time.monotonic()
    fold = Folder(table.settings, topic).advance(lambda done, total: None)
    folded, folded_wall = time.process_time(), time.monotonic()
    rows = ((c.key, c.values) for c in decoded_rows(fold.newest, table.form) if c.values is not None)
    found = compare(_pages(folder, table.shape), rows, table.shape)
    found.checksums()
    ended = time.process_time()
    return Rebuild(fold.messages, folded - began, ended - folded, folded_wall - began_wall, _resident(), len(found.findings))


def _resident() -> int:
    """Bytes of this program at most. What getrusage tells counts the process too that this one was forked from."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    # https://man7.org/linux/man-pages/man5/proc_pid_status.5.html: in units of 1,024 bytes
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def _pages(folder: Path, shape: TableShape) -> Iterator[ObservedRow]:
    layout = None
    for page in sorted(folder.glob("*.json")):
        rows = read_spreadsheet(orjson.loads(page.read_bytes())).tabs[0].rows
        layout = layout or read_layout(rows[0], shape, "Leads")
        for index, cells in rows.items():
            if index > 0:
                yield read_row(index, cells, layout, shape)


if __name__ == "__main__":
    collect_rarely()
    opened = open_table(load_settings())
    if sys.argv[1:]:
        sys.stdout.write(json.dumps(asdict(_measured(opened, sys.argv[1], Path(sys.argv[2])))))
    else:
        sys.stdout.write(json.dumps([asdict(flushed) for flushed in _flushes(opened)]))
