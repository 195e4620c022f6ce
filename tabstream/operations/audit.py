"""What `tabstream audit` does: reads source and tab afresh, and looks again at what differs until it agrees or stays.

The source, table or topic, is read before the tab is; its position says how it was then. A difference is drift once two looks
in a row have found the same, and in between the connector had passed the position of the first, and the owner had read the
whole tab and had nothing left to do. With `rebuild`, the owner is asked to write anew what differs at once, whatever is under
way; `repair` asks for what is proved to be drift alone.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tabstream.clock import Clock
from tabstream.core.audit import Comparison, Kind, Trial, compare
from tabstream.core.binding import Binding, Bindings, TableShape
from tabstream.core.cells import RowKey
from tabstream.core.tab import Layout, ObservedRow, read_layout, read_row
from tabstream.core.watermark import METADATA_KEY, decode_watermark
from tabstream.errors import BindingProblem, OperatorError, Outage
from tabstream.kafka.messages import Status
from tabstream.operations.audit_report import Report, Standing, Unsettled, judge, unsettled, what_is_open
from tabstream.operations.owners import Owners
from tabstream.operations.sources import Source
from tabstream.sheets.answers import SheetView, TabView
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.pages import CELLS_A_PAGE, read_pages, read_structure

_LOOKS = 3  # below, nothing can be decided: a large tab may take longer than the patience
_TRY_AGAIN = "run it again"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: how long differences are given to settle, how far two looks are apart at least, how long the second of them
    waits for the connector and the owner, and how often these are asked."""

    wait: float = 60.0
    pause: float = 3.0
    settle: float = 25.0
    poll: float = 0.5


@dataclass(frozen=True, slots=True)
class _Look:
    """The table's position (LSN), the database's time of it (ms since 1970), and what was found."""

    position: str
    at_ms: int
    found: Comparison


@dataclass(slots=True)
class _Place:
    """Where the binding's tab is, and what the table looked like at the first look."""

    binding: Binding
    tab: TabView
    zone: str
    shape: TableShape | None = None


@dataclass(frozen=True, slots=True)
class Auditor:
    """Audits one binding after the other. `say` is told what is under way, `count` how many of how many are done of it."""

    source: Source
    client: SheetsClient
    owners: Owners
    clock: Clock
    patience: Patience = Patience()
    say: Callable[[str], None] = lambda _: None
    count: Callable[[int, int], None] = lambda done, total: None
    rebuild: bool = False
    cells_a_page: int = CELLS_A_PAGE
    _rest: threading.Event = field(default_factory=threading.Event)

    def audit(self, binding: Binding) -> Report:
        """Audits a binding. Never raises for what keeps it from being audited: the report tells."""
        began = self.clock.monotonic()
        try:
            return replace(self._audit(binding), seconds=self.clock.monotonic() - began)
        except (BindingProblem, OperatorError) as found:
            problem, remedy = found.problem, found.remedy
        except Outage as outage:
            problem, remedy = str(outage), "run it again once it answers"
        return Report(binding, self.clock.monotonic() - began, problem=problem, remedy=remedy)

    def repair(self, binding: Binding) -> Report:
        """Audits a binding, has the owner write anew what has drifted, and audits it again; `before` counts what had."""
        first = self.audit(binding)
        drift = [judged.finding for judged in first.findings if judged.standing is Standing.DRIFT]
        if not drift:
            return replace(first, before={})
        try:
            self.owners.rebuild(binding, [finding.key for finding in drift if finding.key is not None])
        except Outage as outage:
            return replace(first, problem=str(outage), remedy="run it again once it answers")
        return replace(self.audit(binding), before=Counter(finding.kind for finding in drift))

    def _audit(self, binding: Binding) -> Report:
        self.say(f"{binding.name}: reading {self.source.name}")
        view = read_structure(self.client, binding.spreadsheet_id)
        place = _Place(binding, find_tab(view, binding), view.zone)
        first = self._look(place, None)
        found, trial = first.found, Trial(first.found.differences)
        before = Counter(finding.kind for finding in trial.open)
        status, why, looks = self._try(place, first, trial)
        judged = judge(found.findings, trial, status)
        rows = found.tab_rows, found.table_rows, found.cells
        report = Report(binding, 0.0, judged, *rows, first.position, found.checksums(), looks, before=before)
        problem, remedy = what_is_open(report, why)
        return replace(report, problem=problem, remedy=remedy)

    def _try(self, place: _Place, first: _Look, trial: Trial) -> tuple[Status | None, Unsettled | None, int]:
        """Looks again at what differs until that is decided, or patience is over: the owner's last word, what was still under
        way, and how many looks there were."""
        status: Status | None = None
        why: Unsettled | None = None
        last, looks, deadline = first, 1, self.clock.monotonic() + self.patience.wait
        while trial.open and (why is None or not why.for_long) and (looks < _LOOKS or self.clock.monotonic() < deadline):
            keys = trial.keys
            self.say(f"{place.binding.name}: looking again at {len(keys)} rows that differ")
            rested = self.clock.monotonic() + self.patience.pause
            # Most of what was on its way at the first look has come at the second, which nobody is asked for.
            if looks > 1 or self.rebuild:
                told, why = self._until_settled(place.binding, last, keys)
                status = told or status
            self._rest.wait(max(0.0, rested - self.clock.monotonic()))
            last = self._look(place, keys)
            first.found.looked_again(last.found, keys)
            trial.looked_again(last.found.differences, settled=(looks > 1 or self.rebuild) and why is None)
            looks += 1
        return status, why, looks

    def _look(self, place: _Place, keys: Collection[RowKey | None] | None) -> _Look:
        """Reads the source, or its rows of these keys, as it is now, and then the tab."""
        with self.source.look(place.binding, place.zone, keys) as sight:
            if place.shape is not None and sight.shape != place.shape:
                raise BindingProblem(f"the columns of table {place.binding.table!r} have changed meanwhile", _TRY_AGAIN)
            place.shape = sight.shape
            found = compare(self._tab_rows(place, sight.shape), sight.rows, sight.shape, keys)
            if keys is None:
                missing = {f.key for f in found.findings if f.kind is Kind.MISSING and f.key is not None}
                found.looked_again(Comparison(), self.source.left_out(place.binding, sight.shape, missing))
            return _Look(sight.position, sight.at_ms, found)

    def _tab_rows(self, place: _Place, shape: TableShape) -> Iterator[ObservedRow]:
        layout: Layout | None = None
        self.say(f"{place.binding.name}: reading the tab")
        for view, tab in read_pages(self.client, place.binding.spreadsheet_id, place.tab, self.cells_a_page):
            if view.zone != place.zone:
                raise BindingProblem("the spreadsheet's time zone has changed meanwhile", _TRY_AGAIN)
            rows = tab.rows
            if layout is None:
                header = rows.get(0, ())
                if not any(cell.shown for cell in header):
                    raise BindingProblem(
                        f"tab {tab.title!r} has no header yet", "start a sheet sink: tabstream run sheet-sink"
                    )
                layout = read_layout(header, shape, tab.title)
            for index, cells in rows.items():
                if index > 0:
                    yield read_row(index, cells, layout, shape)
            self.count(max(rows, default=0), tab.row_count)

    def _until_settled(
        self, binding: Binding, look: _Look, keys: Collection[RowKey | None]
    ) -> tuple[Status | None, Unsettled | None]:
        """Waits until nothing of what a look has found can be under way any more; the owner's last word, and what there still
        is."""
        deadline = self.clock.monotonic() + self.patience.settle
        while not self.source.has_streamed(look.position):
            if self.clock.monotonic() > deadline:
                # Where Kafka is what keeps the connector, asking for the owner's word says so.
                return self.owners.status(binding), Unsettled(f"the connector has not passed {look.position} yet")
            self._rest.wait(self.patience.poll)
        wanted = [key for key in keys if key is not None]
        question = self.owners.rebuild(binding, wanted) if self.rebuild else self.owners.ask(binding)
        left = len(wanted) + 1
        while True:
            status = self.owners.status(binding)
            why = unsettled(status, question, look.at_ms, self.clock.now_ms())
            if self.rebuild and status is not None and status.lag_messages < left:
                left = status.lag_messages  # it makes progress; an owner that has lost the question, or died, does not
                deadline = self.clock.monotonic() + self.patience.settle
                self.count(max(0, len(wanted) - left), len(wanted))
            if why is None or why.for_long or self.clock.monotonic() > deadline:
                return status, why
            self._rest.wait(self.patience.poll)


def chosen(bindings: Bindings, names: Sequence[str], everything: bool) -> tuple[Binding, ...]:
    """The bindings that are named, or all. Raises OperatorError for one that is not there, and where it is not clear which."""
    known = ", ".join(binding.name for binding in bindings.bindings) or "none"
    if everything == bool(names):
        raise OperatorError("name the bindings to audit, or say --all", f"there are: {known}")
    unknown = [name for name in names if bindings.named(name) is None]
    if unknown:
        raise OperatorError(f"there is no binding {unknown[0]!r} in the bindings file", f"choose of: {known}")
    return tuple(binding for binding in bindings.bindings if everything or binding.name in names)


def find_tab(view: SheetView, binding: Binding) -> TabView:
    """The tab that says it is the binding's, whatever it is called now, else the one of its name. Raises BindingProblem."""
    for tab in view.tabs:
        marks = [decode_watermark(entry.value) for entry in tab.metadata if entry.key == METADATA_KEY]
        if any(mark is not None and (mark.binding, mark.sheet_id) == (binding.name, tab.sheet_id) for mark in marks):
            return tab
    named = view.tab(binding.tab)
    if named is None:
        raise BindingProblem(
            f"spreadsheet {view.title!r} has no tab {binding.tab!r}",
            "undo its deletion, create an empty tab of this name, or correct `tab` in the bindings file",
        )
    return named
