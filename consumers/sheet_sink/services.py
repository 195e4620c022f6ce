"""What every owner of this instance works with, made once."""

import threading
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

import psycopg
import structlog
import tenacity
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from consumers.sheet_sink import feed as feeds
from consumers.sheet_sink.form_check import require_readable
from consumers.sheet_sink.inbox import Inbox, RawMessage
from tabstream import metrics
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.binding import Binding, TableShape
from tabstream.core.cells import RowKey
from tabstream.core.googletime import GoogleClock, clock_from_call
from tabstream.core.results import Truncated
from tabstream.core.rowmerge import BoundTable, key_texts
from tabstream.core.watermark import Watermark
from tabstream.errors import BindingProblem, NotAccepted, Outage
from tabstream.kafka import clients
from tabstream.kafka.events import Events
from tabstream.kafka.messages import Status
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.status_topic import decode, read_newest, status_decoder
from tabstream.kafka.topics import results_topic, topic_of
from tabstream.kafka.wire import unframed
from tabstream.postgres.connection import Connection, opened, table_identity
from tabstream.postgres.outbox import last_truncate
from tabstream.postgres.rows import Rows
from tabstream.postgres.shape import read_shape
from tabstream.postgres.slots import require_published
from tabstream.postgres.snapshots import ask_for_snapshot
from tabstream.sheets.accounts import Accounts
from tabstream.sheets.call import Answer
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.pooled import PooledClient

_log = structlog.get_logger()
_APPLICATION = "tabstream sheet-sink"
_UNKNOWN_CLOCK_MS = 2_000
_KEYS_AT_ONCE = 5_000
_STATUS_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Table:
    """A binding's table: its shape, when it was emptied last, and which table of which database it is."""

    shape: TableShape
    truncated: Truncated | None
    identity: str


@dataclass(slots=True)
class GoogleTime:
    """What is known of Google's clock, shared by the owners."""

    clock: GoogleClock | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def interval(self, sent_ms: int, received_ms: int, date_ms: int | None = None) -> tuple[int, int]:
        """Bounds on Google's clock of what happened between two times of ours; learns from a call's Date header."""
        with self.lock:
            if date_ms is not None:
                self.clock = (
                    clock_from_call(sent_ms, received_ms, date_ms)
                    if self.clock is None
                    else self.clock.after_call(sent_ms, received_ms, date_ms)
                )
            if self.clock is None:
                return sent_ms - _UNKNOWN_CLOCK_MS, received_ms + _UNKNOWN_CLOCK_MS
            return self.clock.interval(sent_ms, received_ms)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it was received, in the form that the dead-letter topic takes."""

    name: str
    raw: RawMessage

    def topic(self) -> str:
        """Where it comes from."""
        return self.name

    def partition(self) -> int:
        """See `topic`."""
        return self.raw.partition

    def offset(self) -> int:
        """See `topic`."""
        return self.raw.offset

    def key(self) -> bytes | None:
        """As received."""
        return unframed(self.raw.key)

    def value(self) -> bytes | None:
        """As received."""
        return unframed(self.raw.value)

    def headers(self) -> None:
        """Not kept."""


@dataclass(slots=True)
class Services:
    """The doors to Google, Kafka and PostgreSQL, and the settings."""

    settings: Settings
    clock: Clock
    accounts: Accounts
    publisher: Publisher
    events: Events
    admin: AdminClient
    instance: str
    google_clock: GoogleTime = field(default_factory=GoogleTime)

    def client(self, spreadsheet_id: str, stop: threading.Event) -> SheetsClient:
        """A door to one spreadsheet for one thread."""
        url = self.settings.sheets_url or None
        return PooledClient(self.accounts, url, self.clock, stop, spreadsheet_id=spreadsheet_id)

    def google_interval(self, answer: Answer) -> tuple[int, int]:
        """When the call happened, on Google's clock."""
        return self.google_clock.interval(answer.sent_ms, answer.received_ms, answer.date_ms)

    def table(self, binding: Binding, zone: str) -> Table:
        """The table as it is for a spreadsheet of this zone. Raises BindingProblem, Outage."""
        with self._database() as connection:
            shape = read_shape(connection, binding, zone)
            require_published(connection, self.settings, binding.schema_name, binding.table_name)
            truncated = last_truncate(connection, f"{binding.schema_name}.{binding.table_name}")
            return Table(shape, truncated, table_identity(connection, binding.schema_name, binding.table_name))

    def sample(self, binding: Binding, shape: TableShape, limit: int) -> list[dict[str, str | None]]:
        """Some rows of the table, as texts by column. Raises Outage, or BindingProblem as `are_there` does."""
        with self._database() as connection:
            return Rows(BoundTable(binding, shape), commit_times=False).sample(connection, limit)

    def are_there(self, binding: Binding, shape: TableShape, keys: Sequence[RowKey]) -> list[bool]:
        """For each key whether the table has it; it can't have what is no value of the key's type. Raises Outage, or
        BindingProblem where the table is another one than this shape says, or gone."""
        rows = Rows(BoundTable(binding, shape), commit_times=False)
        texts = [_key_texts(key, shape) for key in keys]
        asked = [text for text in texts if text is not None]
        found: list[bool] = []
        with self._database() as connection:
            for start in range(0, len(asked), _KEYS_AT_ONCE):
                found += _are_there(rows, connection, asked[start : start + _KEYS_AT_ONCE])
        answers = iter(found)
        return [text is not None and next(answers) for text in texts]

    def ask_for_snapshot(self, binding: Binding) -> None:
        """Has Debezium stream the table anew; without the right to ask, that is only logged. Raises Outage."""
        try:
            with opened(self.settings.database_url, _APPLICATION) as connection:
                ask_for_snapshot(connection, [f"{binding.schema_name}.{binding.table_name}"])
        except psycopg.errors.InsufficientPrivilege as problem:
            remedy = "grant INSERT on tabstream.debezium_signal; until then a row's values come with its next change"
            _log.warning("no snapshot of changed columns", binding=binding.name, problem=str(problem), remedy=remedy)

    def _database(self) -> AbstractContextManager[Connection]:
        return opened(self.settings.database_url, _APPLICATION, _as_problem)

    def topics(self, binding: Binding) -> feeds.Topics:
        """The binding's topics as they are now. Raises TopicsUnreachable, BindingProblem."""
        return feeds.describe(self.admin, topic_of(self.settings, binding), results_topic(self.settings))

    def feed(self, topics: feeds.Topics, begin: Watermark | None, inbox: Inbox, binding: str) -> feeds.Feed:
        """A feed that fills the inbox from now on; see Feed."""
        feed = feeds.Feed(self.settings, topics, begin, inbox, f"tabstream.sheet-sink.{binding}")
        feed.start()
        return feed

    def statuses(self, names: Container[str]) -> tuple[list[Status], Mapping[str, str]]:
        """The newest status of each of these bindings, and why one can't be read. Raises Outage."""
        raw = read_newest(self.settings, _STATUS_SECONDS)
        return decode({name: value for name, value in raw.items() if name in names}, status_decoder(self.settings))

    def results_end(self, topics: feeds.Topics) -> int:
        """The end of the edit results as it is now. Raises TopicsUnreachable."""
        return feeds.results_end(self.admin, topics.results)

    def fetch(self, topics: feeds.Topics, wanted: dict[tuple[int, int], None]) -> list[RawMessage]:
        """Messages of the table's topic, read again; see `feed.fetch`."""
        return feeds.fetch(self._reading, topics.table, wanted)

    def look_at(self, topics: feeds.Topics, shape: TableShape, refused: tuple[int, int] | None) -> None:
        """Reads the newest messages, and the one that was refused before: a topic in a form that can't be read is a problem
        before anything is written. Raises BindingProblem, Outage."""
        messages = feeds.newest(self._reading, topics)
        if refused is not None:
            with suppress(BindingProblem):  # the topic has it no more
                messages += self.fetch(topics, {refused: None})
        require_readable(messages, topics.table, shape, self.events)

    def _reading(self) -> Consumer:
        return clients.consumer(self.settings, f"tabstream.fetch.{self.instance}", enable_partition_eof=True)

    def reject(self, topic: str) -> Callable[[RawMessage, str], None]:
        """What to do with a message of this topic that can't be read: the dead-letter topic, and on."""

        def send(raw: RawMessage, reason: str) -> None:
            metrics.DEAD_LETTERS.labels(topic).inc()
            self.publisher.dead_letter(Letter(topic, raw), reason)

        return send

    def outage_retry(self, stop: threading.Event, say: Callable[[str], None]) -> tenacity.Retrying:
        """Waits for what is out of reach, with backoff, until `stop` is set."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Outage),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5, min=0.1),
            stop=tenacity.stop_when_event_set(stop),
            sleep=tenacity.sleep_using_event(stop),
            before_sleep=lambda state: say(str(state.outcome.exception() if state.outcome else "")),
            reraise=True,
        )


def _as_problem(refused: str) -> BindingProblem:
    return BindingProblem(refused, "correct it, unless the table has just changed: it is tried again and again")


def _key_texts(key: RowKey, shape: TableShape) -> tuple[str, ...] | None:
    try:
        return key_texts(key, shape)
    except (NotAccepted, ValueError, TypeError):
        return None


def _are_there(rows: Rows, connection: Connection, keys: Sequence[tuple[str, ...]]) -> list[bool]:
    """One key that the database refuses must not hide the others."""
    try:
        return [row is not None for row in rows.read(connection, keys)]
    except psycopg.DataError:
        half = len(keys) // 2
        return _are_there(rows, connection, keys[:half]) + _are_there(rows, connection, keys[half:]) if half else [False]
