"""The connector's configuration, how it differs from what runs, and what a failed task means."""

import dataclasses
import re
from pathlib import Path

import pytest

from connectors.source import (
    OWN_TABLES,
    Difference,
    Source,
    configuration,
    converter_url,
    differences,
    explain,
    include_list,
)
from tabstream.errors import ConfigurationError
from tabstream.kafka.topics import own_topics, table_topic

SOURCE = Source("postgresql://app%40x:p%2Fw@db.local:6543/shop", "acme", "http://registry/apis/registry/v2", ("public.leads",))


def with_tables(*tables: str) -> dict[str, str]:
    return configuration(dataclasses.replace(SOURCE, tables=tables))


def test_the_database_url_is_taken_apart_and_unquoted() -> None:
    made = configuration(SOURCE)
    keys = ("hostname", "port", "user", "password", "dbname")
    assert [made[f"database.{key}"] for key in keys] == ["db.local", "6543", "app@x", "p/w", "shop"]


def test_the_usual_port_is_implied() -> None:
    made = configuration(dataclasses.replace(SOURCE, database_url="postgresql://me@db/shop"))
    assert (made["database.port"], made["database.password"]) == ("5432", "")


@pytest.mark.parametrize("url", ["mysql://me@db/shop", "postgresql:///shop", "postgresql://me@db", "postgresql://db/shop", ""])
def test_a_url_that_lacks_a_part_is_refused_bad(url: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://user:password@host:5432/database"):
        configuration(dataclasses.replace(SOURCE, database_url=url))


def test_no_placeholder_is_left() -> None:
    assert not [value for value in configuration(SOURCE).values() if re.search(r"\{\w+\}", value)]


@pytest.mark.parametrize(
    ("prefix", "name"), [("acme", "tabstream_acme"), ("Acme-2.eu", "tabstream_acme_2_eu"), ("x", "tabstream_x")]
)
def test_slot_and_publication_are_named_as_postgresql_allows(prefix: str, name: str) -> None:
    made = configuration(dataclasses.replace(SOURCE, prefix=prefix))
    assert (made["slot.name"], made["publication.name"], made["topic.prefix"]) == (name, name, prefix)


def test_the_settings_that_the_guarantees_rest_on() -> None:
    made = configuration(SOURCE)
    expected = {
        "exactly.once.support": "required",
        "poll.interval.ms": "10",
        "decimal.handling.mode": "string",
        "time.precision.mode": "isostring",
        "tombstones.on.delete": "true",
        "skipped.operations": "t",
        "column.exclude.list": r"tabstream\.none\.none",
        "reselector.reselect.unavailable.values": "true",
        "topic.creation.default.cleanup.policy": "compact",
    }
    assert {key: made[key] for key in expected} == expected
    assert made["heartbeat.action.query"].startswith("INSERT INTO tabstream.heartbeat")


def test_a_row_may_be_as_large_as_a_message_of_its_topic() -> None:
    made = configuration(SOURCE)
    largest = {topic.settings["max.message.bytes"] for topic in (table_topic("acme", "public.leads"), own_topics("acme")[1])}
    assert {
        made["producer.override.max.request.size"],
        made["topic.creation.default.max.message.bytes"],
        made["topic.creation.own.max.message.bytes"],
    } == largest


def test_own_topics_are_deleted_by_age_and_tables_compacted() -> None:
    pattern = re.compile(configuration(dataclasses.replace(SOURCE, prefix="a.b"))["topic.creation.own.include"])
    assert pattern.fullmatch("a.b.tabstream.edit_result")
    assert not pattern.fullmatch("a.b.public.tabstream")
    assert not pattern.fullmatch("axb.tabstream.edit_result")


def test_tables_are_listed_as_exact_names_each_once() -> None:
    patterns = [re.compile(text) for text in include_list(["public.leads", "public.leads"])]
    assert len(patterns) == len(OWN_TABLES) + 1
    assert any(p.fullmatch("public.leads") for p in patterns)
    assert not any(p.fullmatch("public_leads") or p.fullmatch("public.leads2") for p in patterns)


def test_nothing_differs_where_connect_only_added_the_name() -> None:
    wanted = configuration(SOURCE)
    assert differences({**wanted, "name": SOURCE.name}, wanted) == []


def test_differences_are_in_order_with_what_was_and_what_will_be() -> None:
    wanted = configuration(SOURCE)
    now = {**wanted, "poll.interval.ms": "500", "an.old.setting": "x"}
    del now["tasks.max"]
    assert differences(now, wanted) == [
        Difference("an.old.setting", "x", None),
        Difference("poll.interval.ms", "500", "10"),
        Difference("tasks.max", None, "1"),
    ]


def test_a_password_that_changes_is_not_shown() -> None:
    wanted = configuration(SOURCE)
    found = differences({**wanted, "database.password": "old"}, wanted)
    assert found == [Difference("database.password", "***", "***")]


def test_a_new_connector_differs_in_everything() -> None:
    wanted = configuration(SOURCE)
    found = differences({}, wanted)
    assert [d.key for d in found] == sorted(wanted)
    assert all(d.now is None for d in found)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://r:8081/apis/ccompat/v7", "http://r:8081/apis/registry/v2"),
        ("http://r:8081", "http://r:8081/apis/registry/v2"),
        ("http://r:8081/", "http://r:8081/apis/registry/v2"),
    ],
)
def test_the_converter_gets_the_same_registry(url: str, expected: str) -> None:
    assert converter_url(url) == expected


TRACE = """org.apache.kafka.connect.errors.ConnectException: Could not start
\tat io.debezium.Thing.run(Thing.java:12)
Caused by: org.postgresql.util.PSQLException: {reason}
\tat org.postgresql.Driver.connect(Driver.java:3)
\t... 7 more
"""


WITHOUT_REASON = """org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler
\tat org.apache.kafka.connect.runtime.Thing.run(Thing.java:259)
Caused by: io.apicurio.registry.rest.client.exception.RestClientException
\tat io.apicurio.registry.rest.client.impl.Client.request(Client.java:3)
\t... 13 more
"""


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("ERROR: logical decoding requires wal_level >= logical", "set wal_level = logical"),
        ('FATAL: password authentication failed for user "me"', "check the user and the password"),
        ("ERROR: permission denied for table leads", "grant the connector's user"),
        ("ERROR: all replication slots are in use", "raise max_replication_slots"),
        ('ERROR: replication slot "tabstream_x" is active for PID 7', "stop it"),
        ("Connection to db:5432 refused.", "start PostgreSQL"),
        ("RecordTooLargeException: The message is 9000000 bytes", "make it smaller"),
    ],
)
def test_a_known_failure_is_its_root_cause_and_the_remedy(reason: str, remedy: str) -> None:
    explained = explain(TRACE.format(reason=reason))
    assert explained.startswith(reason)
    assert remedy in explained
    assert "\n" not in explained


def test_an_unknown_failure_is_its_root_cause() -> None:
    assert explain(TRACE.format(reason="never seen")) == "never seen"


def test_a_registry_out_of_reach_is_told_though_its_client_gives_no_reason() -> None:
    explained = explain(WITHOUT_REASON)
    assert explained.startswith("io.apicurio.registry.rest.client.exception.RestClientException")
    assert "start the schema registry" in explained


@pytest.mark.parametrize(("trace", "explained"), [("", "no reason given"), ("odd\nthing", "odd")])
def test_a_failure_without_a_cause_is_its_first_line(trace: str, explained: str) -> None:
    assert explain(trace) == explained


def test_every_table_of_ours_that_is_streamed_is_made_by_the_schema() -> None:
    script = Path("tabstream/postgres/schema.sql").read_text(encoding="utf-8")
    assert all(f"CREATE TABLE IF NOT EXISTS {table} (" in script for table in OWN_TABLES)
