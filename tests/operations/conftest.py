"""A database, a broker and a registry."""

from tests.kafka.conftest import bootstrap_servers, registry
from tests.postgres.conftest import database, database_url, server

__all__ = ["bootstrap_servers", "database", "database_url", "registry", "server"]
