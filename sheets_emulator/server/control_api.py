"""The operator's own addresses below /control: settings, faults, the log of calls, quotas used, permissions."""

from dataclasses import asdict
from json import JSONDecodeError
from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sheets_emulator.server.answers import answer
from sheets_emulator.server.control import Control, Fault, role_name
from sheets_emulator.server.service import SheetsService
from sheets_emulator.store.store import Store

SETTINGS = "settings"
ROLES = "roles"


def control_routes(control: Control, service: SheetsService, store: Store) -> list[Route]:
    """The routes; settings and permissions are kept over a restart."""

    async def settings(request: Request) -> Response:
        if request.method == "PUT":
            try:
                changed = control.change(await _object(request))
            except ValueError as problem:
                return _bad(problem)
            await run_in_threadpool(store.keep, SETTINGS, changed.model_dump())
        return answer(control.settings.model_dump())

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            try:
                control.add_fault(Fault.model_validate(await _object(request)))
            except ValueError as problem:
                return _bad(problem)
        elif request.method == "DELETE":
            control.clear_faults()
        return answer({"faults": [fault.model_dump() for fault in control.faults()]})

    async def calls(request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            return answer({"error": f"since must be a number of a call, got {since!r}"}, 400)
        return answer({"calls": [asdict(call) for call in control.calls(int(since))]})

    async def usage(_: Request) -> Response:
        return answer(service.usage())

    async def role(request: Request) -> Response:
        try:
            body = await _object(request)
        except ValueError as problem:
            return _bad(problem)
        if body.get("role") not in ("none", "reader", "writer"):
            return answer({"error": f"role must be none, reader or writer, got {body.get('role')!r}"}, 400)
        user = body.get("user")
        name = request.path_params["id"] if user is None else role_name(request.path_params["id"], str(user))
        control.roles[name] = body["role"]
        await run_in_threadpool(store.keep, ROLES, dict(control.roles))
        return answer(control.roles)

    return [
        Route("/settings", settings, methods=["GET", "PUT"]),
        Route("/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/calls", calls),
        Route("/usage", usage),
        Route("/spreadsheets/{id}/role", role, methods=["PUT"]),
    ]


async def _object(request: Request) -> dict[str, Any]:
    """The request's body; ValueError where it is no JSON object."""
    try:
        found = await request.json()
    except (JSONDecodeError, UnicodeDecodeError) as problem:
        raise ValueError(f"the body is no JSON: {problem}") from None
    if not isinstance(found, dict):
        raise ValueError("the body must be a JSON object")
    return found


def _bad(problem: ValueError) -> Response:
    if not isinstance(problem, ValidationError):
        return answer({"error": str(problem)}, 400)
    first = problem.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return answer({"error": f"{where}: {first['msg']}"}, 400)
