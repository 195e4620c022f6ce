"""The messages of a topic, from some place on, decoded."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from tabstream.config import Settings
from tabstream.core.places import Moment, Place, begins, last_window
from tabstream.core.readable import is_key
from tabstream.core.telling import Decoded, TopicKind
from tabstream.kafka.events import Events
from tabstream.kafka.reader import Record, TopicReader
from tabstream.operations.topics import decoded, existing_topic, names

_WIDTH_PER_MESSAGE = 4  # transactions and compaction leave offsets without a message
_WIDER = 8


@dataclass(frozen=True, slots=True)
class Tailed:
    """A message, where it is, and what kind of topic that is."""

    record: Record
    kind: TopicKind
    message: Decoded


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to show: from `place` on (None: the last `limit`), at most `limit`, for ever if `follow`, of one key if given."""

    topic: str
    place: Place | None
    limit: int | None
    follow: bool
    key: str | None = None


def tail(settings: Settings, wanted: Wanted) -> Iterator[Tailed]:
    """The messages in their order; raises Outage, and OperatorError for a topic or an offset that isn't there."""
    known = names(settings)
    events = Events(settings.registry)
    with TopicReader(settings) as reader:
        topics = reader.topics()
        topic = existing_topic(wanted.topic, known, topics, sorted(name for name in topics if not name.startswith("_")))
        kind = known.kind(topic)

        def read(record: Record) -> Tailed | None:
            message = decoded(record, kind, events)
            return Tailed(record, kind, message) if wanted.key is None or is_key(message.key, wanted.key) else None

        if wanted.place is None:
            yield from _last(reader, topic, wanted, read)
            return
        bounds = reader.bounds(topic)
        at_moment = reader.offsets_at(topic, wanted.place.ms, bounds) if isinstance(wanted.place, Moment) else {}
        first = begins(wanted.place, topic, bounds, at_moment)
        found = (tailed for record in reader.read(topic, first, follow=wanted.follow) if (tailed := read(record)))
        yield from islice(found, wanted.limit)


def _last(reader: TopicReader, topic: str, wanted: Wanted, read: Callable[[Record], Tailed | None]) -> Iterator[Tailed]:
    count = wanted.limit or 1
    bounds, width = reader.bounds(topic), count * _WIDTH_PER_MESSAGE
    while True:
        first = last_window(bounds, width)
        following = {partition: has.following for partition, has in bounds.items()}
        found: deque[Tailed] = deque(maxlen=count)
        for record in reader.read(topic, first):
            following[record.partition] = record.offset + 1
            if tailed := read(record):
                found.append(tailed)
        if len(found) == count or all(first[partition] == has.first for partition, has in bounds.items()):
            break
        width *= _WIDER
    yield from found
    if wanted.follow:
        yield from (tailed for record in reader.read(topic, following, follow=True) if (tailed := read(record)))
