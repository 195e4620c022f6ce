"""A PostgreSQL server for the session, and a database of its own for each test."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tabstream.postgres.connection import Connection, connect
from tabstream.postgres.schema import install
from tests.postgres.server import Server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server() as running:
        install(running.url("template1"))
        yield running


@pytest.fixture
def database_url(server: Server) -> Iterator[str]:
    """A new database with the schema tabstream in it."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(server.url(), autocommit=True) as postgres:
        postgres.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield server.url(name)
        postgres.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    """A session of the application, in autocommit."""
    with connect(database_url, "application", autocommit=True) as connection:
        yield connection
