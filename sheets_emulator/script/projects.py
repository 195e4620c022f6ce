"""The script of each spreadsheet: its files, properties and installed triggers, kept over a restart."""

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sheets_emulator.model.values import Json
from sheets_emulator.script.errors import BadScript
from sheets_emulator.store.store import Store

MANIFEST = "appsscript.json"
_SOURCES = (".gs", ".js")


class Trigger(NamedTuple):
    """An installed trigger; `event` is `ON_EDIT` or `ON_CHANGE`."""

    id: str
    function: str
    event: str


@dataclass(frozen=True, slots=True)
class Project:
    """A script bound to a spreadsheet. `properties` by kind (`script`, `user`, `document`)."""

    script_id: str
    files: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()

    @property
    def sources(self) -> list[str]:
        """The program's files, in the order in which Apps Script runs them: by name."""
        return [self.files[name] for name in sorted(self.files) if name.endswith(_SOURCES)]

    @property
    def manifest(self) -> Json:
        """appsscript.json; empty without one."""
        found: Json = json.loads(self.files.get(MANIFEST, "{}"))
        return found

    def listening(self, event: str) -> list[Trigger]:
        """The triggers of an event."""
        return [trigger for trigger in self.triggers if trigger.event == event]


class Projects:
    """Thread-safe. A change is kept before anybody sees it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, Project] = {}

    def get(self, spreadsheet_id: str) -> Project:
        """The spreadsheet's script; one without files where nobody has put any."""
        with self._lock:
            return self._get(spreadsheet_id)

    def put(self, spreadsheet_id: str, files: Mapping[str, str]) -> Project:
        """Replaces the files; properties and triggers stay. Raises BadScript."""
        _check(files)
        return self.change(spreadsheet_id, lambda project: replace(project, files=dict(files)))

    def change(self, spreadsheet_id: str, change: Callable[[Project], Project]) -> Project:
        """The script after a change."""
        with self._lock:
            changed = change(self._get(spreadsheet_id))
            self._store.keep(_name(spreadsheet_id), _to_json(changed))
            self._known[spreadsheet_id] = changed
            return changed

    def _get(self, spreadsheet_id: str) -> Project:
        if spreadsheet_id not in self._known:
            kept = self._store.kept(_name(spreadsheet_id))
            self._known[spreadsheet_id] = Project(secrets.token_urlsafe(33)) if kept is None else _from_json(kept)
        return self._known[spreadsheet_id]


def _name(spreadsheet_id: str) -> str:
    return f"script/{spreadsheet_id}"


def _to_json(project: Project) -> Json:
    return {
        "script_id": project.script_id,
        "files": dict(project.files),
        "properties": {kind: dict(values) for kind, values in project.properties.items()},
        "triggers": [list(trigger) for trigger in project.triggers],
    }


def _from_json(data: Mapping[str, Any]) -> Project:
    triggers = tuple(Trigger(*item) for item in data["triggers"])
    return Project(data["script_id"], data["files"], data["properties"], triggers)


def _check(files: Mapping[str, str]) -> None:
    for name in files:
        if name != MANIFEST and not name.endswith(_SOURCES):
            raise BadScript(f"{name!r} is no file of a script: allowed are *.gs and {MANIFEST}")
    if MANIFEST not in files:
        return
    try:
        manifest = json.loads(files[MANIFEST])
    except ValueError as problem:
        raise BadScript(f"{MANIFEST} is not valid JSON: {problem}") from None
    if not isinstance(manifest, dict):
        raise BadScript(f"{MANIFEST} must be an object")
