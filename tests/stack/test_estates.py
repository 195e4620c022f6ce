"""Topics that connectors of a team's own write, each in another form, on a real Kafka Connect: read, or refused by name."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from confluent_kafka.admin import AdminClient, NewTopic

from tabstream.local import stack as local_stack
from tabstream.local.state import State
from tabstream.operations.demo.google import service
from tabstream.operations.demo.person import Person
from tests.stack.local_stack import LocalStack, until

SINKS = ("sheet-sink", "database-sink")
JSON = "org.apache.kafka.connect.json.JsonConverter"
AVRO = "io.apicurio.registry.utils.converter.AvroConverter"
COLUMNS = """
    id bigint PRIMARY KEY, name text, paid numeric(12,2), precise numeric, at timestamp, at3 timestamp(3), due date,
    t time, tz timestamptz, ok boolean, r real, d double precision, tags text[], days date[], doc jsonb, uid uuid,
    "e-mail" text
"""
ROWS = """
    INSERT INTO {table} VALUES
    (1, 'Ärger "quoted"', 12.50, 12345678901234567890.123, '2026-11-26 18:00:00.123456', '2026-11-26 18:00:00.123',
     '2026-11-26', '18:00:00.5', '2026-11-26 18:00:00+01', true, 0.1, 0.1, '{{a,NULL,"b c"}}', '{{2026-11-26,NULL}}',
     '{{"b": 1.50, "a": [1]}}', '6f1b3c1e-8a3b-4a0e-9d3f-0a4f0e6b7c11', 'a@b'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, '', -0.01, -1e-10, '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999', '1899-12-29', '00:00:00',
     '1970-01-01 00:00:00+00', false, 1e30, 5e-324, '{{}}', '{{}}', 'null', NULL, '=');
    INSERT INTO {table} (id, name, paid, precise) VALUES (4, 'd', 0, 0), (5, 'to be renamed', 5, 5), (6, 'to be deleted', 6, 6)
"""
EDGES = """
    INSERT INTO {table} (id, at) VALUES (21, 'infinity'), (22, '-infinity'), (23, '0044-03-15 12:00 BC'), (24, '294200-01-01');
    INSERT INTO {table} (id, due) VALUES (31, 'infinity'), (32, '-infinity'), (33, '0044-03-15 BC'), (34, '12026-01-01');
    INSERT INTO {table} (id, t) VALUES (42, '23:59:59.999999');
    INSERT INTO {table} (id, tz) VALUES (51, 'infinity'), (52, '0044-03-15 12:00:00+00 BC');
    INSERT INTO {table} (id, r, d) VALUES (61, 'NaN', '-Infinity'), (62, 3.4028235e38, 1.7976931348623157e308);
    INSERT INTO {table} (id, precise) VALUES (72, 1e100), (73, 1e-100)
"""
TEXTS = {"decimal.handling.mode": "string", "time.precision.mode": "isostring"}
FLATTENED = {"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState"}


def converters(kind: str, **settings: str) -> dict[str, str]:
    """Key and value converter alike; `_` stands for `.` and `__` for `-`."""
    named = {name.replace("__", "-").replace("_", "."): value for name, value in settings.items()}
    return {
        f"{part}.converter{suffix}": value
        for part in ("key", "value")
        for suffix, value in {"": kind, **{f".{name}": value for name, value in named.items()}}.items()
    }


def forms(registry: str) -> dict[str, dict[str, str]]:
    """By name, what differs from a connector that has only what it must have."""
    native = {"apicurio_registry_url": registry, "apicurio_registry_auto__register": "true"}
    native |= {"apicurio_registry_find__latest": "true"}
    as_confluent = {"apicurio_registry_as__confluent": "true", "apicurio_registry_use__id": "contentId"}
    no_headers = {"apicurio_registry_headers_enabled": "false"}
    return {
        "plain": {
            **TEXTS,
            **converters(JSON, schemas_enable="false"),
            **FLATTENED,
            "transforms": "unwrap,route",
            "transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
            "transforms.unwrap.add.fields": "op,lsn,source.txId,source.ts_ms",
            "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
            "transforms.route.regex": r"plain\.([a-z]+)\.([a-z_]+)",
            "transforms.route.replacement": "cdc.$2.$1",
            "header.converter": JSON,
            "header.converter.schemas.enable": "false",
        },
        "native": {**converters(AVRO, **native), "field.name.adjustment.mode": "avro"},
        "eight": {**converters(AVRO, **native, **no_headers), **FLATTENED, "field.name.adjustment.mode": "avro"},
        "schemas": {**converters(JSON, schemas_enable="true"), "tombstones.on.delete": "false"},
        "confluent": {
            **converters(AVRO, **native, **no_headers, **as_confluent),
            **FLATTENED,
            "transforms.unwrap.delete.tombstone.handling.mode": "rewrite-with-tombstone",
            "field.name.adjustment.mode": "avro_unicode",
            "schema.name.adjustment.mode": "avro",
        },
        "bare": {
            **TEXTS,
            **converters(JSON, schemas_enable="false"),
            **FLATTENED,
            "transforms": "unwrap,key",
            "transforms.unwrap.delete.tombstone.handling.mode": "tombstone",
            "transforms.unwrap.add.fields": "op,lsn,source.txId,source.ts_ms",
            "transforms.key.type": "org.apache.kafka.connect.transforms.ExtractField$Key",
            "transforms.key.field": "id",
            "transforms.key.predicate": "rows",
            "predicates": "rows",
            "predicates.rows.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
            "predicates.rows.pattern": r".*\.orders_bare",
        },
        "wide": {**converters(JSON, schemas_enable="true"), "message.key.columns": "public.orders_wide:id,name"},
        "refused": converters(JSON, schemas_enable="false"),
        "keyed": {**converters(JSON, schemas_enable="true"), "message.key.columns": "public.orders_keyed:name"},
        "failed": {
            **converters(JSON, schemas_enable="true"),
            "transforms": "wrong",
            "transforms.wrong.type": "org.apache.kafka.connect.transforms.Cast$Value",
            "transforms.wrong.spec": "source:int32",
        },
    }


READ = ("plain", "native", "eight", "schemas", "confluent", "bare")


@dataclass
class Estate:
    """Foreign connectors, a spreadsheet with a tab for each, and sinks that read what they write."""

    stack: LocalStack
    settings: dict[str, str]
    spreadsheet_id: str
    person_url: str

    def person(self, tab: str) -> Person:
        return Person(self.person_url, self.spreadsheet_id, tab)

    def grid(self, tab: str) -> list[dict[str, str]]:
        person = self.person(tab)
        try:
            rows = person.grid().rows
        finally:
            person.close()
        names = [name for name in (rows[0] if rows else ()) if name]
        return [dict(zip(names, row, strict=False)) for row in rows[1:] if any(row)]

    def ids(self, tab: str) -> set[str]:
        return {row["id"] for row in self.grid(tab)}

    def sql(self, text: str) -> None:
        with self.stack.database() as database:
            for form in READ:
                database.execute(text.format(table=f"orders_{form}").encode())

    def status(self) -> dict[str, dict[str, Any]]:
        done = self.stack.command("status", "--json", **self.settings)
        return {binding["binding"]: binding for binding in json.loads(done.stdout)["bindings"]}

    def until_shown(self, wanted: AbstractSet[str], seconds: float = 60) -> None:
        """Waits until every form's tab has the rows of these ids."""
        try:
            until(lambda: all(self.ids(form) == wanted for form in READ), f"the rows {sorted(wanted)} in every tab", seconds)
        except AssertionError as problem:
            told = {name: (self.ids(name), status["state"], status["problem"]) for name, status in self.status().items()}
            raise AssertionError(f"{problem}: {told}") from None

    def until_equal(self) -> None:
        done = self.stack.command("audit", *READ, "--json", **self.settings)
        assert done.returncode == 0, done.stdout + done.stderr


def connector(name: str, database: Mapping[str, str], form: Mapping[str, str]) -> dict[str, str]:
    """A connector as a team may have it."""
    base = {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "plugin.name": "pgoutput",
        "topic.prefix": name,
        "slot.name": f"team_{name}",
        "publication.name": f"team_{name}",
        "publication.autocreate.mode": "filtered",
        "table.include.list": rf"public\.orders_{name}" + (r",tabstream\.edit_result" if name == "plain" else ""),
        "poll.interval.ms": "50",
        "heartbeat.interval.ms": "5000",
        "interval.handling.mode": "string",
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.partitions": "3",
        "topic.creation.default.cleanup.policy": "compact",
    }
    return {**base, **database, **form}


@pytest.fixture(scope="module")
def estate(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    env, state = stack.env(), State(stack.folder)
    for name in SINKS:
        local_stack.control(state, "stop", name)
    with stack.database() as database:
        at = database.info
        where = {
            "database.hostname": at.host,
            "database.port": str(at.port),
            "database.user": at.user,
            "database.password": at.password,
            "database.dbname": at.dbname,
        }
        for form in forms(""):
            database.execute(f"DROP TABLE IF EXISTS orders_{form}; CREATE TABLE orders_{form} ({COLUMNS})")
            database.execute(ROWS.format(table=f"orders_{form}").encode())
    body = {"properties": {"title": "Orders"}, "sheets": [{"properties": {"title": form}} for form in forms("")]}
    with service(env["sheets_url"]) as sheets:
        spreadsheet_id = str(sheets.spreadsheets().create(body=body, fields="spreadsheetId").execute()["spreadsheetId"])
    httpx.put(f"{env['sheets_url']}/control/settings", json={"quotas": False}).raise_for_status()
    topics = {form: f"{form}.public.orders_{form}" for form in forms("")} | {"plain": None}
    bindings = [
        {"name": form, "table": f"orders_{form}", "spreadsheet": "book", "tab": form, "sweep_seconds": 2}
        | ({"topic": topic} if topic else {})
        for form, topic in topics.items()
    ]
    file = tmp_path_factory.mktemp("estates") / "bindings.yaml"
    file.write_text(yaml.safe_dump({"version": 1, "spreadsheets": {"book": {"id": spreadsheet_id}}, "bindings": bindings}))
    settings = stack.settings(
        TABSTREAM_BINDINGS_FILE=str(file),
        TABSTREAM_REPLICATION_SLOT="team_plain",
        TABSTREAM_TABLE_TOPIC="cdc.{table}.{schema}",
        TABSTREAM_QUOTA_PER_MINUTE="6000",
        TABSTREAM_METRICS_PORT="0",
    )
    # each connector has a publication of its own; the sinks are told of one that has all tables
    with stack.database() as database:
        tables = ", ".join(["tabstream.edit_result", *(f"orders_{form}" for form in forms(""))])
        database.execute(f"DROP PUBLICATION IF EXISTS everything; CREATE PUBLICATION everything FOR TABLE {tables}".encode())
    settings["TABSTREAM_PUBLICATION"] = "everything"
    prepared = stack.command("connectors", "apply", "--no-connector", **settings)
    assert prepared.returncode == 0, prepared.stderr
    assert "cdc.edit_result.tabstream" in prepared.stdout
    admin = AdminClient({"bootstrap.servers": env["bootstrap_servers"]})
    registry = env["schema_registry_url"].partition("/apis/")[0] + "/apis/registry/v2"
    for name, form in forms(registry).items():
        url = f"{env['connect_url']}/connectors/team-{name}/config"
        httpx.put(url, json=connector(name, where, form), timeout=30).raise_for_status()
    # as where a task was well once: the topic is there
    admin.create_topics([NewTopic(str(topics["failed"]), 3, 1, config={"cleanup.policy": "compact"})])[
        "failed.public.orders_failed"
    ].result(30)
    wanted = {topic or "cdc.orders_plain.public" for topic in topics.values()}
    until(lambda: wanted <= admin.list_topics(timeout=10).topics.keys(), f"the topics {wanted}", 120)
    processes = [_begin(stack, name, settings) for name in SINKS]
    made = Estate(stack, settings, spreadsheet_id, env["person_url"])
    try:
        yield made
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)
        for name in forms(""):
            httpx.delete(f"{env['connect_url']}/connectors/team-{name}")
        with stack.database() as database:
            until(lambda: _drop_slots(database), "the slots are dropped")
            database.execute("DROP PUBLICATION everything")
            for form in forms(""):
                database.execute(f"DROP TABLE orders_{form}; DROP PUBLICATION IF EXISTS team_{form}")
        for name in SINKS:
            local_stack.control(state, "start", name)


def _begin(stack: LocalStack, name: str, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    log = Path(settings["TABSTREAM_BINDINGS_FILE"]).parent / f"{name}.log"
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "tabstream.cli", "run", name], env={**stack.environment, **settings}, stdout=out, stderr=out
        )


def _drop_slots(database: Any) -> bool:
    database.execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name LIKE 'team\\_%' AND NOT active"
    )
    (left,) = database.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 'team\\_%'").fetchone()
    return left == 0


def test_every_form_fills_its_tab(estate: Estate) -> None:
    estate.until_shown(set("123456"), 120)
    estate.until_equal()


@pytest.mark.parametrize(
    ("form", "carried", "remedy"),
    [("refused", "decimals as bytes", "schemas.enable=true"), ("keyed", "keys without id", "no message.key.columns")],
)
def test_a_form_that_loses_something_pauses_its_binding_with_its_name(
    estate: Estate, form: str, carried: str, remedy: str
) -> None:
    until(lambda: estate.status()[form]["state"] == "PAUSED", "the binding to pause")
    status = estate.status()[form]
    assert f"topic '{form}.public.orders_{form}' carries {carried}" in status["problem"]
    assert remedy in status["remedy"]
    assert estate.grid(form) == []


def test_a_row_whose_key_in_the_topic_changes_partition_pauses_its_binding(estate: Estate) -> None:
    until(lambda: len(estate.grid("wide")) == 6, "the rows of 'wide'", 120)
    with estate.stack.database() as database:
        for number in range(1, 7):
            database.execute("UPDATE orders_wide SET name = 'renamed' WHERE id = %s", (number,))
    until(lambda: estate.status()["wide"]["state"] == "PAUSED", "the binding to pause")
    status = estate.status()["wide"]
    assert "which is newer can't be told" in status["problem"]
    assert "message.key.columns" in status["remedy"]


def test_a_connector_that_failed_before_its_first_message_is_told(estate: Estate) -> None:
    until(lambda: estate.status()["failed"]["problem"] is not None, "a word about the connector", 120)
    status = estate.status()["failed"]
    assert "nothing was ever written to topic 'failed.public.orders_failed', yet table 'orders_failed'" in status["problem"]
    assert "its task may have failed" in status["remedy"]


def test_every_form_brings_changes_deletes_and_other_keys(estate: Estate) -> None:
    estate.sql("UPDATE {table} SET name = 'changed', paid = paid + 0.05, at = at + interval '1 us' WHERE id = 1")
    estate.sql("DELETE FROM {table} WHERE id = 6")
    estate.sql("UPDATE {table} SET id = 50 WHERE id = 5")
    estate.sql("INSERT INTO {table} (id, name) VALUES (7, 'added')")
    estate.until_shown({"1", "2", "3", "4", "50", "7"})
    estate.until_equal()


def test_a_restart_folds_every_form_and_finds_no_row_deleted(estate: Estate) -> None:
    second = _begin(estate.stack, "sheet-sink", estate.settings)
    try:
        estate.sql("UPDATE {table} SET name = 'while two run' WHERE id = 7")
        for form in READ:
            until(
                lambda form=form: "while two run" in {row["name"] for row in estate.grid(form)}, f"the change of {form!r}", 60
            )
    finally:
        second.terminate()
        second.wait(30)
    estate.until_equal()
    assert {form: estate.status()[form]["held"] for form in READ} == dict.fromkeys(READ, 0)


@pytest.mark.parametrize("form", ["plain", "native"])
def test_edits_are_saved_and_answered_over_the_team_s_connector(estate: Estate, form: str) -> None:
    person = estate.person(form)
    try:
        row = next(number for number, cells in enumerate(person.grid().rows, 1) if cells[0] == "7")
        person.type(f"B{row}", "typed by a person")
        person.type(f"C{row}", "12.345")
        until(lambda: _row(estate, form, 7) == ("typed by a person", "12.35"), "the edit in the database", 60)
        until(lambda: {r["id"]: r["paid"] for r in estate.grid(form)}["7"] == "12.35", "the answer in the tab", 60)
    finally:
        person.close()
    estate.until_equal()


def test_new_rows_are_saved_once_over_the_team_s_connector(estate: Estate) -> None:
    person = estate.person("plain")
    try:
        person.paste(f"A{len(estate.grid('plain')) + 2}", [["88", "a new row"]])
        until(lambda: _row(estate, "plain", 88) == ("a new row", None), "the new row in the database", 60)
        person.type("B2", "typed after it")
        until(lambda: any(r["name"] == "typed after it" for r in estate.grid("plain")), "the next edit in the tab", 60)
        assert [r["id"] for r in estate.grid("plain")].count("88") == 1
    finally:
        person.close()
    estate.until_equal()


def _row(estate: Estate, form: str, number: int) -> tuple[str | None, str | None] | None:
    with estate.stack.database() as database:
        row = database.execute(f"SELECT name, paid::text FROM orders_{form} WHERE id = {number}".encode()).fetchone()
    return None if row is None else (row[0], row[1])


@pytest.mark.parametrize("form", READ)
def test_tail_and_history_read_every_form(estate: Estate, form: str) -> None:
    tail = estate.stack.command("tail", form, "--limit", "40", **estate.settings)
    assert tail.returncode == 0, tail.stderr
    assert "2026-11-26" in tail.stdout, "times as texts"
    assert "can't be decoded" not in tail.stdout
    history = estate.stack.command("history", form, "1", **estate.settings)
    assert history.returncode == 0, history.stderr
    assert "changed" in history.stdout


def test_values_at_the_edges_of_their_types_are_the_same_in_every_form(estate: Estate) -> None:
    estate.sql(EDGES)
    edges = {"21", "22", "23", "24", "31", "32", "33", "34", "42", "51", "52", "61", "62", "72", "73"}
    until(lambda: all(edges <= estate.ids(form) for form in READ), "the rows at the edges", 60)
    estate.until_equal()
