"""Reads topics of the stack to their newest messages."""

import io
import json
import struct
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import fastavro
import httpx
from confluent_kafka import Consumer, Message
from confluent_kafka.admin import AdminClient

from tests.stack.local_stack import LocalStack, until

Row = Mapping[str, Any]


def messages(stack: LocalStack, topic: str, enough: Callable[[list[Message]], bool], seconds: float = 60) -> list[Message]:
    """All messages from the beginning, until there are enough; fails after some time."""
    consumer = Consumer(
        {
            "bootstrap.servers": stack.env()["bootstrap_servers"],
            "group.id": f"test-{uuid.uuid4()}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([topic])
    found: list[Message] = []
    deadline = time.monotonic() + seconds
    try:
        while not enough(found):
            assert time.monotonic() < deadline, f"{topic}: only {len(found)} messages within {seconds:g} s"
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                found.append(message)
    finally:
        consumer.close()
    return found


def delete_topic(stack: LocalStack, topic: str) -> None:
    """Returns once it is gone."""
    admin = AdminClient({"bootstrap.servers": stack.env()["bootstrap_servers"]})
    admin.delete_topics([topic])[topic].result(30)
    until(lambda: topic not in admin.list_topics(timeout=10).topics, f"{topic} to be gone")


def changes(
    stack: LocalStack, topic: str, count: int, of: Callable[[Row], bool] = lambda after: True
) -> list[tuple[str, Row]]:
    """The first `count` row changes with an after-image that satisfies `of`, as (operation, after)."""
    decode = Decoder(stack.env()["schema_registry_url"])

    def decoded(found: list[Message]) -> list[tuple[str, Row]]:
        events = [decode(raw) for message in found if isinstance(raw := message.value(), bytes)]
        return [(event["op"], event["after"]) for event in events if event["after"] is not None and of(event["after"])]

    return decoded(messages(stack, topic, lambda found: len(decoded(found)) >= count))[:count]


class Decoder:
    """Decodes as a consumer that is not ours would: schema by id from the registry, the rest by fastavro."""

    def __init__(self, registry: str) -> None:
        self._registry = registry
        self._schemas: dict[int, Any] = {}

    def __call__(self, raw: bytes) -> Any:
        stream = io.BytesIO(raw)
        magic, number = struct.unpack(">bI", stream.read(5))
        assert magic == 0
        if number not in self._schemas:
            answer = httpx.get(f"{self._registry}/schemas/ids/{number}").raise_for_status()
            self._schemas[number] = fastavro.parse_schema(json.loads(answer.json()["schema"]), named_schemas={})
        return fastavro.schemaless_reader(stream, self._schemas[number], None)
