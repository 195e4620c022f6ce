"""A table as its topic tells it: folded by key, decoded only where nothing newer follows."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from tabstream.config import Settings
from tabstream.core.binding import Binding, TableShape
from tabstream.core.cells import RowKey
from tabstream.core.changes import Desired, Missing, desired_of, key_of
from tabstream.core.past import Raw
from tabstream.core.results import Truncated
from tabstream.core.rowmerge import BoundTable
from tabstream.errors import Poison
from tabstream.kafka.avro import Decoder
from tabstream.kafka.folding import Folder
from tabstream.operations.sources import Sight, now_at, snapshot, some
from tabstream.operations.topics import table_topic
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
        self._decoder = Decoder(settings.schema_registry_url)
        self._count = count
        self._folders: dict[str, Folder] = {}

    @property
    def messages(self) -> int:
        """How many messages were read."""
        return sum(folder.fold.messages for folder in self._folders.values())

    @contextmanager
    def look(self, binding: Binding, zone: str, keys: Collection[RowKey | None] | None) -> Iterator[Sight]:
        """See Source."""
        topic = table_topic(self._settings, binding)
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
        found = decoded_rows(fold.newest, shape, self._decoder, keys)
        yield Sight(
            position, at_ms, shape, ((d.key, d.values) for d in found if d.values is not None and not gone(d, emptied))
        )

    def has_streamed(self, position: str) -> bool:
        """See Source: what it has seen is in the topic."""
        return True

    def _folder(self, topic: str) -> Folder:
        if topic not in self._folders:
            self._folders[topic] = Folder(self._settings, topic)
        return self._folders[topic]


def decoded_rows(
    newest: Mapping[bytes, Raw], shape: TableShape, decoder: Decoder, keys: Collection[RowKey | None] | None = None
) -> Iterator[Desired]:
    """What each key's newest message asks for, deletes included; with `keys`, of these alone. A key that can't be decoded is
    left out, the values of a change that can't are Missing."""
    raw_of: dict[RowKey, Raw] = {}
    for raw_key, raw in newest.items():
        key = _key(decoder, raw_key, shape)
        if key is not None and (keys is None or key in keys):
            raw_of[key] = _newer(raw_of.get(key), raw)
    for key, raw in raw_of.items():
        yield _desired(decoder, key, raw, shape)


def _key(decoder: Decoder, raw: bytes, shape: TableShape) -> RowKey | None:
    try:
        return key_of(decoder.decode(raw), shape)
    except _UNREADABLE:
        return None


def _desired(decoder: Decoder, key: RowKey, raw: Raw, shape: TableShape) -> Desired:
    value, partition, offset = raw
    try:
        return desired_of(key, None if value is None else decoder.decode(value), shape, partition, offset)
    except _UNREADABLE:
        unknown = dict.fromkeys(shape.by_name, Missing.UNAVAILABLE)
        return Desired(key, unknown, partition, offset, lsn=1 << 63)


def _newer(known: Raw | None, met: Raw) -> Raw:
    """Of one key under two schemas of its own, whose bytes differ, the newer message."""
    return met if known is None or known[2] < met[2] else known


def gone(change: Desired, emptied: Truncated | None) -> bool:
    """Whether the table was emptied after the change."""
    return emptied is not None and emptied.took(change.lsn, change.committed_ms)
