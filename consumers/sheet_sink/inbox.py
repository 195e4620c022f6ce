"""What the feed has read and the owner has not taken yet: the newest raw message per key, and all results."""

import threading
from dataclasses import dataclass, field, replace

from tabstream.kafka.wire import may_delete


@dataclass(frozen=True, slots=True)
class RawMessage:
    """An undecoded message of a table's topic; a tombstone has no value. `renamed` is the other key of a changed primary
    key, as JSON, and whether this message's key is the old one."""

    key: bytes
    value: bytes | None
    partition: int
    offset: int
    renamed: tuple[bytes, bool] | None = None


@dataclass(frozen=True, slots=True)
class RawResult:
    """An undecoded message of the topic of edit results."""

    value: bytes
    offset: int


@dataclass(slots=True)
class Taken:
    """All that had arrived: `folded` stands at or below the watermark, `consumed` are the next offsets to read, `messages`
    counts the changes before they were coalesced."""

    folded: dict[bytes, RawMessage] = field(default_factory=dict)
    changes: dict[bytes, RawMessage] = field(default_factory=dict)
    results: list[RawResult] = field(default_factory=list)
    consumed: dict[int, int] = field(default_factory=dict)
    results_consumed: int = 0
    messages: int = 0
    renamed: dict[bytes, tuple[bytes, bool]] = field(default_factory=dict)


class Inbox:
    """Filled by one feed thread, emptied by one owner thread."""

    def __init__(self, wake: threading.Event, limit: int = 50_000) -> None:
        self._changed = threading.Condition()
        self._wake = wake
        self._limit = limit
        self._taken = Taken()
        self._caught_up = False
        self._bounded = False
        self._failure: Exception | None = None

    def fold(self, message: RawMessage) -> None:
        """A message that the tab shows already. Its value is kept only where it may tell of a delete."""
        with self._changed:
            value = message.value and (message.value if may_delete(message.value) else b"")
            self._taken.folded[message.key] = RawMessage(message.key, value, message.partition, message.offset)
            self._advance(message)

    def change(self, message: RawMessage, stop: threading.Event) -> None:
        """A message to be shown; waits while the inbox is full and the owner is draining it."""
        with self._changed:
            while self._bounded and len(self._taken.changes) >= self._limit and not stop.is_set():
                self._changed.wait(0.5)
            if message.value is None:
                message = self._with_its_delete(message)
            self._taken.changes[message.key] = message
            self._taken.messages += 1
            if message.renamed is not None:
                self._taken.renamed[message.key] = message.renamed
            self._advance(message)
            self._wake_up()

    def result(self, result: RawResult) -> None:
        """A result to be shown."""
        with self._changed:
            self._taken.results.append(result)
            self._taken.results_consumed = max(self._taken.results_consumed, result.offset + 1)
            self._wake_up()

    def end_of_results(self, offset: int) -> None:
        """All committed results below this offset were read."""
        with self._changed:
            self._taken.results_consumed = max(self._taken.results_consumed, offset)
            self._changed.notify_all()

    def end_of_partition(self, partition: int, offset: int) -> None:
        """All committed messages of the partition below this offset were read."""
        with self._changed:
            self._taken.consumed[partition] = max(self._taken.consumed.get(partition, 0), offset)

    def caught_up(self) -> None:
        """The feed has read all partitions to their ends once."""
        with self._changed:
            self._caught_up = True
            self._wake_up()

    def fail(self, problem: Exception) -> None:
        """The feed can't go on: the owner meets the problem when it takes."""
        with self._changed:
            self._failure = problem
            self._wake_up()

    def bound(self) -> None:
        """From now on the feed waits while `limit` changes are waiting."""
        with self._changed:
            self._bounded = True

    @property
    def complete(self) -> bool:
        """True once the feed has read all partitions to their ends."""
        with self._changed:
            return self._caught_up

    @property
    def silent(self) -> bool:
        """True once the feed has read all partitions to their ends, where nothing was ever written to any."""
        with self._changed:
            return self._caught_up and not any(self._taken.consumed.values())

    @property
    def waiting(self) -> int:
        """Messages that the owner has not taken."""
        with self._changed:
            return len(self._taken.changes) + len(self._taken.results)

    def wait_for_results(self, offset: int, timeout_seconds: float) -> bool:
        """Waits until all results below `offset` were read; False after the time-out."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._taken.results_consumed >= offset or self._failure is not None, timeout_seconds
            )

    def take(self) -> Taken:
        """Everything that has arrived since the last call; raises what the feed failed with."""
        with self._changed:
            if self._failure is not None:
                raise self._failure
            taken = self._taken
            self._taken = Taken(consumed=dict(taken.consumed), results_consumed=taken.results_consumed)
            self._changed.notify_all()
            return taken

    def _with_its_delete(self, tombstone: RawMessage) -> RawMessage:
        """A tombstone follows the event of the delete, which says more; what is folded alone, is folded as deleted."""
        deleted, folded = self._taken.changes.get(tombstone.key), self._taken.folded.get(tombstone.key)
        if deleted is not None:
            return replace(deleted, offset=tombstone.offset)
        if folded is not None:
            self._taken.folded[tombstone.key] = replace(folded, value=None)
        return tombstone

    def _advance(self, message: RawMessage) -> None:
        self._taken.consumed[message.partition] = message.offset + 1

    def _wake_up(self) -> None:
        self._changed.notify_all()
        self._wake.set()
