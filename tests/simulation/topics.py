"""Kafka within the process: topics as lists, the connector that fills them, and the feeds that read them."""

import json
import pickle
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from consumers.sheet_sink.feed import Topics
from consumers.sheet_sink.inbox import Inbox, RawMessage, RawResult
from tabstream.clock import ManualClock
from tabstream.core.binding import TableShape
from tabstream.core.cells import RowKey
from tabstream.core.changes import key_of
from tabstream.core.edits import Edit
from tabstream.core.watermark import Watermark
from tabstream.kafka.messages import Signal

TABLE, RESULTS = "db.public.leads", "db.tabstream.edit_result"
EDITS_ID = "edits' id"
EDIT_PARTITIONS = 2
MANY = 1_000


def encode(value: Any) -> bytes:
    """A message's bytes."""
    return pickle.dumps(value)


class Decoder:
    """See tabstream.kafka.avro."""

    def decode(self, raw: bytes) -> Any:
        """The datum."""
        return pickle.loads(raw)


class Events(Decoder):
    """See tabstream.kafka.events."""

    def key(self, raw: bytes, topic: str, shape: TableShape) -> RowKey:
        """The row's key, out of a message or a header."""
        return key_of(json.loads(raw) if raw.startswith(b"{") else self.decode(raw), shape)

    def change(self, raw: bytes, topic: str, shape: TableShape | None) -> Any:
        """The envelope."""
        return self.decode(raw)


@dataclass
class Broker:
    """All topics. A partition of the table's topic holds messages by offset, as compaction leaves gaps."""

    clock: ManualClock
    partitions: int = 1
    times: list[list[int]] = field(default_factory=list)
    table: list[dict[int, RawMessage]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    results: list[RawResult] = field(default_factory=list)
    edits: list[list[bytes]] = field(default_factory=lambda: [[] for _ in range(EDIT_PARTITIONS)])
    edit_keys: dict[bytes, int] = field(default_factory=dict)
    signals: list[Signal] = field(default_factory=list)
    table_id: str = "table's id"

    def __post_init__(self) -> None:
        self._make_table()

    def make_table_anew(self) -> None:
        """The table's topic is deleted, and made again without what was in it."""
        self.table_id += " anew"
        self._make_table()

    def _make_table(self) -> None:
        self.table = [{} for _ in range(self.partitions)]
        self.times = [[] for _ in range(self.partitions)]
        self.ends = [0] * self.partitions

    @property
    def topics(self) -> Topics:
        """The topics as they are now."""
        return Topics(TABLE, self.table_id, self.partitions, RESULTS, "results' id", 0, len(self.results))

    def change(
        self, key: Mapping[str, Any], value: Mapping[str, Any] | None, renamed: tuple[bytes, bool] | None = None
    ) -> None:
        """Appends to the table's topic."""
        raw = encode(dict(key))
        partition = crc32(json.dumps(key).encode()) % self.partitions
        offset = self.ends[partition]
        self.ends[partition] += 1
        self.times[partition].append(self.clock.now_ms())
        self.table[partition][offset] = RawMessage(
            raw, None if value is None else encode(dict(value)), partition, offset, renamed
        )

    def result(self, after: Mapping[str, Any]) -> None:
        """Appends to the topic of edit results."""
        self.results.append(RawResult(encode({"op": "c", "after": dict(after)}), len(self.results)))

    def compact(self, until_ms: int) -> None:
        """Takes away what had a newer message of its key by then: compaction lags by more than an owner ever does."""
        for partition, messages in enumerate(self.table):
            times = self.times[partition]
            newest = {m.key: offset for offset, m in messages.items() if times[offset] <= until_ms}
            for offset, message in list(messages.items()):
                if offset < newest.get(message.key, -1):
                    del messages[offset]

    def edit(self, edit: Edit) -> "Future[None]":
        """See Publisher. All edits of a row go to one partition."""
        partition = self.edit_keys.setdefault(edit.kafka_key, len(self.edit_keys) % EDIT_PARTITIONS)
        self.edits[partition].append(encode(edit.to_record()))
        return _done()

    def signal(self, signal: Signal) -> "Future[None]":
        """See Publisher."""
        self.signals.append(signal)
        return _done()


@dataclass
class Feed:
    """See consumers.sheet_sink.feed: what it has read goes to the inbox when `pump` is called."""

    broker: Broker
    begin: Watermark | None
    inbox: Inbox
    read: list[int] = field(default_factory=list)
    results_read: int = 0
    to_go: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.read = [0] * self.broker.partitions
        self.to_go = list(self.broker.ends)
        self.results_read = len(self.broker.results) if self.begin is None else self.begin.results.offsets.get(0, -1) + 1

    def commit(self, offsets: dict[int, int]) -> None:
        """Nobody monitors."""

    def close(self) -> None:
        """Nothing is open."""

    def pump(self, limit: int) -> None:
        """Reads on, at most so many messages of each partition; the results lag when few are read."""
        for partition in range(self.broker.partitions):
            self._pump_partition(partition, limit)
        if limit >= MANY and all(read >= end for read, end in zip(self.read, self.to_go, strict=True)):
            self.pump_results()
            self.inbox.caught_up()

    def pump_results(self) -> None:
        """Reads the results to their end."""
        for result in self.broker.results[self.results_read :]:
            self.inbox.result(result)
        self.results_read = len(self.broker.results)
        self.inbox.end_of_results(self.results_read)

    def _pump_partition(self, partition: int, limit: int) -> None:
        shown = -1 if self.begin is None else self.begin.table.offsets.get(partition, -1)
        messages, end = self.broker.table[partition], self.broker.ends[partition]
        for offset in range(self.read[partition], min(self.read[partition] + limit, end)):
            self.read[partition] = offset + 1
            message = messages.get(offset)
            if message is None:
                continue
            if offset <= shown:
                self.inbox.fold(message)
            else:
                self.inbox.change(message, _NEVER)
        if self.read[partition] == end:
            self.inbox.end_of_partition(partition, end)


class _Never:
    def is_set(self) -> bool:
        return False


_NEVER: Any = _Never()


def _done() -> "Future[None]":
    future: Future[None] = Future()
    future.set_result(None)
    return future
