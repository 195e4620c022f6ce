"""One bound tab in its owner's hands: its book, its place in the spreadsheet, and what its feed has brought."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeAlias

from consumers.sheet_sink.arrivals import Arrivals, Arrived, two_partitions
from consumers.sheet_sink.feed import Feed, Topics
from consumers.sheet_sink.inbox import Inbox, RawMessage, Taken
from tabstream import metrics
from tabstream.core.binding import Binding, TableShape
from tabstream.core.book import REPORT_AGAIN_MS, Book
from tabstream.core.cells import ObservedCell, RowKey
from tabstream.core.columns import described_columns
from tabstream.core.identity import Identity
from tabstream.core.results import Claim, EditResult, Truncated
from tabstream.core.tab import Layout, ObservedRow, read_row
from tabstream.core.tabparts import Look, TabPlan
from tabstream.core.tabplan import plan_tab
from tabstream.core.watermark import TopicMark, Watermark, decode_watermark
from tabstream.errors import BindingProblem
from tabstream.kafka.events import Events
from tabstream.kafka.wire import schema_mark
from tabstream.sheets.answers import SheetView, TabView

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
    """Everything between `open` and `close` of a binding. Times in milliseconds of the process's clock.

    `doubted` holds while the watermark in the tab would have whoever opens it next plan the whole tab anew, or meet a snapshot
    again. `left_out` are how many rows an open snapshot has not brought, since when.
    """

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
    left_out: int = 0
    left_out_since_ms: int = 0
    doubted: bool = False
    look_at_shape: bool = False
    schemas: set[int] = field(default_factory=set)
    untaken: Taken | None = None
    look_whole_at_ms: int | None = 0
    sweep_at_ms: int = 0
    drive_version: str = ""
    last_write_ms: int | None = None
    check_write_at_ms: int | None = None
    isolate: bool = False
    audit_asked: str | None = None
    audit_answered: str | None = None
    dropped_deletes: int = 0
    to_rebuild: set[RowKey] = field(default_factory=set)
    writes: int = 0
    strikes: dict[RowKey, int] = field(default_factory=dict)
    restore: list[int] = field(default_factory=list)
    truncated: Truncated | None = None
    consumed: dict[int, int] = field(default_factory=dict)
    results_consumed: int = 0
    oldest_unshown_ms: int | None = None

    def take(self, events: Events, reject: Reject, check_shape: Callable[[], None]) -> None:
        """Moves what the feed has brought into the book. `check_shape` is called where a change has another schema than
        those before it, or where the shape was to be looked at.

        Raises RegistryUnavailable, FormRefused, what `check_shape` raises, or what the feed has failed with; what could not be
        decoded is taken by the next call.
        """
        arrivals = Arrivals(self.binding, self.shape, self.topics, events)
        if self.untaken is not None:
            self._take(self.untaken, arrivals, reject, check_shape)
        self._take(self.inbox.take(), arrivals, reject, check_shape)
        if self.to_rebuild:  # not before the book knows what the topic has told up to the watermark
            self.dropped_deletes += self.book.rebuild(self.to_rebuild)
            self.to_rebuild = set()
        commits = [c.committed_ms for c in self.book.changes.values() if c.committed_ms is not None]
        self.oldest_unshown_ms = min(commits, default=None)

    @property
    def rebuild_left(self) -> frozenset[RowKey]:
        """The keys that a rebuild has named, and that are not settled yet."""
        return frozenset(self.to_rebuild | self.book.asked)

    def learn(self, messages: Sequence[RawMessage], events: Events, reject: Reject) -> None:
        """Takes messages that were read again because a row needs them."""
        arrived = Arrived()
        for desired in Arrivals(self.binding, self.shape, self.topics, events).changes(messages, arrived):
            self.book.learn(desired)
        for raw, reason in arrived.rejected:
            reject(raw, reason)

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
                self.book.watermark(self.consumed, shown, ends_doubt=plan.ends_doubt),
                self.book.truncated_to,
                None if self.book.snapshot.open else self.book.snapshot.lsn,
            ),
            results=TopicMark(self.topics.results_id, {0: self.book.results_watermark(self.results_consumed, shown, tokens)}),
            columns=described_columns(self.shape),
            parked=tuple(self.book.parked),
            locale=self.locale,
            table_identity="unchecked" if self.is_in_doubt(plan) else self.table_identity,
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
        waits = bool(self.inbox.waiting or self.untaken is not None) or not self.book.is_idle()
        return (
            self.looks_whole(now_ms)
            or self.checks_write(now_ms)
            or waits
            or self.look_at_shape
            or self.checks_snapshot(now_ms)
            or self.owes_watermark()
        )

    def owes_watermark(self, plan: TabPlan | None = None) -> bool:
        """True where the watermark is to be written though nothing else is: what it is doubted for has been looked into, by
        the plan at the latest, and whoever opens the tab next must not do so again."""
        return self.doubted and not self.is_in_doubt(plan)

    def is_in_doubt(self, plan: TabPlan | None = None) -> bool:
        """True where whoever opens the tab next has to look into it anew, though the plan, if there is one, is applied."""
        ends = plan is not None and plan.ends_doubt
        return self.check_every_key or bool(self.book.lacking) or (self.book.doubtful and not ends)

    def checks_snapshot(self, now_ms: int) -> bool:
        """True where the database is to be asked what a snapshot has left out."""
        return (self.check_every_key or self.book.snapshot.open) and self.check_snapshot_at_ms <= now_ms

    def wakes_at_ms(self) -> list[int]:
        """When something may be due that no message announces."""
        times = [self.sweep_at_ms, *(r.at_ms + REPORT_AGAIN_MS for r in self.book.reports.values())]
        times += [at for at in (self.look_whole_at_ms, self.check_write_at_ms) if at is not None]
        return [*times, self.check_snapshot_at_ms] if self.check_every_key or self.book.snapshot.open else times

    def look_whole(self, at_ms: int) -> None:
        """Asks for a whole read at a time, or earlier where one is asked for already."""
        self.look_whole_at_ms = at_ms if self.look_whole_at_ms is None else min(at_ms, self.look_whole_at_ms)

    def _take(self, taken: Taken, arrivals: Arrivals, reject: Reject, check_shape: Callable[[], None]) -> None:
        self.untaken = taken
        schemas = {schema_mark(raw.value) for raw in taken.changes.values() if raw.value}
        if self.look_at_shape or schemas - self.schemas:
            check_shape()
            self.look_at_shape = False
            self.schemas |= schemas
        arrived = arrivals.decoded(taken)
        self._refuse_moved(arrived)
        self.untaken = None
        metrics.CHANGES_CONSUMED.labels(self.binding.name).inc(taken.messages)
        self.consumed, self.results_consumed = taken.consumed, taken.results_consumed
        self._to_book(arrived, reject)

    def _refuse_moved(self, arrived: Arrived) -> None:
        for change in arrived.changes.values():
            known = self.book.entries.get(change.key)
            folded = arrived.folded.get(change.key)
            before = folded.partition if folded else known.partition if known and known.offset >= 0 else change.partition
            if before != change.partition:
                refused = two_partitions(change.key, self.topics.table, before, change.partition)
                refused.at = change.partition, change.offset
                raise refused

    def _to_book(self, arrived: Arrived, reject: Reject) -> None:
        for raw, reason in arrived.rejected:
            reject(raw, reason)
        for folded in arrived.folded.values():
            self.book.fold(folded.key, folded.partition, folded.offset, folded.deleted)
        for old, new in arrived.renamed:
            self.book.renamed(old, new)
        for desired in arrived.changes.values():
            self.book.change(desired)
        if self.truncated is not None:
            self._truncate(self.truncated)
            self.truncated = None
        for offset, result in arrived.results:
            if isinstance(result, Claim):
                self.book.claim(offset, result)
            elif isinstance(result, EditResult):
                self.book.result(offset, result)
            else:
                self._truncate(result)

    def _truncate(self, truncated: Truncated) -> None:
        """Where changes have neither position nor time, only the database knows whether they are older."""
        self.book.truncated(truncated)
        self.check_every_key = self.check_every_key or any(
            c.lsn is None and c.committed_ms is None and c.values is not None for c in self.book.changes.values()
        )


@dataclass(slots=True)
class Paused:
    """A binding that can't run: why, what to do, and when to try again (milliseconds of the process's clock). `rebuild_left`
    are keys of a rebuild under way, which goes on when it runs again."""

    binding: Binding
    problem: str
    remedy: str
    retry_at_ms: int
    since_ms: int
    rebuild_left: frozenset[RowKey] = frozenset()


@dataclass(frozen=True, slots=True)
class TabReading:
    """What a guarded read showed of one tab: cells by row index."""

    header: Sequence[ObservedCell]
    cells: Mapping[int, Sequence[ObservedCell]]
    row_count: int
    column_count: int


def _new_token() -> str:
    return f"new:{uuid.uuid4()}"
