"""The owner of one spreadsheet: reads, plans and writes its bound tabs, one flush at a time.

A flush starts as soon as the previous one has ended and quota allows; everything that arrived meanwhile is in it:

1. take what the feeds have brought, and read edit results to their end;
2. read the rows in question, with the header, the scratch tab and the fence, in one call;
3. report what the last write overwrote unseen, and what people changed;
4. plan, and write it all in one call that applies wholly or not at all.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial

import structlog
from confluent_kafka import KafkaException

from consumers.sheet_sink.bound_tab import BoundTab, OpenAgain
from consumers.sheet_sink.counting import count_repairs, count_written
from consumers.sheet_sink.feed import TopicsUnreachable
from consumers.sheet_sink.opening import Opener, overtaken
from consumers.sheet_sink.preimage import PreImage, overwritten
from consumers.sheet_sink.reading import Reading, Request, read
from consumers.sheet_sink.recall import recall
from consumers.sheet_sink.rendering import Batch, Origin, render
from consumers.sheet_sink.roster import Roster
from consumers.sheet_sink.services import Services
from consumers.sheet_sink.shape_watch import check_shape
from consumers.sheet_sink.unheard import recognise_all
from consumers.sheet_sink.vanished import forget_vanished, take_away_vanished
from tabstream import metrics
from tabstream.core.binding import Binding, binding_changes
from tabstream.core.edits import Edit, How, parts
from tabstream.core.identity import Identity
from tabstream.core.tab import ObservedRow
from tabstream.core.tabparts import Draft, Look, TabPlan
from tabstream.core.tabplan import MAX_ROWS, LooksWrong, believe, wanted_changes, wanted_shown
from tabstream.errors import BindingProblem, FormRefused, Outage
from tabstream.kafka.messages import Signal
from tabstream.kafka.publisher import BrokerUnavailable, MessageTooLarge
from tabstream.sheets.errors import FenceLost, InvalidRequest, Uncertain
from tabstream.sheets.pacing import Priority

_log = structlog.get_logger()
_RESULTS_WAIT_SECONDS = 5.0
_ACKNOWLEDGE_SECONDS = 30.0
_STRIKES_TO_PARK = 2
_CHECK_WRITE_MS = 5_000
_STRIKES_TO_PAUSE = 2


@dataclass(slots=True)
class Planned:
    """One tab's part of a flush."""

    tab: BoundTab
    plan: TabPlan
    reading: Reading
    look: Look
    found: Identity

    @property
    def writes(self) -> bool:
        """True where the tab, or its watermark, is to be written."""
        return self.plan.writes or bool(self.tab.restore) or self.tab.owes_watermark(self.plan)


@dataclass(slots=True)
class Progress:
    """What readiness and status are made of; written by the owner's thread, read by others."""

    problem: str | None = None
    last_flush_at: float = field(default_factory=time.monotonic)
    busy_since: float | None = None


class Owner:
    """Runs in a thread of its own from `run` until `stop` is set, or until it learns that it is not the owner any more."""

    def __init__(
        self,
        spreadsheet_id: str,
        bindings: Sequence[Binding],
        services: Services,
        still_owner: Callable[[threading.Event], bool],
    ) -> None:
        self.spreadsheet_id = spreadsheet_id
        self.stop = threading.Event()
        self.wake = threading.Event()
        self.progress = Progress()
        self._services = services
        self._still_owner = still_owner
        self._client = services.client(spreadsheet_id, self.stop)
        # Whoever takes a spreadsheet over is waited for by all its people.
        self._client.priority = Priority.URGENT
        self._opener = Opener(spreadsheet_id, self._client, services, self.wake)
        self._pre_image = PreImage()
        self._sent: str | None = None
        self._refused = 0
        self._read_end_ms = 0
        self._signals: list[Signal] = []
        self._lock = threading.Lock()
        self.recalled = False  # whether what the last owner has said is known
        self.since_ms = services.clock.now_ms()
        self._bound = self._wanted = tuple(bindings)
        self.roster = Roster(self._bound, self._opener, services.clock)

    @property
    def problem(self) -> str | None:
        """What keeps the owner waiting: its own words, or those of a call to Google that is tried again."""
        outage = self._client.outage
        return self.progress.problem or (f"google does not answer: {outage}" if outage else None)

    def signal(self, signal: Signal) -> None:
        """Hands a signal over to the owner's thread."""
        with self._lock:
            self._signals.append(signal)
        self.wake.set()

    def rebind(self, bindings: Sequence[Binding]) -> None:
        """Has the owner's thread take up other bindings of its spreadsheet."""
        self._wanted = tuple(bindings)
        self.wake.set()

    def run(self) -> None:
        """Works until stopped; an outage is waited for, a binding's problem pauses that binding."""
        while not self.stop.is_set():
            try:
                self._services.outage_retry(self.stop, self._say_outage)(self._cycle)
            except BindingProblem as problem:
                self.roster.pause_all(problem)
            except Exception:
                if not self.stop.is_set():
                    _log.exception("owner ended", spreadsheet_id=self.spreadsheet_id)
                    self.progress.problem = "the owner's thread ended with an error; see the log"
                    raise
        self.roster.close()
        self._client.close()

    def turn(self) -> bool:
        """Does what is due; False where nothing is. Raises Outage, BindingProblem: see `run`."""
        if not self.recalled:
            for told in recall(self.roster.bindings, self._services):
                self.roster.recall(told)
            self.recalled = True
        self._take_up_bindings()
        self._take_signals()
        if self.roster.open_paused():
            self._pre_image.opened()
        due = self.roster.due()
        if due:
            self.progress.busy_since = self.progress.busy_since or time.monotonic()
            self._flush_safely()
            self.progress.last_flush_at = time.monotonic()
            self._client.priority = Priority.LIVE
        else:
            self.progress.busy_since = None
        return due

    def _cycle(self) -> None:
        if not self.turn():
            self.wake.wait(self.roster.idle_seconds())
            self.wake.clear()
        self.progress.problem = None

    def _say_outage(self, problem: str) -> None:
        self.progress.problem = problem
        metrics.OUTAGES.labels("sheet-sink").inc()
        _log.warning("waiting", spreadsheet_id=self.spreadsheet_id, problem=problem)

    def _flush_safely(self) -> None:
        try:
            self._flush()
        except FenceLost:
            metrics.FENCES_LOST.labels(self.spreadsheet_id).inc()
            _log.warning("fence lost: another write came first", spreadsheet_id=self.spreadsheet_id)
            self._look_whole_everywhere()
            if not self._still_owner(self.stop):
                self.stop.set()
        except Uncertain as problem:
            _log.warning("no answer to a write, reading again", problem=str(problem))
            self._look_whole_everywhere()
        except OpenAgain as change:
            _log.info("opened again", problem=change.problem)

    def _take_up_bindings(self) -> None:
        wanted = self._wanted
        if wanted is self._bound:
            return
        changes = binding_changes(self._bound, wanted)
        told = recall(changes.added, self._services) if changes.added else []
        self.roster.rebind(changes)
        for last in told:
            self.roster.recall(last)
        self._bound = wanted

    def _take_signals(self) -> None:
        with self._lock:
            signals, self._signals = self._signals, []
        for signal in signals:
            self.roster.take_signal(signal)

    def _look_whole_everywhere(self) -> None:
        self._pre_image.forget()
        self.roster.look_whole()

    def _flush(self) -> None:
        now = self._services.clock.now_ms()
        ready = [tab for tab in self.roster.tabs.values() if tab.inbox.complete]
        self._skip_needless_sweeps(ready, now)
        if not any(tab.is_due(now) for tab in ready):
            return
        with self._client.budget(reads=1, writes=1):
            self._take(ready)
            requests = [r for r in (self._request(tab, now) for tab in ready) if r is not None]
            if not requests:
                return
            try:
                self._look_and_write(requests)
            except Outage:
                # What was seen may not have been told, and the version that Drive gives may not change again.
                for request in requests:
                    request.tab.look_whole(now)
                raise

    def _look_and_write(self, requests: Sequence[Request]) -> None:
        height = self._pre_image.height
        reading = self._read(requests, height)
        self._opener.measure(reading.view)
        if height is not None and reading.fence_batch != self._pre_image.batch:
            raise FenceLost("another instance has written")
        self._refuse_overtaken(reading)
        self._report_pre_image(reading)
        # What the last write hit by mistake is put right by this one: it would overwrite the copies that tell of it.
        now = self._services.clock.now_ms()
        whole = [r.tab for r in requests if r.rows is not None and r.tab.looks_whole(now)]
        planned, again = self._plan([r for r in requests if r.tab not in whole], reading)
        again += whole
        self._publish([edit for p in planned for edit in self._edits(p)])
        if again:
            reading, planned = self._plan_again(requests, again, reading.fence_batch)
            self._publish([edit for p in planned for edit in self._edits(p)])
        self._write(planned, reading)

    def _plan_again(
        self, requests: Sequence[Request], whole: Sequence[BoundTab], fence_batch: str
    ) -> tuple[Reading, list[Planned]]:
        """Plans all tabs on another read, which may have waited long for quota: what was planned on the first is stale by now.
        A tab whose rows have moved once more is left for the next flush."""
        names = {tab.binding.name for tab in whole}
        running = [r for r in requests if r.tab.binding.name in self.roster.tabs]
        wanted = [Request(r.tab, None) if r.tab.binding.name in names else r for r in running]
        reading = self._read(wanted, 1)
        if reading.fence_batch != fence_batch:
            raise FenceLost("another instance has written")
        planned, moved = self._plan(wanted, reading)
        for tab in moved:
            tab.look_whole(self._services.clock.now_ms())
        return reading, planned

    def _read(self, requests: Sequence[Request], scratch_height: int | None) -> Reading:
        try:
            reading = read(self._client, self.spreadsheet_id, requests, scratch_height, self._services, self._read_end_ms)
        except (BindingProblem, InvalidRequest) as problem:
            # A tab that was to be read is gone, perhaps the hidden one: opening finds out which, and makes that anew.
            again = OpenAgain(f"the spreadsheet can't be read as before: {problem}")
            for request in requests:
                self.roster.pause(request.tab.binding.name, again)
            raise again from problem
        self._read_end_ms = reading.end_ms
        return reading

    def _refuse_overtaken(self, reading: Reading) -> None:
        names = overtaken(reading.view, self.roster.tabs, reading.fence_batch == self._sent)
        for name in names:
            self.roster.pause(name, OpenAgain("another instance has written"))
        if names:
            raise FenceLost(f"another instance has written {names} since they were opened here")

    def _skip_needless_sweeps(self, tabs: Sequence[BoundTab], now: int) -> None:
        due = [tab for tab in tabs if tab.sweep_at_ms <= now]
        if not due:
            return
        version = ""
        if self._services.settings.drive_check:
            version = self._client.drive_version(self.spreadsheet_id)
        for tab in due:
            tab.sweep_at_ms = now + int(1_000 * (tab.binding.sweep_seconds or self._services.settings.sweep_seconds))
            tab.look_at_shape = True
            unchanged = version and version == tab.drive_version
            if not unchanged:
                tab.look_whole(now)
            metrics.SWEEPS.labels(tab.binding.name, "unchanged" if unchanged else "read").inc()
            tab.drive_version = version

    def _take(self, tabs: Sequence[BoundTab]) -> None:
        for tab in list(tabs):
            tab.inbox.bound()
            self._read_results_to_their_end(tab)
            try:
                reject = self._services.reject(tab.topics.table)
                tab.take(self._services.events, reject, partial(check_shape, tab, self._services))
                take_away_vanished(tab, self._services, self._services.clock.now_ms())
            except FormRefused as refused:
                self.roster.pause(tab.binding.name, refused)
                raise OpenAgain(str(refused)) from refused
            except (BindingProblem, KafkaException) as problem:
                again = problem if isinstance(problem, OpenAgain) else OpenAgain(str(problem))
                self.roster.pause(tab.binding.name, again)
                raise again from problem

    def _read_results_to_their_end(self, tab: BoundTab) -> None:
        if not tab.inbox.waiting:
            return
        end = self._services.results_end(tab.topics)
        if not tab.inbox.wait_for_results(end, _RESULTS_WAIT_SECONDS):
            raise TopicsUnreachable("edit results can't be read to their end: a transaction is open")

    def _request(self, tab: BoundTab, now: int) -> Request | None:
        if tab.looks_whole(now):
            return Request(tab, None)
        if tab.book.is_idle() and not tab.checks_write(now) and not tab.owes_watermark():
            return None
        return Request(tab, tab.book.rows_to_read(MAX_ROWS), tab.book.tokens_to_read())

    def _plan(self, requests: Sequence[Request], reading: Reading) -> tuple[list[Planned], list[BoundTab]]:
        planned: list[Planned] = []
        again: list[BoundTab] = []
        for request in requests:
            tab = request.tab
            try:
                planned.append(self._plan_one(request, reading))
            except LooksWrong as row:
                metrics.SURPRISES.labels(tab.binding.name, "moved").inc()
                _log.info("rows have moved, reading the whole tab", binding=tab.binding.name, row=str(row))
                again.append(tab)
            except BindingProblem as problem:
                self.roster.pause(tab.binding.name, problem)
        return planned, again

    def _plan_one(self, request: Request, reading: Reading) -> Planned:
        tab, now = request.tab, self._services.clock.now_ms()
        seen = reading.tab(tab)
        look = Look.WHOLE if request.rows is None else Look.ROWS
        rows = {row.row: row for row in tab.rows(seen.cells)}
        if request.rows is None:
            tab.look_whole_at_ms = None
            forget_vanished(tab, self._services, now)
            found = recognise_all(tab, list(rows.values()), self._services, now)
        else:
            found = believe(
                tab.book,
                {key: _at(rows, row, key) for key, row in request.rows.items()},
                {token: _at(rows, row, token) for token, row in request.tokens.items()},
            )
        tab.book.recheck.clear()
        self._fetch_wanted(tab, wanted_changes(tab.book, found, look, now), wanted_shown(tab.book, found, look, now))
        settle = tab.binding.settle_seconds
        settle_ms = int(1_000 * (self._services.settings.settle_seconds if settle is None else settle))
        plan = tab.plan(found, look, seen, now, settle_ms)
        if plan.look_whole_at_ms is not None:
            tab.look_whole(plan.look_whole_at_ms)
        return Planned(tab, plan, reading, look, found)

    def _fetch_wanted(self, tab: BoundTab, keys: set[str], shown: set[str]) -> None:
        known = tab.book.entries
        wanted = {(known[key].partition, known[key].offset): None for key in keys if key in known}
        wanted |= {(known[key].partition, known[key].shown_offset): None for key in shown}
        wanted = {position: None for position in wanted if position[1] >= 0}
        if wanted:
            raw = self._services.fetch(tab.topics, wanted)
            tab.learn(raw, self._services.events, self._services.reject(tab.topics.table))

    def _edits(self, planned: Planned) -> list[Edit]:
        how = How.SWEEP if planned.look is Look.WHOLE else How.READ
        return [self._edit(planned.tab, draft, planned.reading, how) for draft in planned.plan.drafts]

    def _edit(self, tab: BoundTab, draft: Draft, reading: Reading, how: How) -> Edit:
        return Edit(
            binding=tab.binding.name,
            row_key=draft.row_key,
            kind=draft.kind,
            read_begin_ms=reading.begin_ms,
            read_end_ms=reading.end_ms,
            how=how,
            source_id=reading.id,
            zone=tab.zone,
            partition=draft.partition,
            offset=draft.offset,
            cells=draft.cells,
        )

    def _publish(self, edits: Sequence[Edit]) -> None:
        sent = [(part, self._services.publisher.edit(part)) for edit in edits for part in parts(edit)]
        for part, future in sent:
            self._await(part, future)
        for edit in edits:
            metrics.EDITS_EMITTED.labels(edit.binding, edit.how.value).inc()

    def _await(self, edit: Edit, acknowledged: "Future[None]") -> None:
        try:
            acknowledged.result(_ACKNOWLEDGE_SECONDS)
        except TimeoutError as problem:
            raise BrokerUnavailable(f"kafka does not acknowledge an edit within {_ACKNOWLEDGE_SECONDS:.0f} s") from problem
        except MessageTooLarge as problem:
            _log.error("an edit is too large for a message", binding=edit.binding, row_key=edit.row_key, problem=str(problem))

    def _report_pre_image(self, reading: Reading) -> None:
        if reading.scratch_batch != self._pre_image.reported:
            for tab in self.roster.tabs.values():
                tab.restore.clear()
        for met in overwritten(reading, self.roster.tabs, self._pre_image):
            tab = met.tab
            for what, number in (("cells", len(met.drafts)), ("rows", len(met.keys)), ("deleted", len(met.deleted))):
                metrics.SURPRISES.labels(tab.binding.name, what).inc(number)
            _log.warning(
                "a write met unseen changes",
                binding=tab.binding.name,
                edits=len(met.drafts),
                rows=len(met.keys),
                deleted=len(met.deleted),
            )
            tab.restore = met.deleted
            tab.book.doubt(met.keys, met.mistakes)
            if met.keys or met.deleted:
                tab.look_whole(self._services.clock.now_ms())
            begin_ms, end_ms = self._pre_image.span or (met.since_ms, reading.end_ms)
            begin_ms = max(begin_ms, met.since_ms)  # clocks are a second wide, but the copies came after that read
            at = replace(reading, begin_ms=begin_ms, end_ms=max(begin_ms, end_ms))
            self._publish([self._edit(tab, draft, at, How.PRE_IMAGE) for draft in met.drafts])
        self._pre_image.reported = reading.scratch_batch
        for tab in self.roster.tabs.values():
            tab.check_write_at_ms = None

    def _write(self, planned: Sequence[Planned], reading: Reading) -> None:
        writing = [p for p in planned if p.writes]
        for p in planned:
            if p not in writing:
                self._settle(p)
        if not writing:
            return
        parts = [(p.tab, p.plan, p.reading.tab(p.tab)) for p in writing]
        now = self._services.clock.now_ms()
        batch = render(str(uuid.uuid4()), reading, parts, now, self._services.settings.pre_image)
        began, self._sent = time.monotonic(), batch.id
        try:
            answer = self._client.batch_update(self.spreadsheet_id, batch.requests)
        except InvalidRequest as refused:
            self._blame(batch, refused)
            return
        self._refused = 0
        metrics.FLUSH_SECONDS.labels(self.spreadsheet_id).observe(time.monotonic() - began)
        seen = {name: part.seen for name, part in batch.parts.items()}
        self._pre_image.expect(batch, self._services.google_interval(answer), seen)
        for p in writing:
            self._written(p, batch, answer.received_ms)

    def _written(self, planned: Planned, batch: Batch, now_ms: int) -> None:
        tab, plan, part = planned.tab, planned.plan, batch.parts[planned.tab.binding.name]
        tab.place.sequence += 1
        tab.writes += 1
        tab.doubted = tab.is_in_doubt(plan)  # and stands in it as such
        tab.last_write_ms = now_ms
        tab.check_write_at_ms = self._services.clock.now_ms() + _CHECK_WRITE_MS
        tab.book.apply_rows({key: row.row for key, row in plan.rows.items()}, plan.finished_tokens, plan.renamed.values())
        for remove in sorted(plan.removes, key=lambda r: -r.row):
            tab.book.removed(remove.key, remove.row)
        tab.book.added([add.desired.key for add in plan.adds[: part.added]], part.insert_at)
        for add in plan.adds[part.added :]:
            plan.settled.pop(add.desired.key, None)
        if tab.restore:
            tab.restore.clear()
            tab.look_whole(now_ms)
        tab.strikes.clear()
        tab.isolate = False
        count_written(tab, plan, part.added, now_ms)
        count_repairs(tab, plan, planned.found)
        self._settle(planned)
        tab.feed.commit(tab.book.watermark(tab.consumed))

    def _settle(self, planned: Planned) -> None:
        if planned.look is Look.WHOLE:
            planned.tab.audit_answered = planned.tab.audit_asked
        book = planned.tab.book
        book.doubtful = book.doubtful and not planned.plan.ends_doubt
        book.confirmed -= {remove.key for remove in planned.plan.removes}
        for key, desired in planned.plan.settled.items():
            book.settled(key, desired)
        for token in planned.plan.rejected_tokens:
            book.reject_token(token)
        book.finished(token for token, key in planned.plan.finished_tokens.items() if key is None)

    def _blame(self, batch: Batch, refused: InvalidRequest) -> None:
        origin = batch.origins[refused.index] if refused.index is not None else Origin(None, ())
        _log.error("google refused a request", request=refused.index, problem=str(refused), origin=str(origin))
        tab = self.roster.tabs.get(origin.binding or "")
        if tab is None or not origin.keys:
            self._blame_no_row(None if tab is None else origin.binding, refused)
            return
        if len(origin.keys) > 1:
            tab.isolate = True
        else:
            key = origin.keys[0]
            tab.strikes[key] = tab.strikes.get(key, 0) + 1
            if tab.strikes[key] >= _STRIKES_TO_PARK:
                tab.book.parked[key] = str(refused)
                metrics.PARKED_ROWS.labels(tab.binding.name).set(len(tab.book.parked))
        tab.look_whole(self._services.clock.now_ms())

    def _blame_no_row(self, name: str | None, refused: InvalidRequest) -> None:
        """The grid may have shrunk since it was read: all is read and planned again, and a second refusal pauses."""
        self._refused += 1
        if self._refused < _STRIKES_TO_PAUSE:
            self.roster.look_whole()
            return
        self._refused = 0
        problem = BindingProblem(f"google refused a write: {refused}", "report this with the log")
        if name is None:
            self.roster.pause_all(problem)
        else:
            self.roster.pause(name, problem)


def _at(rows: Mapping[int, ObservedRow], row: int, what: str) -> ObservedRow:
    if row not in rows:
        raise LooksWrong(what)
    return rows[row]
