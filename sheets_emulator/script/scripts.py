"""The scripts of all spreadsheets: stored, run, and fired by what people do."""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

import structlog

from sheets_emulator.model.ranges import Area
from sheets_emulator.model.values import Json
from sheets_emulator.script import books, project_services, utilities
from sheets_emulator.script.errors import ScriptFailed
from sheets_emulator.script.events import ON_CHANGE, ON_EDIT, Event
from sheets_emulator.script.execution import Execution, Services, check_syntax
from sheets_emulator.script.lane import Lane
from sheets_emulator.script.locks import HeldLocks, Locks
from sheets_emulator.script.projects import MANIFEST, Project, Projects
from sheets_emulator.script.settings import Settings
from sheets_emulator.script.web import Web
from sheets_emulator.store.store import Store

_SETTINGS = "person.settings"
_LOG_SIZE = 500
_CLOSE_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Executed:
    """An execution in the log; times in milliseconds since 1970."""

    number: int
    function: str
    fired_by: str
    began_ms: int
    ended_ms: int | None = None
    status: Literal["running", "completed", "failed", "timed out"] = "running"
    error: str | None = None
    lines: Sequence[str] = ()


class Scripts:
    """Thread-safe. `base_url` is the server's own address, to which the advanced Sheets service goes.

    Script files, properties, triggers and settings are kept over a restart; the log of executions and what waits are not.
    """

    def __init__(self, store: Store, base_url: str) -> None:
        self._store = store
        self._projects = Projects(store)
        self._settings = Settings.model_validate(store.kept(_SETTINGS) or {})
        self._web = Web(base_url)
        self._locks = Locks()
        self._closing = threading.Event()
        self._guard = threading.Lock()
        self._lanes: dict[str, Lane] = {}
        self._logs: dict[str, deque[Executed]] = {}
        self._numbers = count(1)

    @property
    def settings(self) -> Settings:
        """How the person's side behaves now."""
        return self._settings

    def change_settings(self, changes: Mapping[str, Any]) -> Settings:
        """Some settings replaced; raises pydantic's ValidationError."""
        with self._guard:
            self._settings = Settings.model_validate({**self._settings.model_dump(), **changes})
            self._store.keep(_SETTINGS, self._settings.model_dump())
            return self._settings

    def close(self) -> None:
        """Ends what runs, at its next call of a service; what waits is dropped."""
        self._closing.set()
        with self._guard:
            lanes = list(self._lanes.values())
        for lane in lanes:
            lane.close(_CLOSE_SECONDS)
        self._web.close()

    def put(self, spreadsheet_id: str, files: Mapping[str, str]) -> None:
        """Replaces the script's files, as `clasp push` does; raises BadScript, NoSpreadsheet."""
        self._store.read(spreadsheet_id)
        check_syntax({name: source for name, source in files.items() if name != MANIFEST})
        self._projects.put(spreadsheet_id, files)

    def project(self, spreadsheet_id: str) -> Project:
        """The script of a spreadsheet; raises NoSpreadsheet."""
        self._store.read(spreadsheet_id)
        return self._projects.get(spreadsheet_id)

    def run(self, spreadsheet_id: str, function: str, arguments: Sequence[Any] = ()) -> Any:
        """Runs a function as from the editor and gives what it returns; raises ScriptFailed, NoSpreadsheet."""
        self._store.read(spreadsheet_id)
        return self._execute(spreadsheet_id, function, "editor", None, arguments, None)

    def fire_edit(
        self, spreadsheet_id: str, sheet_id: int, area: Area, value: str | None = None, old_value: str | None = None
    ) -> None:
        """A person changed cells: onEdit, and onChange with EDIT."""
        self._fire(spreadsheet_id, Event(ON_EDIT, sheet_id, area, value, old_value))
        self.fire_change(spreadsheet_id, sheet_id, "EDIT")

    def fire_change(self, spreadsheet_id: str, sheet_id: int | None, change_type: str) -> None:
        """A person changed something else: onChange."""
        self._fire(spreadsheet_id, Event(ON_CHANGE, sheet_id, change_type=change_type))

    def executions(self, spreadsheet_id: str) -> list[Executed]:
        """The last executions, the oldest first; raises NoSpreadsheet."""
        self._store.read(spreadsheet_id)
        with self._guard:
            return list(self._logs.get(spreadsheet_id, ()))

    def dropped(self, spreadsheet_id: str) -> int:
        """How many onEdit events were dropped since the server started."""
        lane = self._lanes.get(spreadsheet_id)
        return 0 if lane is None else lane.dropped

    def waiting(self, spreadsheet_id: str) -> int:
        """How many events have not been handled to their end."""
        lane = self._lanes.get(spreadsheet_id)
        return 0 if lane is None else lane.waiting

    def wait_idle(self, spreadsheet_id: str, seconds: float) -> bool:
        """Waits until every event was handled; False when the time is over."""
        lane = self._lanes.get(spreadsheet_id)
        return lane is None or lane.wait_idle(seconds)

    def _fire(self, spreadsheet_id: str, event: Event) -> None:
        if self._closing.is_set() or not self._projects.get(spreadsheet_id).listening(event.kind):
            return
        settings = self._settings
        with self._guard:
            lane = self._lanes.get(spreadsheet_id)
            if lane is None:
                lane = self._lanes[spreadsheet_id] = Lane(spreadsheet_id, lambda found: self._handle(spreadsheet_id, found))
        if not lane.put(event, settings.trigger_delay_ms / 1000, settings.queue_limit):
            log.info("event dropped", spreadsheet_id=spreadsheet_id, waiting=lane.waiting)

    def _handle(self, spreadsheet_id: str, event: Event) -> None:
        for trigger in self._projects.get(spreadsheet_id).listening(event.kind):
            data = event.as_json(spreadsheet_id, trigger.id, self._settings.person)
            try:
                self._execute(spreadsheet_id, trigger.function, event.change_type or event.kind, data, (), event.sheet_id)
            except ScriptFailed as failed:
                log.warning("trigger failed", spreadsheet_id=spreadsheet_id, function=trigger.function, error=str(failed))

    def _execute(
        self,
        spreadsheet_id: str,
        function: str,
        fired_by: str,
        event: Json | None,
        arguments: Sequence[Any],
        sheet_id: int | None,
    ) -> Any:
        held = HeldLocks(self._locks, spreadsheet_id)
        services: Services = {
            **utilities.SERVICES,
            **books.services(self._store, sheet_id),
            **project_services.services(self._projects, spreadsheet_id),
            **held.services(),
            "book.active": lambda: spreadsheet_id,
            "session.email": lambda: self._settings.person,
            "web.fetch": self._web.fetch,
            "sheets.call": lambda *call: self._web.sheets(self._settings.person, *call),
        }
        execution = Execution(self._projects.get(spreadsheet_id), services, self._closing)
        entry = Executed(next(self._numbers), function, fired_by, _now_ms(), lines=execution.lines)
        with self._guard:
            self._logs.setdefault(spreadsheet_id, deque(maxlen=_LOG_SIZE)).append(entry)
        try:
            result = execution.run(function, arguments, event)
            entry.status = "completed"
            return result
        except ScriptFailed as failed:
            entry.status = "timed out" if execution.timed_out else "failed"
            entry.error = str(failed)
            raise
        finally:
            entry.ended_ms = _now_ms()
            held.release_all()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
