"""A table as its topic tells it: folded by key, decoded only where nothing newer follows."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tabstream.config import Settings
from tabstream.core.binding import Binding, TableShape
from tabstream.core.cells import RowKey
from tabstream.core.changes import Desired, Missing, desired_of
from tabstream.core.past import Raw
from tabstream.core.results import Truncated
from tabstream.core.rowmerge import BoundTable
from tabstream.errors import Poison
from tabstream.kafka.events import Events
from tabstream.kafka.folding import Folder
from tabstream.kafka.topics import topic_of
from tabstream.operations.sources import Sight, now_at, snapshot, some
from tabstream.postgres.outbox import last_truncate
from tabstream.postgres.rows import Rows
from tabstream.postgres.shape import read_shape

_UNREADABLE = (Poison, KeyError, TypeError, ValueError, ArithmeticError)


class TopicSource:
    """See `sources.Source`; a position names the next offset of each partition.

    A key that the database does not have is left out where single keys are asked for: no message tells of rows that a snapshot
    left out. A value that can't be decoded counts as unknown.
    """

    name = "the topic"

    def __init__(self, settings: Settings, count: Callable[[int, int], None] = lambda done, total: None) -> None:
        self._settings = settings
        self._events = Events(settings.registry)
        self._count = count
        self._folders: dict[str, Folder] = {}

    @property
    def messages(self) -> int:
        """How many messages were read."""
        return sum(folder.fold.messages for folder in self._folders.values())

    @contextmanager
    def look(self, binding: Binding, zone: str, keys: Collection[RowKey | None] | None) -> Iterator[Sight]:
        """See Source."""
        topic = topic_of(self._settings, binding)
        with snapshot(self._settings) as connection:
            _, at_ms = now_at(connection)
            shape = read_shape(connection, binding, zone)
            emptied = last_truncate(connection, f"{binding.schema_name}.{binding.table_name}")
            if keys is not None:
                there = some(Rows(BoundTable(binding, shape), commit_times=False), connection, keys)
                keys = {key for key, _ in there}
        folder = self._folder(topic)
        fold = folder.advance(self._count)
        position = ", ".join(f"{topic} {partition}/{offset}" for partition, offset in sorted(fold.following.items()))
        found = decoded_rows(fold.newest, Form(self._events, topic, shape), keys)
        yield Sight(
            position, at_ms, shape, ((d.key, d.values) for d in found if d.values is not None and not gone(d, emptied))
        )

    def left_out(self, binding: Binding, shape: TableShape, keys: Collection[RowKey]) -> set[RowKey]:
        """See Source: no message tells of rows that a new snapshot did not bring."""
        if not keys:
            return set()
        with snapshot(self._settings) as connection:
            there = some(Rows(BoundTable(binding, shape), commit_times=False), connection, keys)
            return set(keys) - {key for key, _ in there}

    def has_streamed(self, position: str) -> bool:
        """See Source: what it has seen is in the topic."""
        return True

    def _folder(self, topic: str) -> Folder:
        if topic not in self._folders:
            self._folders[topic] = Folder(self._settings, topic)
        return self._folders[topic]


@dataclass(frozen=True, slots=True)
class Form:
    """How a topic's messages are read into rows of a shape."""

    events: Events
    topic: str
    shape: TableShape

    def key(self, raw: bytes) -> RowKey | None:
        """The key, None for one that can't be decoded."""
        try:
            return self.events.key(raw, self.topic, self.shape)
        except _UNREADABLE:
            return None

    def desired(self, key: RowKey, raw: Raw) -> Desired:
        """What the message asks for; the values of one that can't be decoded are Missing."""
        value, partition, offset = raw
        try:
            envelope = None if value is None else self.events.change(value, self.topic, self.shape)
            return desired_of(key, envelope, self.shape, partition, offset)
        except _UNREADABLE:
            unknown = dict.fromkeys(self.shape.by_name, Missing.UNAVAILABLE)
            return Desired(key, unknown, partition, offset, lsn=1 << 63)

    def committed_ms(self, raw: bytes) -> int | None:
        """When the change was committed (ms since 1970), None where that is not known."""
        try:
            found: int | None = self.events.change(raw, self.topic, None)["source"].get("ts_ms")
        except _UNREADABLE:
            return None
        return found


def decoded_rows(newest: Mapping[bytes, Raw], form: Form, keys: Collection[RowKey | None] | None = None) -> Iterator[Desired]:
    """What each key's newest message asks for, deletes included; with `keys`, of these alone. A key that can't be decoded is
    left out."""
    raw_of: dict[RowKey, Raw] = {}
    for raw_key, raw in newest.items():
        key = form.key(raw_key)
        if key is not None and (keys is None or key in keys):
            raw_of[key] = _newer(raw_of.get(key), raw)
    for key, raw in raw_of.items():
        yield form.desired(key, raw)


def _newer(known: Raw | None, met: Raw) -> Raw:
    """Of one key under two schemas of its own, whose bytes differ, the newer message."""
    return met if known is None or known[2] < met[2] else known


def gone(change: Desired, emptied: Truncated | None) -> bool:
    """Whether the table was emptied after the change."""
    return emptied is not None and emptied.took(change.lsn, change.committed_ms)
