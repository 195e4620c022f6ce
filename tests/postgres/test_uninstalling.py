"""What tabstream has made in a database, and that nothing of it stays."""

import psycopg
from psycopg import sql

from tabstream.postgres.connection import Connection
from tabstream.postgres.schema import watch_truncate
from tabstream.postgres.slots import drop_slot
from tabstream.postgres.uninstalling import Installed, drop_publication, drop_schema, installed

NAME = "tabstream_db"


def test_all_that_was_made_is_seen_and_goes_and_the_table_stays(database: Connection, database_url: str) -> None:
    database.execute("CREATE TABLE leads (id int PRIMARY KEY); INSERT INTO leads VALUES (1)")
    watch_truncate(database_url, "leads")
    database.execute(sql.SQL("CREATE PUBLICATION {} FOR TABLE leads").format(sql.Identifier(NAME)))
    assert installed(database, NAME) == Installed(slot=False, publication=True, schema=True)
    drop_publication(database, NAME)
    drop_schema(database)
    assert installed(database, NAME) == Installed(slot=False, publication=False, schema=False)
    assert database.execute("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal").fetchone() == (0,)
    assert database.execute("SELECT count(*) FROM leads").fetchone() == (1,)


def test_taking_away_what_is_gone_does_nothing(database: Connection, database_url: str) -> None:
    drop_slot(database_url, NAME)
    drop_publication(database, NAME)
    drop_schema(database)
    drop_schema(database)
    assert not installed(database, NAME).schema


def test_a_table_that_stays_locked_leaves_the_schema_whole_bad(database: Connection, database_url: str) -> None:
    database.execute("CREATE TABLE leads (id int PRIMARY KEY)")
    watch_truncate(database_url, "leads")
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE leads")
        database.execute("SET statement_timeout = '500ms'")
        try:
            drop_schema(database)
        except psycopg.OperationalError:
            pass
        else:
            raise AssertionError("the schema was dropped beside a locked table")
    assert installed(database, NAME).schema
