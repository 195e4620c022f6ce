"""The history of one row, out of the topics as far as they reach."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from tabstream.config import Settings
from tabstream.core.binding import Binding, TableShape
from tabstream.core.cells import ObservedCell, RowKey, row_key
from tabstream.core.edits import NEW_ROW_PREFIX, Edit, edit_from_record
from tabstream.core.history import Answered, Entry, Kept, TableEvent, Told, history
from tabstream.core.readable import key_parts
from tabstream.core.results import EditResult, read_result
from tabstream.core.telling import NEW_KEY, OLD_KEY
from tabstream.core.types.other import Other
from tabstream.core.types.text import Text
from tabstream.errors import BindingProblem, NotAccepted, OperatorError, Outage, Poison
from tabstream.kafka import own_schemas
from tabstream.kafka.avro import Decoder
from tabstream.kafka.events import Events
from tabstream.kafka.reader import Record, TopicReader
from tabstream.kafka.retention import kept
from tabstream.kafka.topics import EDITS, results_topic, topic_of
from tabstream.operations.reported import binding_of
from tabstream.postgres.connection import Connection, connect
from tabstream.postgres.shape import read_shape

_ANY_ZONE = "Etc/GMT"
_SAY_EVERY = 20_000


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back a topic reaches: its oldest message, None where it is empty or not there; what is known of its keeping."""

    topic: str
    oldest_ms: int | None
    kept: Kept | None


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a row, oldest first. `unread` counts messages of this row that could not be decoded."""

    key: RowKey
    entries: list[Entry]
    reach: list[Reach]
    unread: int


def read_history(settings: Settings, name: str, key: str, column: str | None, say: Callable[[str], None]) -> History:
    """The history of a row, or of one of its cells; `say` is told what is under way.

    Raises Outage, ConfigurationError, or OperatorError for a binding, key or column that can't be.
    """
    binding = binding_of(settings, name)
    try:
        with connect(settings.database_url, "tabstream history", autocommit=True) as connection:
            shapes = _Shapes(connection, binding)
            shape = shapes[_ANY_ZONE]
            if column is not None and column not in shape.by_name:
                raise OperatorError(f"{name!r} has no column {column!r}", f"choose one of: {', '.join(shape.by_name)}")
            wanted = wanted_key(key, shape)
            with TopicReader(settings) as reader:
                forms = Events(settings.registry)
                found = _Search(settings, binding, wanted, shape, reader, say, forms)
                answers = list(found.answers())
                edits = list(found.edits({wanted} | _tokens(answers)))
                events = list(found.events())
            told = Told(events, edits, answers, shape, {edit.zone: shapes[edit.zone] for edit in edits})
    except BindingProblem as problem:
        raise OperatorError(problem.problem, problem.remedy) from problem
    except psycopg.Error as problem:
        raise Outage(f"the database can't be asked: {str(problem).strip()}") from problem
    return History(wanted, history(told, column), found.reach, found.unread)


def wanted_key(text: str, shape: TableShape) -> RowKey:
    """The row key that a person means; raises OperatorError for one that can't be."""
    parts, names = key_parts(text), shape.key
    if len(parts) != len(names):
        example = ",".join(f"<{name}>" for name in names)
        has = f"the key has {len(names)} columns" if len(names) > 1 else f"the key is the column {names[0]}"
        raise OperatorError(f"{text!r} is no key: {has}", f"give it as {example}, or as a JSON list")
    columns = [shape.by_name[name].type for name in names]
    cells = [ObservedCell(float(p) if _is_number(p) else p, str(p)) for p in parts]
    values = [column.from_cell(cell) for column, cell in zip(columns, cells, strict=True)]
    try:
        for column, value in zip(columns, values, strict=True):
            if not column.read_only:
                column.to_database(value)
    except NotAccepted as problem:
        raise OperatorError(f"{text!r} is no key: {problem.reason}", "give it as the tab shows it") from problem
    for name, column, value in zip(names, columns, values, strict=True):
        if value is None and not isinstance(column, Text | Other):  # only of these may the text itself be empty
            raise OperatorError(f"{text!r} is no key: {name} is empty", "give it as the tab shows it")
    return row_key(values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Shapes(dict[str, TableShape]):
    """The table's shape for the zones that edits were made in, each asked for once."""

    def __init__(self, connection: Connection, binding: Binding) -> None:
        super().__init__()
        self._connection = connection
        self._binding = binding

    def __missing__(self, zone: str) -> TableShape:
        self[zone] = read_shape(self._connection, self._binding, zone)
        return self[zone]


def _tokens(answers: list[Answered]) -> set[str]:
    return {a.result.row_key for a in answers if a.result.row_key.startswith(NEW_ROW_PREFIX)}


@dataclass(slots=True)
class _Search:
    """Looks for one key in whole topics, and decodes nothing else."""

    settings: Settings
    binding: Binding
    key: RowKey
    shape: TableShape
    reader: TopicReader
    say: Callable[[str], None]
    forms: Events
    reach: list[Reach] = field(default_factory=list)
    unread: int = 0

    def answers(self) -> Iterator[Answered]:
        """The results of this row, and those that made it."""
        name, topic = self.binding.name, results_topic(self.settings)
        keys = _Keys(lambda raw: self._may_be_its_result(self.forms.shown(raw, topic)))
        for record in self._records(topic):
            after = (self._change(record, None) or {}).get("after") if record in keys else None
            if after is None or after["kind"] != "answer" or after["binding"] != name:
                continue
            try:
                result, decided_at = read_result(after), datetime.fromisoformat(after["decided_at"])
            except (KeyError, ValueError, TypeError):
                self.unread += 1
                continue
            if isinstance(result, EditResult) and self._is_its(result):
                yield Answered(int(decided_at.timestamp() * 1000), after["xid"] % 2**32, result)

    def edits(self, keys: set[str]) -> Iterator[Edit]:
        """The edits of this row and of the tokens that it was submitted under."""
        decoder = Decoder(self.settings.registry, own_schemas.load("edit"))
        wanted = {f"{self.binding.name}/{key}".encode() for key in keys}
        for record in self._records(EDITS):
            if record.key in wanted and record.value is not None:
                try:
                    yield edit_from_record(decoder.decode(record.value))
                except (Poison, KeyError, ValueError, TypeError):
                    self.unread += 1

    def events(self) -> Iterator[TableEvent]:
        """The changes of this row in the table's topic."""
        topic = topic_of(self.settings, self.binding)
        keys = _Keys(lambda raw: self.forms.key(raw, topic, self.shape) == self.key)
        for record in self._records(topic):
            if record in keys and (envelope := self._change(record, self.shape)) is not None:
                yield TableEvent(record.at_ms, envelope, self._other_key(record))

    def _may_be_its_result(self, key: Mapping[str, Any]) -> bool:
        its = key["row_key"] == self.key or key["row_key"].startswith(NEW_ROW_PREFIX)
        return bool(key["binding"] == self.binding.name and its)

    def _is_its(self, result: EditResult) -> bool:
        return result.row_key == self.key or (result.row_answer is not None and result.row_answer.key == self.key)

    def _other_key(self, record: Record) -> RowKey | None:
        header = record.header(NEW_KEY) or record.header(OLD_KEY)
        return None if header is None else self.forms.key(header.encode(), record.topic, self.shape)

    def _change(self, record: Record, shape: TableShape | None) -> Mapping[str, Any] | None:
        raw = record.framed().value
        if raw is None:
            return None
        try:
            return self.forms.change(raw, record.topic, shape)
        except Poison:
            self.unread += 1
            return None

    def _records(self, topic: str) -> Iterator[Record]:
        oldest: int | None = None
        there = topic in self.reader.topics()
        bounds = self.reader.bounds(topic) if there else {}
        self.say(f"reading {topic}")
        if bounds:
            begins = {partition: has.first for partition, has in bounds.items()}
            for count, record in enumerate(self.reader.read(topic, begins), 1):
                oldest = record.at_ms if oldest is None else min(oldest, record.at_ms)
                if count % _SAY_EVERY == 0:
                    self.say(f"reading {topic}: {count:,} messages")
                yield record
        self.reach.append(Reach(topic, oldest, kept(self.settings, topic) if there else None))


class _Keys:
    """Kafka keys that are wanted, each decoded once; `record in keys`."""

    def __init__(self, is_wanted: Callable[[bytes], bool]) -> None:
        self._is_wanted = is_wanted
        self._known: dict[bytes, bool] = {}

    def __contains__(self, record: Record) -> bool:
        raw = record.framed().key
        if raw is None:
            return False
        if raw not in self._known:
            self._known[raw] = self._look(raw)
        return self._known[raw]

    def _look(self, raw: bytes) -> bool:
        try:
            return self._is_wanted(raw)
        except (Poison, KeyError, TypeError, ValueError):
            return False
