"""The registry of the Kafka tests."""

from tests.kafka.conftest import registry

__all__ = ["registry"]
