"""The broker and the registry of the Kafka tests."""

from tests.kafka.conftest import bootstrap_servers, registry

__all__ = ["bootstrap_servers", "registry"]
