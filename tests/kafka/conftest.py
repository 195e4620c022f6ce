"""A broker and a registry to talk to: librdkafka's mock cluster, and a registry of a few lines over real HTTP."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from tabstream.kafka.topics import DEAD_LETTERS, EDITS, SIGNALS, STATUS
from tests.kafka.registry_server import RegistryServer


@pytest.fixture(scope="session")
def bootstrap_servers() -> Iterator[str]:
    host = Producer({"test.mock.num.brokers": 1})
    broker = next(iter(host.list_topics(timeout=10).brokers.values()))
    for topic in (EDITS, SIGNALS, STATUS, DEAD_LETTERS):
        host.list_topics(topic, timeout=10)
    yield f"{broker.host}:{broker.port}"
    host.close()


@pytest.fixture
def registry() -> Iterator[RegistryServer]:
    server = RegistryServer()
    yield server
    server.stop()
