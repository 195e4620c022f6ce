"""The demo's table: made once, and filled once."""

from importlib.resources import files
from typing import LiteralString

import psycopg

from tabstream.operations.demo.sample import leads

TABLE = "public.leads"


def ensure_table(database_url: str) -> int:
    """Makes table and rows where they are missing; how many rows there are then."""
    with psycopg.connect(database_url) as connection:
        connection.execute(_sql("create.sql"))
        if _rows(connection) == 0:
            with connection.cursor() as cursor:
                cursor.executemany(_sql("add.sql"), list(leads()))
        return _rows(connection)


def _rows(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    found = connection.execute("SELECT count(*) FROM public.leads").fetchone()
    return 0 if found is None else int(str(found[0]))


def _sql(name: str) -> LiteralString:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
