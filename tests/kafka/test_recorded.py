"""Messages of a real Debezium, in every form and with every setting for values, are the rows that the database has.

They were recorded from the PostgreSQL connector of Debezium 3.6.3: a snapshot, then an update, a delete, a changed key and
inserts. Each record went as it is (envelope), through ExtractNewRecordState (flat), and through the same with
`delete.tombstone.handling.mode=rewrite` and `add.fields=op,lsn,source.txId,source.ts_ms` (rewrite). It was written by
Connect's JsonConverter with (json) and without schemas (plain), and as the Avro that Apicurio's converter makes (avro); the
ids of that are lines of `schemas.jsonl.gz`. Headers were written by Connect's SimpleHeaderConverter. `rows.json` is what the
database had in the end, as texts.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tabstream.core.binding import TableShape
from tabstream.core.cells import row_key
from tabstream.core.changes import desired_of
from tabstream.errors import FormRefused
from tabstream.kafka.events import Events
from tabstream.kafka.wire import may_delete
from tests.core.tabs import column
from tests.kafka.registry_server import RegistryServer

RECORDED = Path(__file__).parent / "recorded"
ROWS = json.loads((RECORDED / "rows.json").read_text(encoding="utf-8"))
SHAPE = TableShape(tuple(column(name, pg_type) for name, pg_type in ROWS["columns"]), ("id",))
READ = ("adaptive/precise", "adaptive_time_microseconds/string", "isostring/string", "microseconds/precise")
FORMS = ("envelope", "flat", "rewrite")


def messages() -> Iterator[dict[str, Any]]:
    with gzip.open(RECORDED / "messages.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _group(message: dict[str, Any]) -> tuple[str, str, str]:
    return message["mode"], message["form"], message["converter"]


GROUPS = {group: list(found) for group, found in groupby(sorted(messages(), key=_group), _group)}


@pytest.fixture(scope="module")
def events() -> Iterator[Events]:
    server = RegistryServer()
    server.schemas = gzip.decompress((RECORDED / "schemas.jsonl.gz").read_bytes()).decode().splitlines()
    server.subjects["s"] = [1]
    yield Events(server.url)
    server.stop()


def folded(events: Events, recorded: list[dict[str, Any]]) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """The rows that the messages leave, and the changed keys that their headers tell of."""
    rows: dict[str, Any] = {}
    keys = set()
    for offset, message in enumerate(recorded):
        topic, value = message["topic"], _bytes(message["value"])
        key = events.key(_bytes(message["key"]) or b"", topic, SHAPE)
        envelope = None if value is None else events.change(value, topic, SHAPE)
        desired = desired_of(key, envelope, SHAPE, 0, offset)
        assert desired.values is not None or value is None or may_delete(value), "a fold would take it for a row"
        rows[key] = desired.values
        for name, text in message["headers"]:
            if name in ("__debezium.newkey", "__debezium.oldkey"):
                keys.add((name, events.key(_bytes(text) or b"", topic, SHAPE)))
    return {key: values for key, values in rows.items() if values is not None}, keys


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def expected() -> dict[str, Any]:
    found = {}
    for row in ROWS["rows"]:
        values = {c.name: c.type.from_text(row[c.name]) for c in SHAPE.columns}
        found[row_key([values["id"]])] = values
    return found


@pytest.mark.parametrize("converter", ["avro", "json"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", READ)
def test_a_schema_tells_what_values_mean(events: Events, mode: str, form: str, converter: str) -> None:
    rows, keys = folded(events, GROUPS[mode, form, converter])
    assert rows == expected()
    assert keys == {("__debezium.newkey", "[50]"), ("__debezium.oldkey", "[5]")}


@pytest.mark.parametrize("form", FORMS)
def test_texts_need_no_schema(events: Events, form: str) -> None:
    assert folded(events, GROUPS["isostring/string", form, "plain"])[0] == expected()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("mode", "converter", "problem"),
    [
        ("adaptive/precise", "plain", "decimal.handling.mode=precise"),
        ("microseconds/precise", "plain", "decimal.handling.mode=precise"),
        ("adaptive_time_microseconds/string", "plain", "its unit can't be told"),
        ("connect/double", "plain", "decimal.handling.mode=double"),
        ("connect/double", "avro", "decimal.handling.mode=double"),
        ("connect/double", "json", "decimal.handling.mode=double"),
        ("nanoseconds/string", "avro", "time.precision.mode=nanoseconds"),
        ("nanoseconds/string", "json", "time.precision.mode=nanoseconds"),
        ("nanoseconds/string", "plain", "its unit can't be told"),
    ],
)
def test_what_loses_something_is_refused_bad(events: Events, mode: str, form: str, converter: str, problem: str) -> None:
    with pytest.raises(FormRefused, match=problem):
        folded(events, GROUPS[mode, form, converter])
