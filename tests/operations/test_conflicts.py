"""Conflicts on record, in a real database."""

import time

import psycopg
import pytest

from tabstream.config import Settings
from tabstream.core.edits import EditKind
from tabstream.errors import ConfigurationError, OperatorError, Outage
from tabstream.operations.conflicts import find_conflicts
from tabstream.postgres.connection import Connection
from tests.database_sink.conftest import LEADS
from tests.database_sink.desk import Desk, cell, edit, leads, now_ms


def put_on_record(database: Connection, binding: str, key: str, minutes_ago: int) -> None:
    database.execute(
        """INSERT INTO tabstream.conflict (binding, row_key, column_name, sheet_value, database_value, winner, rule,
                                           first_seen_at, number, decided_at)
           VALUES (%s, %s, 'name', '"theirs"', 'null', 'sheet', 'sheet_wins', now(), 1, now() - make_interval(mins => %s))""",
        (binding, key, minutes_ago),
    )


def keys(settings: Settings, binding: str | None = None, since_ms: int | None = None, limit: int = 10) -> list[str]:
    return [conflict.row_key for conflict in find_conflicts(settings, binding, since_ms, limit).shown]


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url)


def test_a_lost_edit_is_on_record_with_both_values(database_url: str, database: Connection, settings: Settings) -> None:
    database.execute(LEADS.encode())
    with Desk(database_url, database, leads(conflict="database_wins")) as desk:
        before = now_ms()
        desk.send(edit(1, cell("name", "Ida", "Old"), kind=EditKind.CELLS))
    [found] = find_conflicts(settings, "leads", None, 10).shown
    assert (found.binding, found.row_key, found.column) == ("leads", "[1]", "name")
    assert (found.sheet_value, found.database_value) == ("Ida", "Ada")
    assert (found.winner, found.rule) == ("database", "database_wins")
    assert before - 1 <= found.decided_ms <= time.time() * 1000 + 1


def test_the_newest_come_first_and_are_chosen_by_binding_and_time(database: Connection, settings: Settings) -> None:
    for binding, key, minutes_ago in [("a", "[1]", 30), ("b", "[2]", 20), ("a", "[3]", 10)]:
        put_on_record(database, binding, key, minutes_ago)
    assert keys(settings) == ["[3]", "[2]", "[1]"]
    assert keys(settings, "a") == ["[3]", "[1]"]
    assert keys(settings, since_ms=now_ms() - 25 * 60_000) == ["[3]", "[2]"]
    assert keys(settings, "b", since_ms=now_ms()) == []
    found = find_conflicts(settings, None, None, 1)
    assert ([c.row_key for c in found.shown], found.count) == (["[3]"], 3)


def test_a_binding_that_nobody_knows_is_refused_with_those_that_are_known(database: Connection, settings: Settings) -> None:
    put_on_record(database, "a", "[1]", 0)
    with pytest.raises(OperatorError, match="there is no binding 'c'") as caught:
        find_conflicts(settings, "c", None, 10)
    assert caught.value.remedy == "choose one of: a"


def test_what_the_database_lacks_is_told_with_a_remedy(database_url: str, database: Connection, settings: Settings) -> None:
    database.execute("CREATE ROLE outsider LOGIN PASSWORD 'x'")
    try:
        outside = Settings(database_url=psycopg.conninfo.make_conninfo(database_url, user="outsider", password="x"))
        with pytest.raises(OperatorError, match="may not read") as caught:
            find_conflicts(outside, None, None, 10)
        assert "GRANT" in caught.value.remedy
    finally:
        database.execute("DROP ROLE outsider")
    database.execute("DROP SCHEMA tabstream CASCADE")
    with pytest.raises(OperatorError, match="no schema tabstream"):
        find_conflicts(settings, None, None, 10)


def test_a_database_that_is_away_or_not_named_is_told() -> None:
    with pytest.raises(Outage, match="can't be reached"):
        find_conflicts(Settings(database_url="postgresql://nobody@127.0.0.1:1/none"), None, None, 10)
    with pytest.raises(ConfigurationError, match="TABSTREAM_DATABASE_URL"):
        find_conflicts(Settings(database_url=""), None, None, 10)
