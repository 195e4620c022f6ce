"""The topic of dead letters: looking at them, writing edits to their topic again, and dropping what is dealt with."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicPartition

from tabstream.config import Settings
from tabstream.core.letters import Origin, origin_of, refuse_replay
from tabstream.core.places import Bounds, Offset, partition_of
from tabstream.core.telling import Decoded, TopicKind, Undecodable
from tabstream.errors import OperatorError, Outage
from tabstream.kafka import clients
from tabstream.kafka.events import Events
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.reader import BrokerAway, Record, TopicReader
from tabstream.kafka.topics import DEAD_LETTERS, EDITS, SIGNALS
from tabstream.operations.topics import decoded

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be read, as it was received, and where it comes from."""

    record: Record
    origin: Origin


@dataclass(frozen=True, slots=True)
class Listed:
    """The newest letters, and how many there are in all."""

    shown: Sequence[DeadLetter]
    count: int


def list_letters(settings: Settings, limit: int) -> Listed:
    """The newest letters, oldest first; raises Outage."""
    with TopicReader(settings) as reader:
        bounds = reader.bounds(DEAD_LETTERS)
        newest: deque[DeadLetter] = deque(maxlen=limit)
        count = 0
        for record in reader.read(DEAD_LETTERS, {partition: has.first for partition, has in bounds.items()}):
            newest.append(_letter(record))
            count += 1
    return Listed(list(newest), count)


def find_letters(settings: Settings, wanted: Iterable[Offset]) -> list[DeadLetter]:
    """The letters at these offsets; raises Outage, or OperatorError for one that isn't there."""
    with TopicReader(settings) as reader:
        bounds = reader.bounds(DEAD_LETTERS)
        return [_letter(_record(reader, one, bounds)) for one in wanted]


def read_letter(settings: Settings, letter: DeadLetter) -> Decoded:
    """The letter's key and value as far as they can be read now; what can't be is there as hexadecimal digits."""
    events = Events(settings.registry)
    record = letter.record
    try:
        return decoded(record, TopicKind.DEAD_LETTERS, events)
    except Outage as problem:
        key, value = (None if raw is None else Undecodable(raw.hex(), str(problem)) for raw in (record.key, record.value))
        return Decoded(key, value, size=len(record.value or b""))


def replay(settings: Settings, wanted: Sequence[Offset]) -> list[DeadLetter]:
    """Writes edits to their topic again, as they were received.

    All are looked at before the first is written. Raises Outage, or OperatorError for one that isn't there or no edit.
    """
    letters = find_letters(settings, wanted)
    for letter in letters:
        refuse_replay(letter.origin, letter.record.offset, EDITS, SIGNALS)
    publisher = Publisher(settings)
    written = 0
    try:
        for future in [
            publisher.again(EDITS, letter.record.key, letter.record.value, letter.record.headers) for letter in letters
        ]:
            future.result(_SECONDS)
            written += 1
    except (Outage, TimeoutError) as problem:
        raise Outage(f"kafka has taken {written} of {len(letters)}; replaying them again is harmless: {problem}") from problem
    finally:
        publisher.close(timeout_seconds=1)
    return letters


def count_up_to(settings: Settings, last: Offset) -> int:
    """How many letters there are up to this one; raises Outage, or OperatorError where it isn't there."""
    with TopicReader(settings) as reader:
        bounds = reader.bounds(DEAD_LETTERS)
        return last.offset + 1 - bounds[partition_of(last, DEAD_LETTERS, bounds)].first


def drop(settings: Settings, last: Offset) -> None:
    """Deletes the letters up to this one; raises Outage, or OperatorError where it isn't there."""
    with TopicReader(settings) as reader:
        partition = partition_of(last, DEAD_LETTERS, reader.bounds(DEAD_LETTERS))
    end = TopicPartition(DEAD_LETTERS, partition, last.offset + 1)
    admin = clients.admin(settings)  # without a name it would be gone before the answer
    try:
        admin.delete_records([end])[end].result(_SECONDS)
    except (KafkaException, TimeoutError) as problem:
        raise BrokerAway(f"kafka does not delete the records: {clients.why(admin, problem)}") from problem


def _letter(record: Record) -> DeadLetter:
    return DeadLetter(record, origin_of({name: value.decode("utf-8", "replace") for name, value in record.headers}))


def _record(reader: TopicReader, wanted: Offset, bounds: dict[int, Bounds]) -> Record:
    partition = partition_of(wanted, DEAD_LETTERS, bounds)
    found = next(reader.read(DEAD_LETTERS, {partition: wanted.offset}), None)
    if found is None or found.offset != wanted.offset:
        raise OperatorError(f"{DEAD_LETTERS} has no message at offset {wanted.offset}", "tabstream dead-letters list")
    return found
