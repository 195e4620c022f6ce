"""Applying the connector: which tables are snapshotted, and what is said while Kafka is away."""

import socket

import pytest

from connectors.apply import plan, streamed_before
from connectors.source import Source
from tabstream.kafka.connect import Connect, ConnectSilent

SOURCE = Source("postgresql://app@db/shop", "acme", "http://registry", ("public.leads",))


@pytest.mark.parametrize(
    ("existing", "missing", "new_topics", "expected"),
    [
        (["a", "b"], [], ["b"], ["b"]),
        (["a", "b"], ["b"], ["b"], []),
        (["a"], [], ["a", "gone"], ["a"]),
        (["a", "b"], [], [], []),
    ],
    ids=["its topic was made anew", "it is published only now", "there is no such table", "all topics are there"],
)
def test_a_table_that_was_streamed_before_is_snapshotted_where_its_topic_is_new(
    existing: list[str], missing: list[str], new_topics: list[str], expected: list[str]
) -> None:
    assert streamed_before(existing, missing, new_topics) == expected


def test_a_cluster_that_is_silent_is_asked_once_and_kafka_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connect = Connect(f"http://127.0.0.1:{silent.getsockname()[1]}", answer_seconds=0.2)
        with pytest.raises(ConnectSilent, match="as where kafka is away") as told:
            plan(SOURCE, connect)
    assert told.value.remedy.startswith("start Kafka")
