"""Rows that a new snapshot has left out are taken away if the table has them no more."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from consumers.sheet_sink.vanished import take_away_vanished
from tabstream.core.cells import row_key
from tabstream.errors import BindingProblem, Outage
from tabstream.postgres.shape import read_shape
from tests.core.tabs import desired
from tests.postgres.server import Server
from tests.sheet_sink.desk import Desk


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """A database whose table lacks the row of key 2."""
    with Server() as running:
        with psycopg.connect(running.url()) as database:
            database.execute("CREATE TABLE leads (id bigint PRIMARY KEY, name text NOT NULL, amount numeric(10,2))")
            database.execute("INSERT INTO leads VALUES (1, 'Ada', 1), (3, 'Ada', 1)")
        yield running.url()


@pytest.fixture
def three(leads: Desk) -> Desk:
    """Three rows are shown; then a snapshot begins, of which the row of key 1 has come."""
    leads.change(*(desired(number, "Ada", 1.0, 0) for number in (1, 2, 3)))
    leads.flush()
    leads.change(desired(1, "Ada", 1.0, 0, 900)._replace(of_snapshot=True))
    return leads


def test_what_the_table_has_no_more_leaves_the_tab(three: Desk, database_url: str) -> None:
    with_database = replace(three.services, settings=three.services.settings.model_copy(update={"database_url": database_url}))
    take_away_vanished(three.tab, with_database, 0)
    three.flush()
    assert [row[0] for row in three.grid()] == ["1", "3"]
    assert three.tab.book.snapshot.open
    three.change(desired(3, "Cy", 1.0, 0, 900)._replace(of_snapshot=True))
    take_away_vanished(three.tab, with_database, 10_000)
    assert not three.tab.book.snapshot.open
    three.flush()
    assert [row[1] for row in three.grid()] == ["Ada", "Cy"]


def test_of_a_partition_to_which_the_snapshot_brings_nothing_every_key_is_looked_up(leads: Desk, database_url: str) -> None:
    leads.change(*(desired(number, "Ada", 1.0, 0)._replace(partition=number % 2) for number in (1, 2, 3)))
    leads.flush()
    leads.change(*(desired(number, "Ada", 1.0, 0, 900)._replace(partition=1, of_snapshot=True) for number in (1, 3)))
    with_database = replace(leads.services, settings=leads.services.settings.model_copy(update={"database_url": database_url}))
    take_away_vanished(leads.tab, with_database, 0)
    leads.flush()
    assert [row[0] for row in leads.grid()] == ["1", "3"]
    assert not leads.tab.book.snapshot.open


def test_while_the_database_is_out_of_reach_nothing_is_taken_away(three: Desk) -> None:
    settings = three.services.settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/none"})
    with pytest.raises(Outage):
        take_away_vanished(three.tab, replace(three.services, settings=settings), 0)
    three.flush()
    assert len(three.grid()) == 3


def test_after_an_incremental_snapshot_every_key_is_looked_up(leads: Desk, database_url: str) -> None:
    leads.change(*(desired(number, "Ada", 1.0, 0) for number in (1, 2, 3)))
    leads.flush()
    leads.change(*(desired(number, "Ada", 1.0, 0)._replace(of_increment=True, lsn=None) for number in (1, 3)))
    with_database = replace(leads.services, settings=leads.services.settings.model_copy(update={"database_url": database_url}))
    take_away_vanished(leads.tab, with_database, 1_000)
    leads.flush()
    assert len(leads.grid()) == 3, "more of its rows may be to come"
    assert 6_000 in leads.tab.wakes_at_ms()
    take_away_vanished(leads.tab, with_database, 6_000)
    leads.flush()
    assert [row[0] for row in leads.grid()] == ["1", "3"]


def test_of_a_table_that_is_another_one_every_key_is_looked_up(leads: Desk, database_url: str) -> None:
    leads.change(*(desired(number, "Ada", 1.0, 0) for number in (1, 2, 3)))
    leads.flush()
    leads.tab.check_every_key = True
    assert leads.tab.watermark_after(leads.plan(leads.read()), set(), 0).table_identity == "unchecked"
    with_database = replace(leads.services, settings=leads.services.settings.model_copy(update={"database_url": database_url}))
    take_away_vanished(leads.tab, with_database, 0)
    leads.flush()
    assert [row[0] for row in leads.grid()] == ["1", "3"]
    assert not leads.tab.checks_snapshot(10_000)


def test_a_key_that_no_row_can_have_hides_no_other_one(leads: Desk, database_url: str) -> None:
    with_database = replace(leads.services, settings=leads.services.settings.model_copy(update={"database_url": database_url}))
    keys = ["[1]", '["no number"]', "[2]", "[1,2]", f"[{10**18}0]", "no key", "[3]"]
    there = with_database.are_there(leads.tab.binding, leads.tab.shape, keys)
    assert [key for key, is_there in zip(keys, there, strict=True) if is_there] == ["[1]", "[3]"]


@pytest.mark.parametrize("table", ["public.narrow", "public.nowhere"], ids=["lacks a column", "is gone"])
def test_a_table_that_is_another_one_by_now_ends_no_owner(leads: Desk, database_url: str, table: str) -> None:
    with psycopg.connect(database_url) as database:
        database.execute("CREATE TABLE IF NOT EXISTS narrow (id bigint PRIMARY KEY, name text NOT NULL)")
    with_database = replace(leads.services, settings=leads.services.settings.model_copy(update={"database_url": database_url}))
    binding = replace(leads.tab.binding, table=table)
    with pytest.raises(BindingProblem):
        with_database.are_there(binding, leads.tab.shape, ["[1]"])
    with pytest.raises(BindingProblem):
        with_database.sample(binding, leads.tab.shape, 1)


@pytest.mark.parametrize(
    ("pg_type", "text"), [("bit(3)", "101"), ("bit varying(3)", "10"), ("character(3)", "ab"), ("numeric(5,2)", "1.50")]
)
def test_a_key_of_a_type_with_a_length_is_found(leads: Desk, database_url: str, pg_type: str, text: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("DROP TABLE IF EXISTS sized")
        database.execute(f"CREATE TABLE sized (id {pg_type} PRIMARY KEY)".encode())
        database.execute("INSERT INTO sized VALUES (%s)", [text])
        binding = replace(leads.tab.binding, table="public.sized")
        shape = read_shape(database, binding, "UTC")
    with_database = replace(leads.services, settings=leads.services.settings.model_copy(update={"database_url": database_url}))
    key = row_key([shape.by_name["id"].type.from_text(text)])
    assert with_database.are_there(binding, shape, [key]) == [True]
