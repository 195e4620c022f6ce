"""The spreadsheet's Apps Script over HTTP: its files, running a function, the log of executions."""

import time
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from sheets_emulator.person.bodies import RunFunction, ScriptFiles
from sheets_emulator.script.scripts import Executed, Scripts

_SCRIPT = "/spreadsheets/{spreadsheet_id}/script"


class TriggerSeen(BaseModel):
    """An installed trigger."""

    id: str
    function: str
    event: str


class ScriptSeen(BaseModel):
    """The script as it is stored. Properties are not shown: they hold secrets."""

    script_id: str
    files: dict[str, str]
    triggers: list[TriggerSeen]


class Returned(BaseModel):
    """What a function returned."""

    result: Any


class ExecutionSeen(BaseModel):
    """One execution; times in milliseconds since 1970, `log` as `LEVEL text`."""

    number: int
    function: str
    fired_by: str
    status: str
    began_ms: int
    ended_ms: int | None
    error: str | None
    log: list[str]


class Executions(BaseModel):
    """The last executions, the oldest first; how many events wait; how many edits were dropped."""

    executions: list[ExecutionSeen]
    waiting: int
    dropped: int
    now_ms: int


def script_routes(scripts: Scripts) -> APIRouter:
    """The routes below a spreadsheet's /script."""
    router = APIRouter(tags=["script"])

    @router.put(_SCRIPT)
    def put(spreadsheet_id: str, body: ScriptFiles) -> ScriptSeen:
        """Replaces the script's files, as `clasp push` does; properties and triggers stay."""
        scripts.put(spreadsheet_id, body.files)
        return _seen(scripts, spreadsheet_id)

    @router.get(_SCRIPT)
    def get(spreadsheet_id: str) -> ScriptSeen:
        """The script's files and triggers."""
        return _seen(scripts, spreadsheet_id)

    @router.post(f"{_SCRIPT}/run")
    def run(spreadsheet_id: str, body: RunFunction) -> Returned:
        """Runs a function as from the script's editor, and waits for it. 422 with its error if it fails."""
        return Returned(result=scripts.run(spreadsheet_id, body.function, body.arguments))

    @router.get(f"{_SCRIPT}/executions")
    def executions(spreadsheet_id: str) -> Executions:
        """What ran, and how it ended."""
        found = scripts.executions(spreadsheet_id)
        return Executions(
            executions=[_execution(item) for item in found],
            waiting=scripts.waiting(spreadsheet_id),
            dropped=scripts.dropped(spreadsheet_id),
            now_ms=time.time_ns() // 1_000_000,
        )

    return router


def _seen(scripts: Scripts, spreadsheet_id: str) -> ScriptSeen:
    project = scripts.project(spreadsheet_id)
    triggers = [TriggerSeen(id=item.id, function=item.function, event=item.event) for item in project.triggers]
    return ScriptSeen(script_id=project.script_id, files=dict(project.files), triggers=triggers)


def _execution(item: Executed) -> ExecutionSeen:
    return ExecutionSeen(
        number=item.number,
        function=item.function,
        fired_by=item.fired_by,
        status=item.status,
        began_ms=item.began_ms,
        ended_ms=item.ended_ms,
        error=item.error,
        log=list(item.lines),
    )
