"""The demo's page as a small web application on this machine: files, a stream of changes, and what can be done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tabstream.errors import OperatorError
from tabstream.operations.demo import table_edits
from tabstream.operations.demo.live import Live
from tabstream.operations.demo.person import Person
from tabstream.operations.demo.table_edits import Refused

Act = Callable[[Any], Awaitable[None]]
_TYPES = {"index.html": "text/html", "app.js": "text/javascript", "style.css": "text/css"}


def application(person: Person, database_url: str) -> Starlette:
    """The page of a demo that runs. Actions are POSTs with a JSON object; a refusal answers 400 with `reason`."""
    live = Live(person, database_url)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(live.run())
        yield
        watching.cancel()

    async def events(_: Request) -> Response:
        return StreamingResponse(live.messages(), media_type="text/event-stream", headers={"cache-control": "no-store"})

    acts = _tab_acts(person) | _table_acts(database_url)
    return Starlette(
        routes=[
            *(Route("/" if name == "index.html" else f"/{name}", _file(name)) for name in _TYPES),
            Route("/events", events),
            *(Route(path, _action(act), methods=["POST"]) for path, act in acts.items()),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        lifespan=lifespan,
    )


def _tab_acts(person: Person) -> dict[str, Act]:
    return {
        "/tab/type": lambda b: run_in_threadpool(person.type, str(b["cell"]), str(b["text"])),
        "/tab/insert": lambda b: run_in_threadpool(person.insert_rows, int(b["row"])),
        "/tab/delete": lambda b: run_in_threadpool(person.delete_rows, [int(b["row"])]),
        "/tab/sort": lambda b: run_in_threadpool(person.sort, str(b["column"]), bool(b["descending"])),
        "/tab/undo": lambda b: run_in_threadpool(person.undo),
    }


def _table_acts(database_url: str) -> dict[str, Act]:
    return {
        "/table/set": lambda b: table_edits.set_cell(database_url, str(b["key"]), str(b["column"]), str(b["text"])),
        "/table/insert": lambda b: table_edits.insert_row(database_url),
        "/table/delete": lambda b: table_edits.delete_row(database_url, str(b["key"])),
    }


def _action(act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            # what another site's form can't send
            return JSONResponse({"reason": "the body has to be application/json"}, 415)
        try:
            await act(await request.json())
        except (Refused, OperatorError, httpx.HTTPError) as problem:
            return JSONResponse({"reason": str(problem)}, 400)
        except (KeyError, ValueError, TypeError) as problem:
            return JSONResponse({"reason": f"not what this address takes: {problem}"}, 400)
        return JSONResponse({})

    return handle


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    content = files(__package__).joinpath("page", name).read_bytes()

    async def handle(_: Request) -> Response:
        return Response(content, media_type=_TYPES[name], headers={"cache-control": "no-cache"})

    return handle
