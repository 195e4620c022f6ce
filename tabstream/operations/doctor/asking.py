"""Asks database, Kafka, Kafka Connect and the registry what the checks judge. Each function raises Outage where it can't."""

from contextlib import suppress
from dataclasses import replace

import psycopg

from connectors.publication import streamable
from connectors.source import configuration, source_of
from schemas.registration import SUBJECTS
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.binding import Binding, Bindings
from tabstream.errors import BindingProblem, Outage
from tabstream.kafka.connect import Connect
from tabstream.kafka.registry import Registry
from tabstream.kafka.topic_settings import describe
from tabstream.kafka.topics import DEAD_LETTERS, own_topics, results_topic, table_topic, topic_of
from tabstream.operations.doctor import connector, database, tables, topics
from tabstream.operations.doctor.clocks import Ahead
from tabstream.operations.schemas import Subject, read_subjects
from tabstream.postgres.connection import Connection, connect
from tabstream.postgres.prerequisites import read_own_schema, read_publication, read_server, read_table_facts
from tabstream.postgres.schema import installed_version
from tabstream.postgres.shape import UnfitKey, read_table
from tabstream.postgres.slots import read_slot, slot_name, slot_of

_ZONE = "Etc/GMT"  # any will do: the shape is read for what is wrong with it


def ask_database(settings: Settings, bindings: Bindings, clock: Clock) -> tuple[database.Facts, list[tables.Facts], Ahead]:
    """The server, the bound tables, and how far the server's clock is ahead."""
    try:
        with connect(settings.database_url, "tabstream doctor", autocommit=True) as connection:
            before_ms = clock.now_ms()
            server = read_server(connection)
            ahead = (server.now_us / 1000 - clock.now_ms(), server.now_us / 1000 - before_ms)
            bound = [_table(connection, binding) for binding in bindings.bindings]
            name = slot_of(settings)
            schema = read_own_schema(connection)
            facts = database.Facts(
                server=server,
                schema=schema,
                version=installed_version(connection) if schema is not None and schema.versioned else None,
                publication=read_publication(connection, settings.publication or slot_name(settings.topic_prefix)),
                slot=read_slot(connection, name),
                name=name,
                tables={
                    (found.binding.schema_name, found.binding.table_name): found.table
                    for found in bound
                    if found.table is not None and found.table.has_key and not isinstance(found.problem, UnfitKey)
                },
            )
    except psycopg.Error as problem:
        raise Outage(f"the database can't be asked: {str(problem).strip()}") from problem
    return facts, bound, ahead


def ask_kafka(settings: Settings, bindings: Bindings) -> topics.Facts:
    """Our own topics and those of the bound tables."""
    prefix = settings.topic_prefix
    results = results_topic(settings)
    bound = {topic_of(settings, binding): table_topic(prefix, _qualified(binding)) for binding in bindings.bindings}
    wanted = (*own_topics(results), *(replace(bound[name], name=name) for name in sorted(bound)))
    single = frozenset({results, DEAD_LETTERS})
    return topics.Facts(describe(settings, [topic.name for topic in wanted]), wanted, single)


def ask_connect(settings: Settings, bindings: Bindings) -> connector.Facts:
    """The connector as it runs, and as `connectors apply` would make it."""
    source = source_of(settings, bindings)
    with suppress(Outage):  # which is told where the database is asked
        source, _ = streamable(source)
    wanted = configuration(source)
    door = Connect(settings.connect_url)
    now = door.configuration(source.name)
    return connector.Facts(source.name, door.state(source.name), now, wanted)


def ask_registry(settings: Settings) -> list[Subject]:
    """Our own subjects."""
    return read_subjects(Registry(settings.registry), SUBJECTS)


def _table(connection: Connection, binding: Binding) -> tables.Facts:
    problem = None
    try:
        read_table(connection, binding, _ZONE, {})
    except BindingProblem as found:
        problem = found
    return tables.Facts(binding, read_table_facts(connection, binding.schema_name, binding.table_name), problem)


def _qualified(binding: Binding) -> str:
    return f"{binding.schema_name}.{binding.table_name}"
