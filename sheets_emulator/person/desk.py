"""The person at work: each action is one change of the spreadsheet, can be undone, and fires its triggers."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sheets_emulator.model.ranges import Area
from sheets_emulator.model.revert import reverted
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.person.actions import Done, Fired
from sheets_emulator.script.scripts import Scripts
from sheets_emulator.script.settings import Fires
from sheets_emulator.store.store import Store

Action: TypeAlias = Callable[[Workbook, Sheet], Done]
_KEPT_STEPS = 100


class NoTab(LookupError):
    """The spreadsheet has no tab of this title."""


class NothingLeft(Exception):
    """There is nothing to undo, or to redo."""


@dataclass(frozen=True, slots=True)
class _Step:
    """The workbook before and after something that the person did. Both share most of their rows with today's."""

    before: Workbook
    after: Workbook


@dataclass(slots=True)
class _History:
    """What can be undone and redone, the latest last; as in the browser, it ends with the session."""

    undo: list[_Step] = field(default_factory=list)
    redo: list[_Step] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Desk:
    """Thread-safe. An action that changes nothing fires nothing."""

    def __init__(self, store: Store, scripts: Scripts) -> None:
        self._store = store
        self._scripts = scripts
        self._histories: defaultdict[str, _History] = defaultdict(_History)

    def act(self, spreadsheet_id: str, tab: str, action: Action, fires: Fires | None = None) -> int:
        """Does it and gives the version after it; raises Refused, NoTab, NoSpreadsheet. `fires` replaces what the
        action fires by itself."""

        def change(workbook: Workbook) -> Done:
            return action(workbook, tab_of(workbook, tab))

        history = self._histories[spreadsheet_id]
        with history.lock:
            step, fired = self._changed(spreadsheet_id, change)
            if step is not None:
                history.undo = [*history.undo[-_KEPT_STEPS:], step]
                history.redo.clear()
        if step is not None:
            self._fire(spreadsheet_id, fired if fires is None else _as(fires, fired))
        return self._store.read(spreadsheet_id).version

    def undo(self, spreadsheet_id: str) -> int:
        """Takes the person's last action back and leaves everything that others did since; raises NothingLeft, Refused."""
        history = self._histories[spreadsheet_id]
        return self._revert(spreadsheet_id, history, history.undo, history.redo, "undo")

    def redo(self, spreadsheet_id: str) -> int:
        """Takes the last undo back; raises NothingLeft, Refused."""
        history = self._histories[spreadsheet_id]
        return self._revert(spreadsheet_id, history, history.redo, history.undo, "redo")

    def _revert(self, spreadsheet_id: str, history: _History, steps: list[_Step], back: list[_Step], word: str) -> int:
        self._store.read(spreadsheet_id)
        with history.lock:
            if not steps:
                raise NothingLeft(f"there is nothing to {word}")
            wanted = steps[-1]
            step, _ = self._changed(spreadsheet_id, lambda book: Done(reverted(book, wanted.before, wanted.after)))
            steps.pop()
            if step is not None:
                back.append(step)
        if step is not None:
            self._fire(spreadsheet_id, _as(self._scripts.settings.undo_fires, _differences(step)))
        return self._store.read(spreadsheet_id).version

    def _changed(self, spreadsheet_id: str, change: Callable[[Workbook], Done]) -> tuple[_Step | None, Sequence[Fired]]:
        def edit(workbook: Workbook) -> tuple[Workbook, tuple[_Step | None, Sequence[Fired]]]:
            done = change(workbook)
            if done.workbook is workbook:
                return workbook, (None, ())
            return done.workbook, (_Step(workbook, done.workbook), done.fired)

        return self._store.edit(spreadsheet_id, edit)

    def _fire(self, spreadsheet_id: str, fired: Sequence[Fired]) -> None:
        for item in fired:
            if item.area is not None:
                self._scripts.fire_edit(spreadsheet_id, item.sheet_id, item.area, item.value, item.old_value)
            elif item.change_type is not None:
                self._scripts.fire_change(spreadsheet_id, item.sheet_id, item.change_type)


def tab_of(workbook: Workbook, title: str) -> Sheet:
    """The tab of a title; raises NoTab."""
    sheet = workbook.titled(title)
    if sheet is None:
        known = ", ".join(repr(sheet.title) for sheet in workbook.sheets)
        raise NoTab(f"there is no tab {title!r}; there are {known}")
    return sheet


def _as(fires: Fires, fired: Sequence[Fired]) -> Sequence[Fired]:
    if fires == "none":
        return ()
    if fires == "edit":
        return fired
    return [Fired(sheet_id, change_type="OTHER") for sheet_id in dict.fromkeys(item.sheet_id for item in fired)]


def _differences(step: _Step) -> list[Fired]:
    """The smallest run of rows in each tab that a step changed, as edits of whole rows."""
    found = []
    for new in step.after.sheets:
        if not step.before.has_sheet(new.id):
            continue
        old_rows, new_rows = list(step.before.sheet(new.id).rows), list(new.rows)
        start = 0
        while start < min(len(old_rows), len(new_rows)) and old_rows[start] is new_rows[start]:
            start += 1
        end = 0
        while end < min(len(old_rows), len(new_rows)) - start and old_rows[-1 - end] is new_rows[-1 - end]:
            end += 1
        if start < len(new_rows) - end:
            found.append(Fired(new.id, Area(start, len(new_rows) - end, 0, new.column_count)))
        elif start < len(old_rows) - end:
            found.append(Fired(new.id, change_type="REMOVE_ROW"))
        elif new is not step.before.sheet(new.id):
            found.append(Fired(new.id, change_type="OTHER"))
    return found
