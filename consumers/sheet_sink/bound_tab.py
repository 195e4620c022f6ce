"""One bound tab in its owner's hands: its book, its place in the spreadsheet, and what its feed has brought."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from consumers.sheet_sink.feed import Feed, Topics
from consumers.sheet_sink.inbox import Inbox, RawMessage, Taken
from tabstream import metrics
from tabstream.core.binding import Binding, TableShape
from tabstream.core.book import REPORT_AGAIN_MS, Book
from tabstream.core.cells import ObservedCell, RowKey
from tabstream.core.changes import desired_of, key_of
from tabstream.core.columns import described_columns
from tabstream.core.identity import Identity
from tabstream.core.results import Claim, EditResult, Truncated, read_result
from tabstream.core.tab import Layout, ObservedRow, read_row
from tabstream.core.tabparts import Look, TabPlan
from tabstream.core.tabplan import plan_tab
from tabstream.core.watermark import TopicMark, Watermark, decode_watermark
from tabstream.errors import BindingProblem, Poison
from tabstream.kafka.avro import Decoder
from tabstream.sheets.answers import SheetView, TabView

_log = structlog.get_logger()

# Confluent's wire format: a zero byte and the schema's id.
# https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
_SCHEMA_BYTES = 5

Reject: TypeAlias = Callable[[RawMessage, str], None]


class OpenAgain(BindingProblem):
    """The tab or its table is another than when it was opened: it is opened again at once."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, "none: the tab is opened again")


@dataclass(slots=True)
class Place:
    """Where the binding's tab is and how its watermark stands."""

    sheet_id: int
    title: str
    layout: Layout
    metadata_id: int
    sequence: int


@dataclass(slots=True)
class BoundTab:
    """Everything between `open` and `close` of a binding. Times in milliseconds of the process's clock."""

    binding: Binding
    shape: TableShape
    place: Place
    topics: Topics
    feed: Feed
    inbox: Inbox
    book: Book
    zone: str
    locale: str = ""
    table_identity: str = ""
    check_every_key: bool = False
    check_snapshot_at_ms: int = 0
    look_at_shape: bool = False
    schemas: set[bytes] = field(default_factory=set)
    look_whole_at_ms: int | None = 0
    sweep_at_ms: int = 0
    drive_version: str = ""
    last_write_ms: int | None = None
    check_write_at_ms: int | None = None
    isolate: bool = False
    audit_asked: str | None = None
    audit_answered: str | None = None
    dropped_deletes: int = 0
    writes: int = 0
    strikes: dict[RowKey, int] = field(default_factory=dict)
    restore: list[int] = field(default_factory=list)
    truncated: Truncated | None = None
    consumed: dict[int, int] = field(default_factory=dict)
    results_consumed: int = 0
    oldest_unshown_ms: int | None = None

    def take(self, decoder: Decoder, reject: Reject, check_shape: Callable[[], None]) -> None:
        """Moves what the feed has brought into the book. `check_shape` is called where a change has another schema than
        those before it, or where the shape was to be looked at.

        Raises RegistryUnavailable, what `check_shape` raises, or what the feed has failed with.
        """
        taken = self.inbox.take()
        self.consumed, self.results_consumed = taken.consumed, taken.results_consumed
        metrics.CHANGES_CONSUMED.labels(self.binding.name).inc(taken.messages)
        schemas = {raw.value[:_SCHEMA_BYTES] for raw in taken.changes.values() if raw.value}
        if self.look_at_shape or schemas - self.schemas:
            check_shape()
            self.look_at_shape = False
            self.schemas |= schemas
        for raw in taken.folded.values():
            if (key := self._key(raw, decoder, reject)) is not None:
                self.book.fold(key, raw.partition, raw.offset, raw.value is None)
        for raw_key, (other, is_old) in taken.renamed.items():
            self._take_rename(taken.changes[raw_key], other, is_old, decoder, reject)
        for raw in taken.changes.values():
            self._take_change(raw, decoder, reject)
        if self.truncated is not None:
            self.book.truncated(self.truncated)
            self.truncated = None
        self._take_results(taken, decoder)
        commits = [c.committed_ms for c in self.book.changes.values() if c.committed_ms is not None]
        self.oldest_unshown_ms = min(commits, default=None)

    def learn(self, messages: Sequence[RawMessage], decoder: Decoder, reject: Reject) -> None:
        """Takes messages that were read again because a row needs them."""
        for raw in messages:
            if (key := self._key(raw, decoder, reject)) is not None:
                envelope = None if raw.value is None else decoder.decode(raw.value)
                self.book.learn(desired_of(key, envelope, self.shape, raw.partition, raw.offset))

    def rows(self, cells: Mapping[int, Sequence[ObservedCell]]) -> list[ObservedRow]:
        """The tab's rows below the header out of cells by row index."""
        return [read_row(i, row, self.place.layout, self.shape) for i, row in sorted(cells.items()) if i > 0]

    def plan(self, found: Identity, look: Look, seen: "TabReading", now_ms: int, settle_ms: int) -> TabPlan:
        """What a flush does, with the note on the header. Rows that were deleted by mistake come back first."""
        if self.restore:
            return TabPlan()
        plan = plan_tab(self.book, found, look, now_ms, _new_token, settle_ms)
        key_at = self.place.layout.columns[self.shape.key[0]]
        plan.note_header(seen.header[key_at].note, len(self.book.held))
        return plan

    def watermark_after(self, plan: TabPlan, left: AbstractSet[RowKey], now_ms: int) -> Watermark:
        """The watermark that holds once the plan is written; `left` are new rows that wait for the next write."""
        shown = {key for key in plan.settled if key not in left}
        tokens = {*plan.finished_tokens, *plan.rejected_tokens}
        return Watermark(
            binding=self.binding.name,
            sheet_id=self.place.sheet_id,
            sequence=self.place.sequence + 1,
            written_ms=now_ms,
            zone=self.zone,
            table=TopicMark(
                self.topics.table_id,
                self.book.watermark(self.consumed, shown),
                self.book.truncated_to,
                None if self.book.snapshot.open else self.book.snapshot.lsn,
            ),
            results=TopicMark(self.topics.results_id, {0: self.book.results_watermark(self.results_consumed, shown, tokens)}),
            columns=described_columns(self.shape),
            parked=tuple(self.book.parked),
            locale=self.locale,
            table_identity="unchecked" if self.check_every_key else self.table_identity,
            rewrite=tuple(sorted(self.book.retyped)),
        )

    def check_place(self, view: SheetView, seen: TabView) -> None:
        """Raises OpenAgain where the spreadsheet's settings, or the tab's watermark, are not those of the opened tab."""
        if (view.zone, view.locale) != (self.zone, self.locale):
            raise OpenAgain("the spreadsheet's time zone or locale has changed")
        texts = [entry.value for entry in seen.metadata if entry.id == self.place.metadata_id]
        mark = decode_watermark(texts[0]) if texts else None
        if mark is None:
            raise OpenAgain("the tab's watermark is gone")
        if mark.sequence < self.place.sequence:
            raise OpenAgain("the tab was set back to an older version")
        self.place.sequence = mark.sequence

    def looks_whole(self, now_ms: int) -> bool:
        """True where the whole tab is to be read."""
        return self.look_whole_at_ms is not None and self.look_whole_at_ms <= now_ms

    def checks_write(self, now_ms: int) -> bool:
        """True where it is time to see what the last write overwrote, if nothing else has shown it."""
        return self.check_write_at_ms is not None and self.check_write_at_ms <= now_ms

    def is_due(self, now_ms: int) -> bool:
        """True where a flush would have something to look at."""
        waits = bool(self.inbox.waiting) or not self.book.is_idle()
        return (
            self.looks_whole(now_ms)
            or self.checks_write(now_ms)
            or waits
            or self.look_at_shape
            or self.checks_snapshot(now_ms)
        )

    def checks_snapshot(self, now_ms: int) -> bool:
        """True where the database is to be asked what a snapshot has left out."""
        return (self.check_every_key or self.book.snapshot.open) and self.check_snapshot_at_ms <= now_ms

    def wakes_at_ms(self) -> list[int]:
        """When something may be due that no message announces."""
        times = [self.sweep_at_ms, *(r.at_ms + REPORT_AGAIN_MS for r in self.book.reports.values())]
        times += [at for at in (self.look_whole_at_ms, self.check_write_at_ms) if at is not None]
        return [*times, self.check_snapshot_at_ms] if self.book.snapshot.open else times

    def look_whole(self, at_ms: int) -> None:
        """Asks for a whole read at a time, or earlier where one is asked for already."""
        self.look_whole_at_ms = at_ms if self.look_whole_at_ms is None else min(at_ms, self.look_whole_at_ms)

    def _key(self, raw: RawMessage, decoder: Decoder, reject: Reject) -> RowKey | None:
        try:
            return key_of(decoder.decode(raw.key), self.shape)
        except (Poison, KeyError, TypeError, ValueError, ArithmeticError) as problem:
            reject(raw, f"undecodable key: {problem}")
            return None

    def _take_rename(self, raw: RawMessage, other: bytes, is_old: bool, decoder: Decoder, reject: Reject) -> None:
        key = self._key(raw, decoder, reject)
        try:
            renamed = key_of(json.loads(other), self.shape)
        except (ValueError, KeyError, TypeError):
            _log.warning("unreadable header of a changed key", topic=self.topics.table, offset=raw.offset)
            return
        if key is not None:
            self.book.renamed(*((key, renamed) if is_old else (renamed, key)))

    def _take_change(self, raw: RawMessage, decoder: Decoder, reject: Reject) -> None:
        key = self._key(raw, decoder, reject)
        if key is None:
            return
        try:
            envelope = None if raw.value is None else decoder.decode(raw.value)
            self.book.change(desired_of(key, envelope, self.shape, raw.partition, raw.offset))
        except (Poison, KeyError, TypeError, ValueError, ArithmeticError) as problem:
            reject(raw, f"undecodable change: {problem}")

    def _take_results(self, taken: Taken, decoder: Decoder) -> None:
        for raw in taken.results:
            try:
                event = decoder.decode(raw.value)
                if event["op"] == "r":
                    continue  # a snapshot reads the outbox again: what was answered long ago is no news
                after = event["after"]
                table = f"{self.binding.schema_name}.{self.binding.table_name}"
                if after is None or after["binding"] != (table if after["kind"] == "truncate" else self.binding.name):
                    continue
                result = read_result(after)
            except (Poison, KeyError, ValueError, TypeError) as problem:
                _log.error("undecodable edit result", offset=raw.offset, problem=str(problem))
                continue
            if isinstance(result, Claim):
                self.book.claim(raw.offset, result)
            elif isinstance(result, EditResult):
                self.book.result(raw.offset, result)
            else:
                self.book.truncated(result)


@dataclass(slots=True)
class Paused:
    """A binding that can't run: why, what to do, and when to try again (milliseconds of the process's clock)."""

    binding: Binding
    problem: str
    remedy: str
    retry_at_ms: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class TabReading:
    """What a guarded read showed of one tab: cells by row index."""

    header: Sequence[ObservedCell]
    cells: Mapping[int, Sequence[ObservedCell]]
    row_count: int
    column_count: int


def _new_token() -> str:
    return f"new:{uuid.uuid4()}"
