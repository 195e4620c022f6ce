"""The person API: what somebody does in a spreadsheet's browser window, over HTTP. Described at /openapi.json, /docs."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import anyio
from anyio import to_thread
from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError

from sheets_emulator.model.errors import Refused
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.person import actions, bodies, structure, view
from sheets_emulator.person.actions import Done
from sheets_emulator.person.desk import Desk, NoTab, NothingLeft, tab_of
from sheets_emulator.person.script_routes import script_routes
from sheets_emulator.script.errors import BadScript, ScriptFailed
from sheets_emulator.script.scripts import Scripts
from sheets_emulator.script.settings import Fires, Settings
from sheets_emulator.store.store import NoSpreadsheet, Store

_TAB = "/spreadsheets/{spreadsheet_id}/tabs/{tab:path}"
_MAX_WAIT_SECONDS = 300.0
_SLICE_SECONDS = 0.5
_WATCHERS = 200

B = TypeVar("B", bound=bodies.Body)


class Acted(BaseModel):
    """The spreadsheet's version after an action."""

    version: int


class Reason(BaseModel):
    """Why something was refused."""

    reason: str


_STATUS: dict[type[Exception], int] = {
    NoSpreadsheet: 404,
    NoTab: 404,
    NothingLeft: 409,
    Refused: 400,
    BadScript: 400,
    ValidationError: 400,
    RequestValidationError: 400,
    ScriptFailed: 422,
}


def person_app(store: Store, scripts: Scripts) -> FastAPI:
    """The application, to be mounted anywhere. It ends neither store nor scripts."""
    app = FastAPI(
        title="A person in a spreadsheet",
        version="1",
        description="Types, pastes, sorts, deletes and undoes as a person does in the browser, and so fires triggers.",
        responses={400: {"model": Reason}, 404: {"model": Reason}},
    )
    desk = Desk(store, scripts)
    app.include_router(_cell_routes(desk, scripts))
    app.include_router(_structure_routes(desk))
    app.include_router(_reading_routes(store))
    app.include_router(_session_routes(desk, scripts))
    app.include_router(script_routes(scripts))
    for kind, status in _STATUS.items():
        app.add_exception_handler(kind, partial(_refusal, status))
    return app


def _cell_routes(desk: Desk, scripts: Scripts) -> APIRouter:
    router = APIRouter(tags=["cells"])
    _add(router, desk, "type", bodies.TypeText, actions.type_text)
    _add(router, desk, "paste", bodies.Paste, actions.paste)
    _add(router, desk, "fill", bodies.Fill, actions.fill)
    _add(router, desk, "clear", bodies.Cells, actions.clear)
    _add(router, desk, "note", bodies.Note, actions.note)
    _add(router, desk, "sort", bodies.Sort, actions.sort, lambda: scripts.settings.sort_fires)
    _add(router, desk, "sort-range", bodies.SortRange, actions.sort_range, lambda: scripts.settings.sort_fires)
    return router


def _structure_routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["rows, columns and tabs"])
    _add(router, desk, "insert-rows", bodies.InsertRows, structure.insert_rows)
    _add(router, desk, "delete-rows", bodies.Rows, structure.delete_rows)
    _add(router, desk, "move-rows", bodies.MoveRows, structure.move_rows)
    _add(router, desk, "copy-rows", bodies.CopyRows, structure.copy_rows)
    _add(router, desk, "hide-rows", bodies.HideRows, structure.hide_rows)
    _add(router, desk, "insert-columns", bodies.InsertColumns, structure.insert_columns)
    _add(router, desk, "delete-columns", bodies.Columns, structure.delete_columns)
    _add(router, desk, "hide-columns", bodies.HideColumns, structure.hide_columns)
    _add(router, desk, "rename", bodies.Rename, structure.rename)
    _add(router, desk, "hide", bodies.Hide, structure.hide)
    return router


def _add(
    router: APIRouter,
    desk: Desk,
    name: str,
    body_type: type[B],
    action: Callable[[Workbook, Sheet, B], Done],
    fires: Callable[[], Fires | None] = lambda: None,
) -> None:
    def endpoint(spreadsheet_id: str, tab: str, body: B) -> Acted:
        done = desk.act(spreadsheet_id, tab, lambda workbook, sheet: action(workbook, sheet, body), fires())
        return Acted(version=done)

    endpoint.__annotations__["body"] = body_type
    summary = name.replace("-", " ").capitalize()
    router.add_api_route(f"{_TAB}/{name}", endpoint, methods=["POST"], name=name, summary=summary, description=action.__doc__)


def _reading_routes(store: Store) -> APIRouter:
    router = APIRouter(tags=["looking"])
    watchers = anyio.CapacityLimiter(_WATCHERS)

    @router.get("/spreadsheets")
    def spreadsheets() -> list[view.SpreadsheetSeen]:
        """All spreadsheets, the oldest first."""
        return [view.spreadsheet(store.read(spreadsheet_id)) for spreadsheet_id in store.ids()]

    @router.get("/spreadsheets/{spreadsheet_id}")
    def spreadsheet(spreadsheet_id: str) -> view.SpreadsheetSeen:
        """One spreadsheet."""
        return view.spreadsheet(store.read(spreadsheet_id))

    @router.get(f"{_TAB}/grid")
    def grid(spreadsheet_id: str, tab: str) -> view.Grid:
        """The tab as a person sees it."""
        workbook = store.read(spreadsheet_id)
        return view.grid(workbook, tab_of(workbook, tab))

    @router.get(f"{_TAB}/events")
    async def events(
        request: Request,
        spreadsheet_id: str,
        tab: str,
        since: int,
        timeout: Annotated[float, Query(ge=0, le=_MAX_WAIT_SECONDS)] = 30,
    ) -> Acted:
        """Waits until the spreadsheet's version is another one than `since`, at most `timeout` seconds."""
        tab_of(store.read(spreadsheet_id), tab)
        left = timeout
        while True:
            # In slices, so that a client that went away is not waited for.
            part = min(left, _SLICE_SECONDS)
            wait = partial(store.wait_for_change, spreadsheet_id, since, part)
            version = await to_thread.run_sync(wait, limiter=watchers)
            left -= part
            if version != since or left <= 0 or await request.is_disconnected():
                return Acted(version=version)

    return router


def _session_routes(desk: Desk, scripts: Scripts) -> APIRouter:
    router = APIRouter(tags=["session"])

    @router.post("/spreadsheets/{spreadsheet_id}/undo", responses={409: {"model": Reason}})
    def undo(spreadsheet_id: str) -> Acted:
        """Takes the person's last action back; what others changed elsewhere since stays."""
        return Acted(version=desk.undo(spreadsheet_id))

    @router.post("/spreadsheets/{spreadsheet_id}/redo", responses={409: {"model": Reason}})
    def redo(spreadsheet_id: str) -> Acted:
        """Takes the last undo back."""
        return Acted(version=desk.redo(spreadsheet_id))

    @router.get("/settings")
    def settings() -> Settings:
        """How late triggers fire, what fires them, and who the person is."""
        return scripts.settings

    @router.put("/settings")
    def change_settings(changes: dict[str, Any]) -> Settings:
        """Changes those that are named; kept over a restart."""
        return scripts.change_settings(changes)

    return router


def _refusal(status: int, _: Request, problem: Exception) -> JSONResponse:
    return JSONResponse({"reason": _reason(problem)}, status)


def _reason(problem: Exception) -> str:
    if isinstance(problem, NoSpreadsheet):
        return f"there is no spreadsheet {problem.args[0]!r}"
    if isinstance(problem, Refused):
        return problem.message
    if isinstance(problem, RequestValidationError | ValidationError):
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}"
    return str(problem)
