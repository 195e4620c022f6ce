"""The emulator's spreadsheet within the process: the calls of the API on it, and the person's acts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, TypeAlias

import orjson

from consumers.sheet_sink.scratch import SCRATCH_SHEET_ID
from sheets_emulator.fields import parse
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.revert import reverted
from sheets_emulator.model.workbook import Sheet, Workbook, new_sheet, new_workbook
from sheets_emulator.person.actions import Done, Fired
from sheets_emulator.server import operations
from sheets_emulator.server.operations import Query
from tabstream.clock import ManualClock
from tabstream.core.binding import SCRATCH_TAB
from tabstream.sheets import requests as build
from tabstream.sheets.call import Answer
from tabstream.sheets.errors import Uncertain
from tabstream.sheets.refusals import Subject, refusal
from tests.simulation.rules import ALL, Rules

SPREADSHEET_ID = "S1"
TITLE = "Leads"
ROWS, COLUMNS = 12, 6
GOOGLE_AHEAD_MS = 350
KEPT_STEPS = 8

Action: TypeAlias = Callable[[Workbook, Sheet], Done]
Between: TypeAlias = Callable[[str], None]


def _made() -> Workbook:
    """An empty tab, and a scratch tab that is small for the sake of speed."""
    workbook = replace(new_workbook(SPREADSHEET_ID), sheets=(new_sheet(0, TITLE, ROWS, COLUMNS),))
    requests = [build.add_tab(SCRATCH_TAB, SCRATCH_SHEET_ID, True, ROWS, COLUMNS), build.protect_tab(SCRATCH_SHEET_ID, "made")]
    return operations.batch_update(workbook, {"requests": requests}, Query(), Random(0))[0]


@dataclass
class Spreadsheet:
    """One workbook, changed by calls and by a person. `written` hears of every change that a call makes."""

    random: Random
    workbook: Workbook = field(default_factory=_made)
    steps: list[tuple[Workbook, Workbook]] = field(default_factory=list)
    rules: Rules = ALL
    written: Callable[[Sheet], None] = lambda sheet: None

    def get(self, filters: Sequence[Mapping[str, Any]], fields: str) -> dict[str, Any]:
        """spreadsheets.getByDataFilter; without filters the structure alone."""
        query = Query({}, parse(fields))
        if not filters:
            return operations.get(self.workbook, query)
        return operations.get_by_data_filter(self.workbook, {"dataFilters": list(filters)}, query)

    def apply(self, requests: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """spreadsheets.batchUpdate; raises what the door raises for Google's refusal."""
        requests = self.rules.requests(requests, self._fence())
        try:
            changed, body = operations.batch_update(self.workbook, {"requests": list(requests)}, Query(), self.random)
        except Refused as refused:
            content = orjson.dumps({"error": {"message": refused.message}})
            raise refusal(400, {}, content, Subject(SPREADSHEET_ID)) from refused
        self._take(changed)
        self.written(self.sheet)
        return body

    def act(self, action: Action) -> tuple[Fired, ...] | None:
        """A person does something; what it fires, None where it changes nothing or can't be done."""
        before = self.workbook
        try:
            done = action(before, self.sheet)
        except Refused:
            return None
        if done.workbook is before:
            return None
        self._take(done.workbook)
        self.steps = [*self.steps[-KEPT_STEPS:], (before, done.workbook)]
        return done.fired

    def undo(self) -> tuple[Fired, ...] | None:
        """Takes the person's last act back."""
        if not self.steps:
            return None
        try:
            changed = reverted(self.workbook, *self.steps.pop())
        except Refused:
            return None
        if changed is self.workbook:
            return None
        self._take(changed)
        return (Fired(self.sheet.id, change_type="OTHER"),)

    @property
    def sheet(self) -> Sheet:
        """The bound tab."""
        return self.workbook.sheet(0)

    def _fence(self) -> int | None:
        if not self.workbook.has_sheet(SCRATCH_SHEET_ID):
            return None
        return next((p.id for p in self.workbook.sheet(SCRATCH_SHEET_ID).protections), None)

    def _take(self, changed: Workbook) -> None:
        self.workbook = replace(changed, version=self.workbook.version + 1)


@dataclass
class Door:
    """What an owner reaches Google by. `between` is called before and after each call, and may raise."""

    spreadsheet: Spreadsheet
    clock: ManualClock
    between: Between
    late: list[Sequence[dict[str, Any]]]
    outage: str | None = None

    @contextmanager
    def budget(self, reads: int = 0, writes: int = 0) -> Iterator[None]:
        """There is no quota here."""
        yield

    def close(self) -> None:
        """Nothing is open."""

    def get(self, spreadsheet_id: str, *, fields: str) -> Answer:
        """See SheetsClient."""
        return self._answered(self.clock.now_ms(), self.spreadsheet.get((), fields))

    def get_by_filter(self, spreadsheet_id: str, *, filters: Sequence[dict[str, Any]], fields: str) -> Answer:
        """See SheetsClient."""
        sent_ms = self.clock.now_ms()
        self.between("before read")
        body = self.spreadsheet.get(filters, fields)
        self.between("after read")
        return self._answered(sent_ms, body)

    def batch_update(self, spreadsheet_id: str, requests: Sequence[dict[str, Any]]) -> Answer:
        """See SheetsClient."""
        sent_ms = self.clock.now_ms()
        try:
            self.between("before write")
        except Delayed as delayed:
            self.late.append(requests)
            raise Uncertain("the call is on its way") from delayed
        body = self.spreadsheet.apply(requests)
        self.between("after write")
        return self._answered(sent_ms, body)

    def drive_version(self, spreadsheet_id: str) -> str:
        """See SheetsClient."""
        return str(self.spreadsheet.workbook.version)

    def _answered(self, sent_ms: int, body: dict[str, Any]) -> Answer:
        google_ms = self.clock.now_ms() + GOOGLE_AHEAD_MS
        return Answer(body, sent_ms, self.clock.now_ms(), google_ms // 1_000 * 1_000)


class Delayed(Exception):
    """A call that lands when nobody waits for its answer any more."""
