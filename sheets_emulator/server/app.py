"""The server's application: the Sheets API, the part of Drive's, the person's and the operator's addresses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from sheets_emulator.person.app import person_app
from sheets_emulator.script.scripts import Scripts
from sheets_emulator.server.control import Control
from sheets_emulator.server.control_api import control_routes
from sheets_emulator.server.drive import drive_routes
from sheets_emulator.server.service import SheetsService
from sheets_emulator.store.store import Store


class _Sheets:
    """The Sheets API as an ASGI application; calls run in threads, as they may wait."""

    def __init__(self, service: SheetsService) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        response = await run_in_threadpool(self._service.call, request, body)
        if response is not None:
            await response(scope, receive, send)
            return
        # An answer that promises a body and ends without one: the server cuts the connection.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})


def application(store: Store, control: Control, scripts: Scripts) -> Starlette:
    """The whole server over a store, which it closes at its end, as it does the scripts."""

    def written(spreadsheet_id: str) -> None:
        if control.settings.api_fires_change:
            scripts.fire_change(spreadsheet_id, None, "OTHER")

    service = SheetsService(store, control, written)

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(scripts.close)
        store.close()

    sheets = _Sheets(service)
    return Starlette(
        routes=[
            Route("/healthz", healthy),
            Route("/v4/spreadsheets{rest:path}", sheets),
            Mount("/drive/v3", routes=drive_routes(store, control)),
            Mount("/control", routes=control_routes(control, service, store)),
            Mount("/person/v1", person_app(store, scripts)),
        ],
        lifespan=lifespan,
    )
