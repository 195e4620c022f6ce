"""A table with rows whose topic stays empty is told, and none that may just be slow, empty, or locked."""

from collections.abc import Iterator

import psycopg
import pytest

from consumers.sheet_sink.silent import PATIENCE_SECONDS, Silence, SilentTopic
from tabstream.clock import ManualClock
from tabstream.core.binding import Binding
from tabstream.postgres.connection import Connection, connect
from tests.postgres.server import Server

SILENT = [SilentTopic(Binding("leads", "sales.My leads", "book", "id", "Leads"), "db.sales.leads")]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running, psycopg.connect(running.url()) as database:
        database.execute('CREATE SCHEMA sales; CREATE TABLE sales."My leads" (id bigint PRIMARY KEY)')
        database.commit()
        yield running


@pytest.fixture
def database(server: Server) -> Iterator[Connection]:
    with connect(server.url(), autocommit=True) as connection:
        connection.execute('TRUNCATE sales."My leads"')
        yield connection


def told(silence: Silence, database: Connection, clock: ManualClock, *topics: SilentTopic) -> list[str]:
    silence.look(database, topics or SILENT)
    clock.advance(PATIENCE_SECONDS)
    silence.look(database, topics or SILENT)
    return [problem for problem, _ in silence.problems.values()]


def test_rows_that_never_come_are_told_once_there_was_time_enough(database: Connection) -> None:
    clock = ManualClock()
    silence = Silence(clock, foreign=True)
    assert told(silence, database, clock) == []
    database.execute('INSERT INTO sales."My leads" VALUES (1)')
    silence.look(database, SILENT)
    assert silence.problems == {}
    [problem] = told(silence, database, clock)
    assert problem == "nothing was ever written to topic 'db.sales.leads', yet table 'sales.My leads' has rows"
    assert "connector" in silence.problems["leads"][1]


def test_the_first_message_ends_it(database: Connection) -> None:
    database.execute('INSERT INTO sales."My leads" VALUES (1)')
    clock = ManualClock()
    silence = Silence(clock, foreign=False)
    assert told(silence, database, clock)
    silence.look(database, [])
    assert silence.problems == {}
    silence.look(database, SILENT)
    assert silence.problems == {}


def test_a_table_that_is_gone_or_locked_is_not_judged(database: Connection, server: Server) -> None:
    database.execute('INSERT INTO sales."My leads" VALUES (1)')
    clock = ManualClock()
    gone = SilentTopic(Binding("gone", "gone", "book", "id", "Gone"), "db.public.gone")
    assert told(Silence(clock, foreign=False), database, clock, gone) == []
    with connect(server.url()) as other:
        other.execute('LOCK TABLE sales."My leads"')
        assert told(Silence(clock, foreign=False), database, clock) == []
