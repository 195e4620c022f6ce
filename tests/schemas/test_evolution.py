"""Every version of a schema of ours reads what every other version wrote."""

import io
import json
import random
from pathlib import Path
from typing import Any

import fastavro
import pytest
from fastavro.utils import generate_many

from tabstream.kafka import own_schemas

RELEASED = Path(__file__).parents[2] / "schemas" / "released"
NAMES = sorted(folder.name for folder in RELEASED.iterdir())
SAMPLES = 200


def versions(name: str) -> list[dict[str, Any]]:
    files = sorted((RELEASED / name).iterdir(), key=lambda file: int(file.stem))
    return [json.loads(file.read_text()) for file in files]


def reads_all(writer: dict[str, Any], reader: dict[str, Any]) -> bool:
    """True if the reader reads random data of the writer, and each symbol of its enums."""
    parsed_writer = fastavro.parse_schema(writer, named_schemas={})
    parsed_reader = fastavro.parse_schema(reader, named_schemas={})
    random.seed(1)
    for record in generate_many(parsed_writer, SAMPLES):
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, parsed_writer, record)
        try:
            fastavro.schemaless_reader(io.BytesIO(stream.getvalue()), parsed_writer, parsed_reader)
        except (fastavro.read.SchemaResolutionError, ValueError, KeyError, TypeError):
            return False
    return True


def changed(name: str, **fields: Any) -> dict[str, Any]:
    """The schema with fields replaced, added, or (None) taken away."""
    schema = own_schemas.load(name)
    kept = [fields.pop(f["name"], f) for f in schema["fields"]]
    return {**schema, "fields": [f for f in [*kept, *fields.values()] if f is not None]}


def compatible(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return reads_all(one, other) and reads_all(other, one)


@pytest.mark.parametrize("name", NAMES)
def test_each_version_reads_each_other(name: str) -> None:
    for one in versions(name):
        for other in versions(name):
            assert reads_all(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_in_use_is_the_newest_that_was_released(name: str) -> None:
    assert own_schemas.load(name) == versions(name)[-1]


OPTIONAL = {"name": "extra", "type": ["null", "string"], "default": None}
KIND = next(field for field in own_schemas.load("signal")["fields"] if field["name"] == "kind")
NEW_SYMBOL = {**KIND, "type": {**KIND["type"], "symbols": [*KIND["type"]["symbols"], "EXPORT"]}}


@pytest.mark.parametrize("changes", [{"extra": OPTIONAL}, {"argument": None}, {"kind": NEW_SYMBOL}])
def test_a_change_within_the_rule_is_compatible(changes: dict[str, Any]) -> None:
    assert compatible(own_schemas.load("signal"), changed("signal", **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"extra": {"name": "extra", "type": "string"}},
        {"at_ms": None},
        {"at_ms": {"name": "at_ms", "type": "string"}},
        {"id": {"name": "signal_id", "type": "string"}},
    ],
)
def test_a_change_against_the_rule_is_not_bad(changes: dict[str, Any]) -> None:
    assert not compatible(own_schemas.load("signal"), changed("signal", **changes))
