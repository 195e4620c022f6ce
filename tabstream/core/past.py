"""A topic as it was: the newest message of each key at a past moment, and how far back a compacted topic still tells that.

Compaction takes a message away once a newer one of its key has been cleaned. Of what it has reached, each key stands there
once: where a key's second message is still there, nothing from there on was reached. And a message is not reached before it
is older than `min.compaction.lag.ms`. https://kafka.apache.org/documentation/#design_compactiondetails
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

Raw: TypeAlias = tuple[bytes | None, int, int]
"""A message's value (None: a tombstone), partition and offset."""


class Message(Protocol):
    """A message of the topic; `at_ms` is its time stamp, in ms since 1970."""

    @property
    def partition(self) -> int:
        """See Message."""

    @property
    def offset(self) -> int:
        """See Message."""

    @property
    def at_ms(self) -> int:
        """See Message."""

    @property
    def key(self) -> bytes | None:
        """See Message."""

    @property
    def value(self) -> bytes | None:
        """See Message."""


@dataclass(frozen=True, slots=True)
class UpTo:
    """What the past moment includes: messages up to this offset, or changes that were committed up to this time (ms since
    1970)."""

    offset: int | None = None
    ms: int | None = None


@dataclass(slots=True)
class Past:
    """Takes a topic's messages, each partition's in order. `committed_ms` reads a change's own time, None where it has none.

    `last` and `after` are per partition the last offset that is included, and the first that is not.
    """

    up_to: UpTo
    committed_ms: Callable[[bytes], int | None]
    newest: dict[bytes, Raw] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    after: dict[int, int] = field(default_factory=dict)
    second: dict[int, tuple[int, int]] = field(default_factory=dict)
    first_ms: int | None = None
    _last_ms: dict[int, int] = field(default_factory=dict)
    _last_key: dict[int, bytes] = field(default_factory=dict)
    _seen: set[bytes] = field(default_factory=set)

    def take(self, message: Message) -> None:
        """Takes the next message; one without a key is none of a table's."""
        if message.key is None:
            return
        partition = message.partition
        self.first_ms = message.at_ms if self.first_ms is None else min(self.first_ms, message.at_ms)
        if message.key in self._seen:
            self.second.setdefault(partition, (message.offset, message.at_ms))
        self._seen.add(message.key)
        if partition in self.after:
            return
        if self._includes(message, message.key):
            self.newest[message.key] = (message.value, partition, message.offset)
            self.last[partition] = message.offset
            self._last_key[partition], self._last_ms[partition] = message.key, message.at_ms
        else:
            self.after[partition] = message.offset

    def is_whole(self, reached_ms: int, partitions: Iterable[int]) -> bool:
        """Whether nothing that counted then can have been compacted away; what is newer than `reached_ms` is not.

        `partitions` are those that have ever had a message. What follows the moment says nothing: a tombstone may have stood
        there, and be gone with what it deleted.
        """
        return all(self._is_uncleaned(p) or self._is_fresh(p, reached_ms) for p in partitions)

    def reaches_back_to(self, reached_ms: int) -> int:
        """The earliest time (ms since 1970) from which on every moment can be told."""
        told_ms = max((min(reached_ms, ms) for ms in self._second_ms()), default=reached_ms)
        return told_ms if self.first_ms is None else max(told_ms, self.first_ms)

    def _second_ms(self) -> list[int]:
        never = 1 << 62
        return [self.second.get(partition, (0, never))[1] for partition in {*self.last, *self.after}]

    def _is_uncleaned(self, partition: int) -> bool:
        second = self.second.get(partition)
        return second is not None and self.last.get(partition, -1) >= second[0] - 1

    def _is_fresh(self, partition: int, reached_ms: int) -> bool:
        """Whether compaction can't have reached what follows the moment; messages of one offset after the other may have the
        same time."""
        if self.up_to.ms is not None:
            return self.up_to.ms >= reached_ms
        return self._last_ms.get(partition, -1) > reached_ms

    def _includes(self, message: Message, key: bytes) -> bool:
        if self.up_to.offset is not None:
            return message.offset <= self.up_to.offset
        ms = self.up_to.ms if self.up_to.ms is not None else message.at_ms
        if message.at_ms <= ms:
            return True  # it was committed before it was written to the topic
        if message.value is None:
            follows = self.last.get(message.partition) == message.offset - 1
            return follows and self._last_key[message.partition] == key  # of the delete before it
        committed = self.committed_ms(message.value)
        return committed is not None and committed <= ms
