"""Topics by the names that operators use, and their messages decoded."""

import json
from pathlib import Path

import pytest

from tabstream.config import Settings
from tabstream.core.telling import TopicKind, Undecodable
from tabstream.errors import OperatorError
from tabstream.kafka import own_schemas
from tabstream.kafka.avro import Encoder
from tabstream.kafka.events import Events
from tabstream.kafka.reader import Record
from tabstream.operations.topics import Names, decoded, existing_topic, names, readable
from tests.kafka.registry_server import RegistryServer

BINDINGS = """
version: 1
spreadsheets: {crm: {id: 1x9fQkzJY0aTQ3o7r5sVtS2mJcB4n8eWdL6hGpUqRtXw}}
bindings: [{name: deals, table: sales.leads, spreadsheet: crm, tab: Leads}]
"""
EXISTING = ["tabstream.edits", "team.sales.leads", "team.tabstream.edit_result", "foreign"]


@pytest.fixture
def known(tmp_path: Path) -> Names:
    file = tmp_path / "bindings.yaml"
    file.write_text(BINDINGS, encoding="utf-8")
    return names(Settings(bindings_file=file, topic_prefix="team"))


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("edits", "tabstream.edits"),
        ("results", "team.tabstream.edit_result"),
        ("deals", "team.sales.leads"),
        ("foreign", "foreign"),
        ("tabstream.edits", "tabstream.edits"),
    ],
)
def test_a_topic_has_a_short_name(known: Names, name: str, topic: str) -> None:
    assert existing_topic(name, known, EXISTING, EXISTING) == topic


def test_topics_may_go_by_other_names(tmp_path: Path) -> None:
    file = tmp_path / "bindings.yaml"
    other = "{name: orders, table: orders, spreadsheet: crm, tab: Orders, topic: shop.orders-v2}"
    file.write_text(BINDINGS.replace("tab: Leads}]", f"tab: Leads}}, {other}]"), encoding="utf-8")
    named = names(Settings(bindings_file=file, topic_prefix="team", table_topic="cdc.{table}.{schema}"))
    assert named.tables == {"deals": "cdc.leads.sales", "orders": "shop.orders-v2"}
    assert named.own[TopicKind.RESULTS] == "cdc.edit_result.tabstream"
    named = names(Settings(bindings_file=file, results_topic="answers"))
    assert named.own[TopicKind.RESULTS] == "answers"


def test_a_topic_that_is_not_there_names_those_that_are(known: Names) -> None:
    with pytest.raises(OperatorError, match="there is no topic 'lead'") as caught:
        existing_topic("lead", known, EXISTING, EXISTING)
    assert caught.value.remedy == f"choose one of: edits, results, deals; or a topic: {', '.join(EXISTING)}"
    with pytest.raises(OperatorError, match=r"there is no topic 'tabstream.signals' \(for 'signals'\)"):
        existing_topic("signals", known, EXISTING, EXISTING)


def test_what_a_topic_holds_is_known_by_its_name(known: Names) -> None:
    kinds = [known.kind(topic) for topic in EXISTING]
    assert kinds == [TopicKind.EDITS, TopicKind.OTHER, TopicKind.RESULTS, TopicKind.OTHER]


SIGNAL = {
    "id": "i",
    "spreadsheet_id": "S",
    "kind": "POKE",
    "binding": None,
    "argument": None,
    "at_ms": 1,
    "sheet_id": None,
    "start_row": None,
    "end_row": None,
}


def test_avro_json_and_text_are_read_and_the_rest_is_given_as_it_is(registry: RegistryServer) -> None:
    encoded = Encoder(registry.url, "s", own_schemas.load("signal")).encode(SIGNAL)
    decoder = Events(registry.url)
    assert readable(encoded, decoder) == SIGNAL
    assert readable(json.dumps({"a": 1}).encode(), decoder) == {"a": 1}
    assert readable(b"word", decoder) == "word"
    assert readable(None, decoder) is None
    assert readable(b"\xff\xfe", decoder) == Undecodable("fffe", "2 bytes are too short for a schema id")
    unknown = readable(b"\0\0\0\0\x09rest", decoder)
    assert unknown == Undecodable("000000000972657374", "the registry has no schema with id 9")
    cut = readable(encoded[:-1], decoder)
    assert isinstance(cut, Undecodable)
    assert "not a datum of its schema" in cut.reason


def test_keys_of_our_own_topics_are_text(registry: RegistryServer) -> None:
    record = Record("t", 0, 1, 2, b"leads/[17]", None, (("h", b"v"),))
    message = decoded(record, TopicKind.EDITS, Events(registry.url))
    assert (message.key, message.value, message.headers, message.size) == ("leads/[17]", None, {"h": "v"}, 0)
