"""What a feed brings reaches the book in whatever form it is written, once, and not before all of it can be read."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumers.sheet_sink import feed as feeds
from consumers.sheet_sink.bound_tab import BoundTab, Place
from consumers.sheet_sink.feed import Topics
from consumers.sheet_sink.form_check import require_readable
from consumers.sheet_sink.inbox import Inbox, RawMessage, RawResult
from tabstream.core.book import Book
from tabstream.core.tab import Layout
from tabstream.errors import BindingProblem, FormRefused
from tabstream.kafka.events import Events
from tabstream.kafka.registry import RegistryUnavailable
from tests.core.tabs import BINDING, SHAPE
from tests.kafka.conftest import registry
from tests.kafka.forms import Avro, envelope, plain
from tests.kafka.registry_server import RegistryServer

__all__ = ["registry"]

TOPICS = Topics("orders", "id", 2, "answers", "id", 0, 0)
ROW = {"id": 7, "name": "A", "amount": "1.50"}
KEY = plain({"id": 7})
STOP = threading.Event()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(threading.Event())


@pytest.fixture
def tab(inbox: Inbox) -> Iterator[BoundTab]:
    nowhere: Any = None
    place = Place(0, "Orders", Layout({}, 3), 1, 0)
    yield BoundTab(BINDING, SHAPE, place, TOPICS, nowhere, inbox, Book(BINDING, SHAPE), "Etc/GMT")


def message(value: bytes | None, offset: int, key: bytes = KEY, partition: int = 0) -> RawMessage:
    return RawMessage(key, value, partition, offset)


def take(tab: BoundTab, url: str = "http://127.0.0.1:9") -> list[str]:
    """Takes what has arrived; the reasons for dead letters."""
    letters: list[str] = []
    tab.take(Events(url), lambda raw, reason: letters.append(reason), lambda: None)
    return letters


@pytest.mark.parametrize(
    ("value", "deleted"),
    [
        (plain(envelope(ROW)), False),
        (plain(envelope(None, "d", ROW)), True),
        (plain(ROW), False),
        (plain({**ROW, "__deleted": "false"}), False),
        (plain({**ROW, "__deleted": "true"}), True),
        (plain({**ROW, "name": "d"}), False),
        (plain({**ROW, "name": "true"}), False),
        (None, True),
    ],
)
def test_a_folded_row_is_known_to_be_there_or_gone(tab: BoundTab, inbox: Inbox, value: bytes | None, deleted: bool) -> None:
    inbox.fold(message(value, 3))
    assert take(tab) == []
    assert tab.book.entries["[7]"].deleted is deleted
    assert tab.book.entries["[7]"].shown is not deleted


def test_one_row_under_two_forms_of_its_key_shows_the_newest(tab: BoundTab, inbox: Inbox, registry: RegistryServer) -> None:
    schema = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]}
    avro = Avro(registry, lambda number: b"\0" + number.to_bytes(4)).write(schema, {"id": 7})
    inbox.change(message(plain({**ROW, "name": "old"}), 1), STOP)
    inbox.change(message(plain({**ROW, "name": "new"}), 9, avro), STOP)
    inbox.change(message(plain({**ROW, "name": "older"}), 5), STOP)
    assert take(tab, registry.url) == []
    assert (tab.book.changes["[7]"].values or {})["name"] == "new"


def test_a_row_in_two_partitions_is_refused_bad(tab: BoundTab, inbox: Inbox) -> None:
    inbox.change(message(plain(ROW), 5, partition=0), STOP)
    inbox.change(message(plain(ROW), 2, plain({"id": 7, "more": 1}), partition=1), STOP)
    with pytest.raises(FormRefused, match="partitions 0 and 1"):
        take(tab)


def test_a_row_that_comes_in_another_partition_later_is_refused_bad(tab: BoundTab, inbox: Inbox) -> None:
    inbox.fold(message(plain(ROW), 5, partition=0))
    take(tab)
    inbox.change(message(plain(ROW), 2, partition=1), STOP)
    with pytest.raises(FormRefused, match="partitions 0 and 1"):
        take(tab)


def test_nothing_is_lost_while_the_registry_is_away(tab: BoundTab, inbox: Inbox, registry: RegistryServer) -> None:
    schema = {"type": "record", "name": "Value", "fields": [{"name": n, "type": "string"} for n in ("name", "amount")]}
    value = Avro(registry, lambda number: b"\0" + number.to_bytes(4)).write(schema, {"name": "A", "amount": "1.50"})
    inbox.change(message(plain({**ROW, "id": 6}), 0, plain({"id": 6})), STOP)
    inbox.change(message(value, 1), STOP)
    registry.fault = (503, {})
    for _ in range(2):
        with pytest.raises(RegistryUnavailable):
            take(tab, registry.url)
        assert (tab.book.dirty, tab.consumed) == ({}, {}), "the watermark must not pass what was not read"
        assert tab.is_due(0)
    inbox.change(message(plain({**ROW, "id": 8}), 2, plain({"id": 8})), STOP)
    registry.fault = None
    assert take(tab, registry.url) == []
    assert tab.book.dirty == {"[6]": 0, "[7]": 1, "[8]": 2}
    assert tab.consumed == {0: 3}


def test_a_message_that_is_none_is_a_dead_letter_and_the_others_go_on(tab: BoundTab, inbox: Inbox) -> None:
    inbox.change(message(b"{", 0, plain({"id": 1})), STOP)
    inbox.change(message(plain({"unlike": 1}), 1, plain({"id": 2})), STOP)
    inbox.change(message(plain(ROW), 2, b"no key"), STOP)
    inbox.change(message(plain(ROW), 3), STOP)
    assert len(take(tab)) == 3
    assert tab.book.dirty == {"[7]": 3}


def test_a_form_that_loses_something_says_at_which_message_bad(tab: BoundTab, inbox: Inbox) -> None:
    inbox.change(message(plain({**ROW, "amount": "MDk="}), 4), STOP)
    with pytest.raises(FormRefused, match=r"decimal\.handling\.mode=precise") as refused:
        take(tab)
    assert refused.value.at == (0, 4)


RESULT = {"binding": BINDING.name, "row_key": "[7]", "kind": "answer", "xid": 5, "keys": None, "answers": "[]"}
RESULT |= {"row_data": '{"id": "7", "name": "B", "amount": null}', "row_lsn": "0/64", "decided_at": "2026-11-26T18:00:00Z"}


@pytest.mark.parametrize("value", [envelope(RESULT, "c"), RESULT, {**RESULT, "__op": "c", "__deleted": "false"}])
def test_edit_results_are_read_in_the_connector_s_form(tab: BoundTab, inbox: Inbox, value: dict[str, Any]) -> None:
    inbox.result(RawResult(plain(value), 3))
    take(tab)
    assert tab.book.results["[7]"][0].result.row == {"id": "7", "name": "B", "amount": None}


@pytest.mark.parametrize("value", [envelope(RESULT, "r"), {**RESULT, "__op": "r"}, {**RESULT, "__deleted": "true"}, {"a": 1}])
def test_results_that_are_no_news_are_passed_over(tab: BoundTab, inbox: Inbox, value: dict[str, Any]) -> None:
    inbox.result(RawResult(plain(value), 3))
    take(tab)
    assert tab.book.results == {}


def test_after_a_truncate_the_database_is_asked_for_rows_of_which_no_one_knows_the_time(tab: BoundTab, inbox: Inbox) -> None:
    inbox.change(message(plain(ROW), 3), STOP)
    table = f"{BINDING.schema_name}.{BINDING.table_name}"
    inbox.result(RawResult(plain({**RESULT, "binding": table, "kind": "truncate", "row_key": ""}), 3))
    take(tab)
    assert not tab.book.entries["[7]"].deleted
    assert tab.checks_snapshot(0)


def readable(*values: bytes, key: bytes = KEY) -> None:
    messages = [message(value, offset, key) for offset, value in enumerate(values)]
    require_readable(messages, TOPICS.table, SHAPE, Events("http://127.0.0.1:9"))


def test_a_topic_whose_messages_can_be_read_in_part_is_taken() -> None:
    readable()
    readable(b"{", plain({"unlike": 1}), plain(ROW))


@pytest.mark.parametrize(
    ("values", "key", "problem"),
    [
        ([plain({"unlike": 1}), b"{"], KEY, "topic 'orders' carries neither Debezium's envelopes nor rows"),
        ([b"\x03\x00" + bytes(16)], KEY, "the format of AWS Glue's registry"),
        ([plain(ROW)], plain({"no": 1}), "keys without id"),
        ([plain(ROW)], b"", "messages without keys"),
        ([b"\x07" + bytes(20)], KEY, "no message of topic 'orders' can be read"),
        ([plain(ROW), plain({**ROW, "amount": "MDk="})], KEY, "decimals as bytes"),
    ],
)
def test_a_topic_that_can_t_be_read_is_a_problem_with_a_name_bad(values: list[bytes], key: bytes, problem: str) -> None:
    with pytest.raises(BindingProblem, match=problem) as refused:
        readable(*values, key=key)
    assert refused.value.remedy


class Admin:
    """A broker's answers about topics: partitions by name, and the settings of the table's."""

    def __init__(self, partitions: dict[str, int], **settings: str) -> None:
        self._partitions = partitions
        known = {"cleanup.policy": "compact", "retention.ms": "604800000", "delete.retention.ms": "5"}
        self._settings = known | {name.replace("_", "."): value for name, value in settings.items()}

    def describe_topics(self, names: Any) -> dict[str, Any]:
        return {name: _Done(self._topic(name)) for name in self._partitions}

    def list_offsets(self, asked: dict[Any, Any], **_: Any) -> dict[Any, Any]:
        return {partition: _Done(SimpleNamespace(offset=0)) for partition in asked}

    def describe_configs(self, resources: list[Any]) -> dict[Any, Any]:
        settings = {name: SimpleNamespace(value=value) for name, value in self._settings.items()}
        return {resource: _Done(settings) for resource in resources}

    def _topic(self, name: str) -> Any:
        if not self._partitions[name]:
            return KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
        return SimpleNamespace(topic_id=f"id of {name}", partitions=[None] * self._partitions[name])


class _Done:
    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self, timeout: float) -> Any:
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


def described(partitions: int, results: int = 1, **settings: str) -> Topics:
    admin: Any = Admin({"orders": partitions, "answers": results}, **settings)
    return feeds.describe(admin, "orders", "answers")


def test_a_topic_may_have_many_partitions_and_other_names() -> None:
    made = described(12)
    assert made == replace(made, table="orders", partitions=12, results="answers", keep_tombstones_ms=5)
    assert described(12, 0).results_id == ""


@pytest.mark.parametrize(("policy", "kept"), [("compact,delete", "1000"), ("delete", "-1")])
def test_a_topic_that_keeps_every_row_is_taken(policy: str, kept: str) -> None:
    assert described(1, cleanup_policy=policy, retention_ms=kept).partitions == 1


def test_a_topic_that_forgets_rows_is_refused_bad() -> None:
    with pytest.raises(BindingProblem, match=r"'orders' forgets rows .*cleanup.policy=delete"):
        described(1, cleanup_policy="delete")


def test_results_in_several_partitions_are_refused_bad() -> None:
    with pytest.raises(BindingProblem, match="'answers' has 6 partitions"):
        described(1, 6)
