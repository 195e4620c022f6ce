"""The bindings of one spreadsheet: which run, which pause and why, and when each needs a look."""

from dataclasses import replace

import structlog

from consumers.sheet_sink.bound_tab import BoundTab, OpenAgain, Paused
from consumers.sheet_sink.opening import Opener
from consumers.sheet_sink.recall import Told
from tabstream.clock import Clock
from tabstream.core.binding import Binding, BindingChanges
from tabstream.core.rebuilding import decode_keys
from tabstream.errors import BindingProblem, FormRefused
from tabstream.kafka.messages import Signal, SignalKind
from tabstream.sheets.errors import FenceLost, InvalidRequest

_log = structlog.get_logger()
_RETRY_PAUSED_MS = 5_000
_LONGEST_RETRY_PAUSED_MS = 60_000
_LONGEST_IDLE_MS = 1_000
STARTING = BindingProblem("starting", "wait")


def by_operator(name: str, reason: str = "") -> BindingProblem:
    """Why a binding pauses that an operator has paused, in the operator's own words if there are any."""
    problem = "paused by an operator" + (f": {reason}" if reason else "")
    return BindingProblem(problem, f"resume it: tabstream resume {name}")


def retry_ms(paused_ms: int) -> int:
    """How long to wait before a binding that has been paused for so long is tried again. Each try is a call of Google's
    quota, which the bindings that run need."""
    return min(max(paused_ms, _RETRY_PAUSED_MS), _LONGEST_RETRY_PAUSED_MS)


def _as_problem(refused: BindingProblem | InvalidRequest | FenceLost) -> BindingProblem:
    """Why a binding can't be opened; what Google refuses of one must not stop the others."""
    if isinstance(refused, BindingProblem):
        return refused
    if isinstance(refused, FenceLost):
        return BindingProblem("another instance has written meanwhile", "none: it is tried again")
    return BindingProblem(f"google refused to open the tab: {refused}", "report this with the log")


class Roster:
    """Changed by the owner's thread alone; others may look."""

    def __init__(self, bindings: tuple[Binding, ...], opener: Opener, clock: Clock) -> None:
        self.tabs: dict[str, BoundTab] = {}
        self.paused: dict[str, Paused] = {}
        self.stopped_by_operator: dict[str, str] = {}  # with the reason that was given, empty where none was
        self._opener = opener
        self._clock = clock
        now = clock.now_ms()
        for binding in bindings:
            self.paused[binding.name] = Paused(binding, STARTING.problem, STARTING.remedy, now, now)

    def place_of(self, name: str) -> tuple[int, int] | None:
        """The tab's id and its sequence number as last seen, for the next owner."""
        tab = self.tabs.get(name)
        return (tab.place.sheet_id, tab.place.sequence) if tab is not None else self._opener.sequences.get(name)

    @property
    def bindings(self) -> list[Binding]:
        """All of them."""
        return [tab.binding for tab in self.tabs.values()] + [paused.binding for paused in self.paused.values()]

    def recall(self, told: Told) -> None:
        """Takes over what the last owner has said of a binding."""
        if told.paused:
            self.stop(told.binding, told.reason)
        if told.sheet_id is not None and told.sequence is not None:
            self._opener.sequences[told.binding] = (told.sheet_id, told.sequence)

    def rebind(self, changes: BindingChanges) -> None:
        """Lets go of bindings that are gone from the bindings file, opens those that have changed again, and adds new ones."""
        now = self._clock.now_ms()
        for name in changes.removed:
            self._let_go(name)
        for binding in changes.changed:
            self.pause(binding.name, OpenAgain("its entry in the bindings file has changed"))
            self.paused[binding.name] = replace(self.paused[binding.name], binding=binding, retry_at_ms=now)
        for binding in changes.added:
            self.paused[binding.name] = Paused(binding, STARTING.problem, STARTING.remedy, now, now)

    def open_paused(self) -> bool:
        """Opens the bindings whose time has come; True if one runs now, or something was written."""
        now, opened, self._opener.wrote = self._clock.now_ms(), False, False
        for name, paused in list(self.paused.items()):
            if paused.retry_at_ms > now or name in self.stopped_by_operator:
                continue
            try:
                self.tabs[name] = self._opener.open(paused.binding)
                self.tabs[name].to_rebuild |= paused.rebuild_left
                del self.paused[name]
                opened = True
                _log.info("binding runs", binding=name)
            except (BindingProblem, InvalidRequest, FenceLost) as refused:
                problem = _as_problem(refused)
                if paused.problem != problem.problem:
                    _log.warning("binding paused", binding=name, problem=problem.problem, remedy=problem.remedy)
                retry_at = now + retry_ms(now - paused.since_ms)
                self.paused[name] = replace(paused, problem=problem.problem, remedy=problem.remedy, retry_at_ms=retry_at)
        return opened or self._opener.wrote

    def pause(self, name: str, problem: BindingProblem) -> None:
        """Closes a binding that runs; it is tried again later, at once if it is but to be opened again."""
        now = self._clock.now_ms()
        tab = self.tabs.pop(name, None)
        if isinstance(problem, FormRefused) and problem.at is not None:
            self._opener.refused[name] = problem.at
        if tab is not None:
            tab.feed.close()
            self._opener.sequences[name] = (tab.place.sheet_id, tab.place.sequence)
            _log.warning("binding paused", binding=name, problem=problem.problem, remedy=problem.remedy)
            retry_at = now if isinstance(problem, OpenAgain) else now + retry_ms(0)
            self.paused[name] = Paused(tab.binding, problem.problem, problem.remedy, retry_at, now, tab.rebuild_left)

    def pause_all(self, problem: BindingProblem) -> None:
        """Closes every binding that runs."""
        for name in list(self.tabs):
            self.pause(name, problem)

    def stop(self, name: str, reason: str = "") -> None:
        """Pauses a binding until an operator resumes it."""
        self.stopped_by_operator[name] = reason
        problem = by_operator(name, reason)
        self.pause(name, problem)
        if name in self.paused:
            now = self._clock.now_ms()
            told = replace(self.paused[name], problem=problem.problem, remedy=problem.remedy)
            self.paused[name] = replace(told, retry_at_ms=now, since_ms=now)

    def close(self) -> None:
        """Ends the feeds."""
        for tab in self.tabs.values():
            tab.feed.close()

    def take_signal(self, signal: Signal) -> None:
        """Does what is asked of one binding, or of all."""
        for name in [signal.binding] if signal.binding else [*self.tabs, *self.paused]:
            self._take_signal(name, signal)

    def look_whole(self) -> None:
        """Every tab is to be read whole."""
        for tab in self.tabs.values():
            tab.look_whole(self._clock.now_ms())

    def due(self) -> bool:
        """True where a flush would have something to do."""
        now = self._clock.now_ms()
        for tab in self.tabs.values():
            tab.book.age(now)
            if tab.book.wants_whole:
                tab.look_whole(now)
            if tab.inbox.complete and (tab.is_due(now) or tab.sweep_at_ms <= now):
                return True
        return False

    def idle_seconds(self) -> float:
        """How long nothing will be due, as far as is known; a second at most."""
        now = self._clock.now_ms()
        times = [p.retry_at_ms for p in self.paused.values() if p.binding.name not in self.stopped_by_operator]
        for tab in self.tabs.values():
            times += tab.wakes_at_ms()
        return max(0.0, min(_LONGEST_IDLE_MS, min(times, default=now + _LONGEST_IDLE_MS) - now) / 1_000)

    def _let_go(self, name: str) -> None:
        tab = self.tabs.pop(name, None)
        if tab is not None:
            tab.feed.close()
        self.paused.pop(name, None)
        self.stopped_by_operator.pop(name, None)
        self._opener.sequences.pop(name, None)
        _log.info("binding let go: its entry is gone from the bindings file", binding=name)

    def _take_signal(self, name: str, signal: Signal) -> None:
        now = self._clock.now_ms()
        if name not in self.tabs and name not in self.paused:
            return
        if signal.kind is SignalKind.PAUSE:
            self.stop(name, signal.argument or "")
        elif signal.kind is SignalKind.RESUME:
            self.stopped_by_operator.pop(name, None)
            if name in self.paused:
                self.paused[name].retry_at_ms = now
        elif name in self.tabs:
            tab = self.tabs[name]
            if signal.kind is SignalKind.CONFIRM:
                _log.info("confirmation", binding=name, names_what_is_held=tab.book.confirm(signal.argument or ""))
            if signal.kind is SignalKind.AUDIT:
                tab.audit_asked = signal.id
            if signal.kind is SignalKind.REBUILD:
                _rebuild(tab, signal)
            if signal.sheet_id is None or signal.sheet_id == tab.place.sheet_id:
                tab.look_whole(now)
        elif name in self.paused and name not in self.stopped_by_operator:
            self.paused[name].retry_at_ms = now


def _rebuild(tab: BoundTab, signal: Signal) -> None:
    try:
        keys = decode_keys(signal.argument or "")
    except ValueError as problem:
        _log.error("unreadable signal", binding=tab.binding.name, signal=signal.id, problem=str(problem))
        return
    tab.to_rebuild |= set(keys)
    tab.audit_asked = signal.id
    _log.info("rows are rebuilt", binding=tab.binding.name, keys=len(keys))
