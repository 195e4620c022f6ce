"""What a feed has brought, decoded. Nothing of it is in the book yet: where a schema can't be had, all of it is decoded again.

Several Kafka keys may mean one row, where a team's topic has changed its form on the way; the newest message counts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from consumers.sheet_sink.feed import Topics
from consumers.sheet_sink.inbox import RawMessage, RawResult, Taken
from tabstream.core.binding import Binding, TableShape
from tabstream.core.cells import RowKey
from tabstream.core.changes import Desired, desired_of
from tabstream.core.results import Claim, EditResult, Truncated, read_result
from tabstream.errors import FormRefused, Poison
from tabstream.kafka.events import Events

_log = structlog.get_logger()
_UNREADABLE = (Poison, KeyError, TypeError, ValueError, ArithmeticError)

Result: TypeAlias = Claim | EditResult | Truncated


@dataclass(frozen=True, slots=True)
class Folded:
    """A key that the tab shows already, and its newest message."""

    key: RowKey
    partition: int
    offset: int
    deleted: bool


@dataclass(slots=True)
class Arrived:
    """`renamed` are old and new keys; `rejected` are messages that can't be read, each with the reason."""

    folded: dict[RowKey, Folded] = field(default_factory=dict)
    renamed: list[tuple[RowKey, RowKey]] = field(default_factory=list)
    changes: dict[RowKey, Desired] = field(default_factory=dict)
    results: list[tuple[int, Result]] = field(default_factory=list)
    rejected: list[tuple[RawMessage, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Decodes for one binding. Raises RegistryUnavailable, or FormRefused, which then says `at` which message."""

    binding: Binding
    shape: TableShape
    topics: Topics
    events: Events

    def decoded(self, taken: Taken) -> Arrived:
        """All that was taken."""
        arrived = Arrived()
        for raw in taken.folded.values():
            if (key := self._key(raw, arrived)) is not None:
                folded = Folded(key, raw.partition, raw.offset, self._deletes(raw))
                before = arrived.folded.get(key)
                if before is None or _is_newer(folded, before, self.topics.table):
                    arrived.folded[key] = folded
        for raw_key, (other, is_old) in taken.renamed.items():
            self._rename(taken.changes[raw_key], other, is_old, arrived)
        for desired in self.changes(taken.changes.values(), arrived):
            known = arrived.changes.get(desired.key)
            if known is None or _is_newer(desired, known, self.topics.table):
                arrived.changes[desired.key] = desired
        arrived.results.extend(self._results(taken.results))
        return arrived

    def changes(self, messages: Iterable[RawMessage], arrived: Arrived) -> Iterator[Desired]:
        """What the messages ask for; those that can't be read are rejected."""
        for raw in messages:
            key = self._key(raw, arrived)
            if key is None:
                continue
            try:
                envelope = None if raw.value is None else self.events.change(raw.value, self.topics.table, self.shape)
                yield desired_of(key, envelope, self.shape, raw.partition, raw.offset)
            except FormRefused as refused:
                refused.at = raw.partition, raw.offset
                raise
            except _UNREADABLE as problem:
                arrived.rejected.append((raw, f"undecodable change: {problem}"))

    def _key(self, raw: RawMessage, arrived: Arrived) -> RowKey | None:
        try:
            return self.events.key(raw.key, self.topics.table, self.shape)
        except FormRefused as refused:
            refused.at = raw.partition, raw.offset
            raise
        except _UNREADABLE as problem:
            arrived.rejected.append((raw, f"undecodable key: {problem}"))
            return None

    def _deletes(self, raw: RawMessage) -> bool:
        """Whether a folded message says that the row is gone; only one that may do so has kept its value."""
        if not raw.value:
            return raw.value is None
        try:
            return self.events.change(raw.value, self.topics.table, None)["after"] is None
        except _UNREADABLE:
            return False

    def _rename(self, raw: RawMessage, other: bytes, is_old: bool, arrived: Arrived) -> None:
        key = self._key(raw, arrived)
        try:
            renamed = self.events.key(other, self.topics.table, self.shape)
        except _UNREADABLE:
            _log.warning("unreadable header of a changed key", topic=self.topics.table, offset=raw.offset)
            return
        if key is not None:
            arrived.renamed.append((key, renamed) if is_old else (renamed, key))

    def _results(self, messages: Iterable[RawResult]) -> Iterator[tuple[int, Result]]:
        table = f"{self.binding.schema_name}.{self.binding.table_name}"
        for raw in messages:
            try:
                event = self.events.change(raw.value, self.topics.results, None)
                if event["op"] == "r":
                    continue  # a snapshot reads the outbox again: what was answered long ago is no news
                after = event["after"]
                if after is not None and after["binding"] == (table if after["kind"] == "truncate" else self.binding.name):
                    yield raw.offset, read_result(after)
            except _UNREADABLE as problem:
                _log.error("undecodable edit result", offset=raw.offset, problem=str(problem))


def _is_newer(one: Folded | Desired, other: Folded | Desired, topic: str) -> bool:
    """Whether `one` is the newer of two messages of a row. Raises FormRefused where they are in two partitions."""
    if one.partition != other.partition:
        refused = two_partitions(one.key, topic, one.partition, other.partition)
        refused.at = one.partition, one.offset
        raise refused
    return one.offset > other.offset


def two_partitions(key: RowKey, topic: str, one: int, other: int) -> FormRefused:
    """What is wrong with a topic whose messages of one row are in two partitions."""
    return FormRefused(
        f"topic {topic!r} has row {key} in partitions {min(one, other)} and {max(one, other)}: which is newer can't be told",
        "partitions were added, the converter of keys was changed, or message.key.columns has columns that change: "
        "have the table streamed to a new topic, keyed by its primary key",
    )
