"""The replication slot: what is told of it, and when it is a problem."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString

import pytest

from tabstream.config import Settings
from tabstream.postgres.connection import Connection, connect, table_identity
from tabstream.postgres.slots import (
    STUCK_SECONDS,
    NotPublished,
    Slot,
    drop_slot,
    read_slot,
    require_published,
    slot_name,
    slot_of,
    slot_problem,
)

WELL = Slot("tabstream_db", True, False, 100, 50)


def test_a_slot_that_nobody_reads_is_told(database: Connection) -> None:
    assert read_slot(database, "tabstream_db") is None
    database.execute("SELECT pg_create_logical_replication_slot('tabstream_db', 'pgoutput')")
    try:
        slot = read_slot(database, "tabstream_db")
        assert slot is not None
        assert (slot.active, slot.lost) == (False, False)
        assert slot.confirmed > 0
    finally:
        database.execute("SELECT pg_drop_replication_slot('tabstream_db')")


@pytest.mark.parametrize(
    ("slot", "still_seconds", "word", "remedy"),
    [
        (None, 0, "there is no", "apply"),
        (Slot("tabstream_db", False, True, 0, 0), 0, "lost its place", "drop it"),
        (Slot("tabstream_db", False, False, 100, 0), 0, "nobody reads", "status"),
        (WELL, STUCK_SECONDS + 1, "not moved for 121 s", "status"),
    ],
)
def test_what_is_wrong_is_told_with_a_remedy(slot: Slot | None, still_seconds: float, word: str, remedy: str) -> None:
    found = slot_problem(slot, "tabstream_db", still_seconds)
    assert found is not None
    assert word in found[0]
    assert remedy in found[1]


def test_a_slot_that_moves_or_has_nothing_to_confirm_is_well() -> None:
    assert slot_problem(WELL, "tabstream_db", STUCK_SECONDS) is None
    assert slot_problem(Slot("tabstream_db", True, False, 100, 0), "tabstream_db", 10 * STUCK_SECONDS) is None


def test_a_table_that_was_made_after_the_connector_is_not_taken_for_an_empty_one(database: Connection) -> None:
    database.execute("CREATE TABLE public.made_late (id int PRIMARY KEY)")
    try:
        database.execute("CREATE PUBLICATION tabstream_db FOR TABLE tabstream.edit_result")
        with pytest.raises(NotPublished) as refused:
            require_published(database, Settings(), "public", "made_late")
        assert "tabstream connectors apply" in refused.value.remedy
        assert "TABSTREAM_PUBLICATION" in refused.value.remedy, "a team's own connector may stream it"
        database.execute("ALTER PUBLICATION tabstream_db ADD TABLE public.made_late")
        require_published(database, Settings(), "public", "made_late")
    finally:
        database.execute("DROP PUBLICATION IF EXISTS tabstream_db")
        database.execute("DROP TABLE public.made_late")


DROPPING = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_drop_replication_slot%' AND pid <> pg_backend_pid()"
MADE = "SELECT 1 FROM pg_replication_slots WHERE active"


def test_dropping_a_slot_waits_until_its_reader_has_let_go(database_url: str, database: Connection) -> None:
    """A slot that is being made is held until all transactions of before have ended."""

    def until(query: LiteralString) -> None:
        for _ in range(500):
            if database.execute(query).fetchone():
                return
            threading.Event().wait(0.02)
        raise AssertionError(f"in vain: {query}")

    with connect(database_url, autocommit=True) as other, ThreadPoolExecutor() as pool:
        with connect(database_url) as earlier, earlier.transaction():
            earlier.execute("SELECT pg_current_xact_id()")
            making = pool.submit(other.execute, "SELECT pg_create_logical_replication_slot('tabstream_db', 'pgoutput')")
            until(MADE)
            dropping = pool.submit(drop_slot, database_url, "tabstream_db")
            until(DROPPING)
        making.result(30)
        dropping.result(30)
    assert read_slot(database, "tabstream_db") is None
    drop_slot(database_url, "tabstream_db")


def test_a_team_s_own_publication_has_to_have_the_edit_results(database: Connection) -> None:
    database.execute("CREATE TABLE public.made_late (id int PRIMARY KEY)")
    settings = Settings(publication="cdc", replication_slot="cdc_slot")
    try:
        database.execute("CREATE PUBLICATION cdc FOR TABLE public.made_late")
        with pytest.raises(NotPublished, match=r"edit_result") as refused:
            require_published(database, settings, "public", "made_late")
        database.execute(refused.value.remedy.partition(";")[0])
        require_published(database, settings, "public", "made_late")
    finally:
        database.execute("DROP PUBLICATION IF EXISTS cdc")
        database.execute("DROP TABLE public.made_late")
    assert (slot_of(settings), slot_of(Settings(topic_prefix="a"))) == ("cdc_slot", "tabstream_a")


def test_its_name_follows_the_topic_prefix() -> None:
    assert slot_name("Prod-EU.db") == "tabstream_prod_eu_db"


def test_a_table_says_which_it_is(database: Connection) -> None:
    database.execute("CREATE TABLE parts (id int PRIMARY KEY)")
    before = table_identity(database, "public", "parts")
    system, timeline, table = before.split("/")
    assert system.isdigit() and timeline == "1" and table.isdigit()
    assert table_identity(database, "public", "parts") == before
    database.execute("DROP TABLE parts; CREATE TABLE parts (id int PRIMARY KEY)")
    assert table_identity(database, "public", "parts") != before


def test_a_role_that_may_not_ask_knows_the_table_alone(database: Connection) -> None:
    database.execute("CREATE TABLE parts (id int PRIMARY KEY)")
    _, _, table = table_identity(database, "public", "parts").split("/")
    database.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    database.execute("CREATE ROLE humble; GRANT SELECT ON parts TO humble; SET ROLE humble")
    try:
        assert table_identity(database, "public", "parts") == f"/{table}"
    finally:
        database.execute("RESET ROLE; GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
        database.execute("DROP OWNED BY humble; DROP ROLE humble")
