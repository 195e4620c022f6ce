"""One execution of a script: a fresh JavaScript context, the services that it may call, its log and its time limit.

As with Apps Script, nothing of one execution's variables is there in the next. A script that computes without ever calling
a service can't be interrupted: the time limit is looked at whenever it calls one.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

import quickjs
import structlog

from sheets_emulator.model.errors import Refused
from sheets_emulator.model.values import Json
from sheets_emulator.script.errors import BadScript, ScriptError, ScriptFailed
from sheets_emulator.script.projects import Project
from sheets_emulator.store.store import NoSpreadsheet

LIMIT_SECONDS = 360.0
_MEMORY_BYTES = 256 * 1024 * 1024
_STACK_BYTES = 1024 * 1024
_LIBRARY = ("host.js", "utilities.js", "web.js", "spreadsheet.js")
_MAX_LOG_LINES = 1000
_PARSED = "__parsed"

Services = Mapping[str, Callable[..., Any]]

# The scopes of which one is needed by the services whose names begin so; a manifest without scopes grants all.
_AUTH = "https://www.googleapis.com/auth/"
_SCOPES: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("web.", "UrlFetchApp.fetch", ("script.external_request",)),
    ("triggers.", "ScriptApp triggers", ("script.scriptapp",)),
    ("book.", "SpreadsheetApp", ("spreadsheets.currentonly", "spreadsheets")),
    ("sheet.", "SpreadsheetApp", ("spreadsheets.currentonly", "spreadsheets")),
    ("range.", "SpreadsheetApp", ("spreadsheets.currentonly", "spreadsheets")),
    ("sheets.", "Sheets", ("spreadsheets.readonly", "spreadsheets")),
)

log = structlog.get_logger(__name__)


class Execution:
    """Runs one function of a project, in the thread that calls `run`. `closing` ends it early."""

    def __init__(self, project: Project, services: Services, closing: threading.Event) -> None:
        self.lines: list[str] = []
        self.timed_out = False
        self._project = project
        self._services: Services = {**services, "log": self._log, "utilities.sleep": self._sleep}
        self._closing = closing
        self._deadline = time.monotonic() + LIMIT_SECONDS
        scopes = project.manifest.get("oauthScopes")
        self._scopes = None if scopes is None else {str(scope).removeprefix(_AUTH) for scope in scopes}

    def run(self, function: str, arguments: Sequence[Any] = (), event: Json | None = None) -> Any:
        """What the function returns, as JSON can say it; `event` makes its argument an event object. Raises ScriptFailed."""
        try:
            context = self._context()
            for source in self._project.sources:
                context.eval(source)
            given = f"[__event({json.dumps(event)})]" if event is not None else json.dumps(list(arguments))
            context.eval(f"__call({json.dumps(function)}, {given})")
            while context.execute_pending_job():
                pass
            answer = json.loads(context.eval("__result()"))
        except quickjs.JSException as problem:
            raise ScriptFailed(self._reason(str(problem).strip())) from None
        if self.timed_out:
            raise ScriptFailed(self._reason(""))
        if "error" in answer:
            raise ScriptFailed(answer["error"])
        return answer.get("value")

    def _context(self) -> Any:
        context = quickjs.Context()
        context.set_memory_limit(_MEMORY_BYTES)
        context.set_max_stack_size(_STACK_BYTES)
        context.add_callable("__ask", self._ask)
        for name in (*_LIBRARY, "call.js"):
            context.eval(resources.files(__package__).joinpath("js", name).read_text(encoding="utf-8"))
        for service in self._project.manifest.get("dependencies", {}).get("enabledAdvancedServices", []):
            if service.get("serviceId") == "sheets":
                context.eval(f"globalThis[{json.dumps(service.get('userSymbol', 'Sheets'))}] = __sheetsService")
        return context

    def _ask(self, name: str, arguments: str) -> str:
        # Nothing may be raised here: the script would see no more than "Python call failed".
        try:
            self._check(name)
            return json.dumps({"value": self._services[name](*json.loads(arguments))})
        except ScriptError as error:
            return json.dumps({"error": error.message, "name": error.name})
        except NoSpreadsheet:
            return json.dumps({"error": "Requested entity was not found.", "name": "Exception"})
        except Refused as refused:
            return json.dumps({"error": refused.message, "name": "Exception"})
        except Exception as problem:
            log.exception("a service of the script failed", service=name)
            return json.dumps({"error": f"Unexpected error in {name}: {problem}", "name": "Exception"})

    def _check(self, name: str) -> None:
        if self._closing.is_set() or time.monotonic() > self._deadline:
            self.timed_out = True
            raise ScriptError("Exceeded maximum execution time")
        if self._scopes is None:
            return
        for prefix, called, wanted in _SCOPES:
            if name.startswith(prefix) and not self._scopes.intersection(wanted):
                needed = " || ".join(_AUTH + scope for scope in wanted)
                raise ScriptError(
                    f"Specified permissions are not sufficient to call {called}. Required permissions: ({needed})"
                )

    def _log(self, level: str, text: str) -> None:
        if len(self.lines) < _MAX_LOG_LINES:
            self.lines.append(f"{level} {text}")

    def _sleep(self, milliseconds: float) -> None:
        left = max(self._deadline - time.monotonic(), 0)
        self._closing.wait(min(milliseconds / 1000, left))
        self._check("utilities.sleep")

    def _reason(self, problem: str) -> str:
        return "Exceeded maximum execution time" if self.timed_out else problem


def check_syntax(sources: Mapping[str, str]) -> None:
    """Raises BadScript for a file that is no JavaScript, as Apps Script refuses it."""
    for name, source in sources.items():
        try:
            # The first statement throws: what follows is parsed and never run.
            quickjs.Context().eval(f"throw '{_PARSED}';{source}\n")
        except quickjs.JSException as problem:
            if _PARSED not in str(problem):
                raise BadScript(f"{name}: {str(problem).strip()}") from None
