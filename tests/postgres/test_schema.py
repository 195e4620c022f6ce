import threading
from collections.abc import Callable

import psycopg
import pytest

from tabstream.errors import OperatorError
from tabstream.postgres.connection import Connection
from tabstream.postgres.schema import FORMAT_VERSION, install, installed_version, watch_truncate


def test_installing_again_keeps_what_is_there(database_url: str, database: Connection) -> None:
    database.execute("INSERT INTO tabstream.progress (topic_id, partition, next_offset) VALUES ('t', 0, 7)")
    install(database_url)
    assert database.execute("SELECT next_offset FROM tabstream.progress").fetchall() == [(7,)]
    assert installed_version(database) == FORMAT_VERSION


def test_columns_that_an_older_schema_lacks_are_added(database_url: str, database: Connection) -> None:
    install(database_url)
    database.execute("ALTER TABLE tabstream.cell_register DROP COLUMN applied_base, DROP COLUMN applied_shown")
    install(database_url)
    database.execute("SELECT applied_base, applied_shown FROM tabstream.cell_register")
    database.execute("ALTER TABLE tabstream.parked_edit DROP COLUMN again")
    install(database_url)
    database.execute("SELECT again FROM tabstream.parked_edit")


def test_instances_that_install_at_once_don_t_hurt_each_other(database_url: str, database: Connection) -> None:
    database.execute("DROP SCHEMA tabstream CASCADE")
    problems: list[Exception] = []
    threads = [threading.Thread(target=_collect, args=(problems, install, database_url)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert installed_version(database) == FORMAT_VERSION


def test_a_schema_of_a_newer_version_is_left_alone(database_url: str, database: Connection) -> None:
    database.execute("UPDATE tabstream.format_version SET version = 99")
    with pytest.raises(OperatorError, match="has format 99"):
        install(database_url)


def test_a_role_that_may_not_create_is_told_what_to_grant(database_url: str, database: Connection) -> None:
    database.execute("DROP SCHEMA tabstream CASCADE")
    database.execute("DROP ROLE IF EXISTS visitor")
    database.execute("CREATE ROLE visitor LOGIN")
    with pytest.raises(OperatorError) as problem:
        install(database_url.replace("postgres@", "visitor@"))
    assert "grant CREATE" in problem.value.remedy


def test_a_truncate_is_announced_once_however_often_it_is_watched(database_url: str, database: Connection) -> None:
    database.execute('CREATE TABLE "Odd name" (id int PRIMARY KEY)')
    watch_truncate(database_url, "public.Odd name")
    watch_truncate(database_url, "Odd name")
    database.execute('TRUNCATE "Odd name"')
    rows = database.execute("SELECT binding, row_key, kind, row_lsn LIKE '%/%' FROM tabstream.edit_result").fetchall()
    assert rows == [("public.Odd name", "", "truncate", True)]


def test_a_role_without_any_right_in_tabstream_can_truncate(database_url: str, database: Connection) -> None:
    database.execute("CREATE TABLE t (id int PRIMARY KEY)")
    watch_truncate(database_url, "t")
    database.execute("DROP ROLE IF EXISTS clerk")
    database.execute("CREATE ROLE clerk LOGIN")
    database.execute("GRANT TRUNCATE ON t TO clerk")
    with psycopg.connect(database_url.replace("postgres@", "clerk@")) as clerk:
        clerk.execute("TRUNCATE t")
    assert database.execute("SELECT count(*) FROM tabstream.edit_result").fetchone() == (1,)


def test_watching_a_table_that_is_not_there_says_so(database_url: str) -> None:
    with pytest.raises(OperatorError, match=r"no table 'public\.nothing'"):
        watch_truncate(database_url, "public.nothing")


def _collect(problems: list[Exception], function: Callable[[str], None], argument: str) -> None:
    try:
        function(argument)
    except Exception as problem:
        problems.append(problem)
