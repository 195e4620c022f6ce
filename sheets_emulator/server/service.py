"""The REST service: finds the method that a request means, lets it through quotas, faults and permissions, and answers.

https://developers.google.com/workspace/sheets/api/reference/rest
"""

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import parse_qs, quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sheets_emulator.fields import BadMask, parse, select
from sheets_emulator.model.errors import Refused
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Workbook
from sheets_emulator.server import operations
from sheets_emulator.server.answers import MESSAGES, Failure, answer, refusal
from sheets_emulator.server.control import Control, Fault
from sheets_emulator.server.operations import Query
from sheets_emulator.server.quotas import Limits, Quotas
from sheets_emulator.store.store import NoSpreadsheet, Store

Read = Callable[[Workbook], Json]
Change = Callable[[Workbook], tuple[Workbook, Json]]

_ID = r"(?P<id>[^/:]+)"
# What each address means: HTTP method, path below /v4/spreadsheets, the method's name, whether it reads or writes.
_METHODS: Sequence[tuple[str, re.Pattern[str], str, str]] = [
    (verb, re.compile(path + r"\Z", re.DOTALL), name, kind)
    for verb, path, name, kind in (
        ("POST", r"", "create", "write"),
        ("GET", rf"/{_ID}", "get", "read"),
        ("POST", rf"/{_ID}:batchUpdate", "batchUpdate", "write"),
        ("POST", rf"/{_ID}:getByDataFilter", "getByDataFilter", "read"),
        ("GET", rf"/{_ID}/values:batchGet", "values.batchGet", "read"),
        ("POST", rf"/{_ID}/values:batchUpdate", "values.batchUpdate", "write"),
        ("POST", rf"/{_ID}/values:batchClear", "values.batchClear", "write"),
        ("POST", rf"/{_ID}/values:batchGetByDataFilter", "values.batchGetByDataFilter", "read"),
        ("POST", rf"/{_ID}/values:batchUpdateByDataFilter", "values.batchUpdateByDataFilter", "write"),
        ("POST", rf"/{_ID}/values:batchClearByDataFilter", "values.batchClearByDataFilter", "write"),
        ("GET", rf"/{_ID}/values/(?P<range>.+)", "values.get", "read"),
        ("PUT", rf"/{_ID}/values/(?P<range>.+)", "values.update", "write"),
        ("POST", rf"/{_ID}/values/(?P<range>.+):append", "values.append", "write"),
        ("POST", rf"/{_ID}/values/(?P<range>.+):clear", "values.clear", "write"),
        ("GET", rf"/{_ID}/developerMetadata/(?P<metadata>\d+)", "developerMetadata.get", "read"),
        ("POST", rf"/{_ID}/developerMetadata:search", "developerMetadata.search", "read"),
        ("POST", rf"/{_ID}/sheets/(?P<sheet>\d+):copyTo", "sheets.copyTo", "write"),
    )
]
# Methods that leave out by themselves what the mask does not take, as their answers are large.
_MASKED = ("create", "get", "getByDataFilter")


@dataclass(frozen=True)
class _Call:
    """One request, taken apart."""

    method: str
    kind: str
    match: Mapping[str, str]
    query: Query
    body: Json
    size: int
    user: str

    @property
    def spreadsheet_id(self) -> str | None:
        """The spreadsheet that the call is about; None for a new one."""
        return self.match.get("id")


class SheetsService:
    """The API over a store. Thread-safe; `written` hears of each spreadsheet that a call changed."""

    def __init__(self, store: Store, control: Control, written: Callable[[str], None]) -> None:
        self._store = store
        self._control = control
        self._written = written
        self._quotas = Quotas(time.monotonic)
        self._random = Random(secrets.randbits(64))

    def usage(self) -> dict[str, dict[str, int]]:
        """Calls of the last minute, by kind and user."""
        return self._quotas.used()

    def call(self, request: Request, body: bytes) -> Response | None:
        """The answer to a request; None where the connection is to be cut."""
        began = time.monotonic()
        try:
            call = _taken_apart(request, body)
        except Failure as failure:
            return refusal(failure)
        applied_ms = time.time() * 1000
        response: Response | None
        try:
            self._admit(call)
            applied_ms, found = self._apply(call)
            response = answer(found if call.method in _MASKED else select(found, call.query.mask))
        except Failure as failure:
            response = None if failure.status == 0 else refusal(failure)
        except Refused as refused:
            response = refusal(Failure(400, refused.message))
        except NoSpreadsheet:
            response = refusal(Failure(404))
        except (TypeError, ValueError, KeyError, AttributeError) as problem:
            response = refusal(Failure(400, f"Invalid JSON payload received. {problem}"))
        self._control.log(
            at_ms=applied_ms,
            kind=call.kind,
            method=call.method,
            status=0 if response is None else response.status_code,
            spreadsheet_id=call.spreadsheet_id,
            user=call.user,
            requests=_count(call.body.get("requests")),
            bytes=call.size,
            milliseconds=(time.monotonic() - began) * 1000,
        )
        return response

    def _admit(self, call: _Call) -> None:
        settings = self._control.settings
        if settings.quotas:
            limits = Limits(settings.read_per_minute, settings.write_per_minute)
            self._quotas.take(call.kind, call.user, limits)
        copies = call.method == "sheets.copyTo"
        self._permit(call.spreadsheet_id or "", call.user, call.kind == "write" and not copies)
        if copies:
            self._permit(str(call.body.get("destinationSpreadsheetId", "")), call.user, True)

    def _permit(self, spreadsheet_id: str, user: str, writes: bool) -> None:
        role = self._control.role(spreadsheet_id, user)
        if role == "none" or (role == "reader" and writes):
            raise Failure(403)

    def _apply(self, call: _Call) -> tuple[float, Json]:
        half = self._control.settings.latency_ms / 2000
        fault = self._control.take_fault(call.method, call.spreadsheet_id)
        time.sleep(half)
        if fault is not None and fault.when == "before":
            _fail(fault)
        body = self._run(call)
        applied_ms = time.time() * 1000
        time.sleep(half)
        if fault is not None and fault.when == "after":
            _fail(fault)
        return applied_ms, body

    def _run(self, call: _Call) -> Json:
        if call.method == "create":
            made = operations.created(f"1{secrets.token_urlsafe(32)}", call.body, self._random)
            return operations.get(self._store.create(made), Query({}, call.query.mask))
        spreadsheet_id = call.match["id"]
        if call.kind == "read":
            return self._read(call)(self._store.read(spreadsheet_id))
        if call.method == "sheets.copyTo":
            return self._copy(call)
        reply = self._store.edit(spreadsheet_id, self._change(call))
        self._written(spreadsheet_id)
        return reply

    def _read(self, call: _Call) -> Read:
        query, body, match = call.query, call.body, call.match
        methods: dict[str, Read] = {
            "get": lambda workbook: operations.get(workbook, query),
            "getByDataFilter": lambda workbook: operations.get_by_data_filter(workbook, body, query),
            "values.get": lambda workbook: operations.values_get(workbook, match["range"], query),
            "values.batchGet": lambda workbook: operations.values_batch_get(workbook, query),
            "values.batchGetByDataFilter": lambda workbook: operations.values_batch_get_by_data_filter(workbook, body),
            "developerMetadata.get": lambda workbook: operations.developer_metadata(workbook, int(match["metadata"])),
            "developerMetadata.search": lambda workbook: operations.search_developer_metadata(workbook, body),
        }
        return methods[call.method]

    def _change(self, call: _Call) -> Change:
        query, body, match = call.query, call.body, call.match
        methods: dict[str, Change] = {
            "batchUpdate": lambda workbook: operations.batch_update(workbook, body, query, self._random),
            "values.update": lambda workbook: operations.values_update(workbook, match["range"], body, query),
            "values.append": lambda workbook: operations.values_append(workbook, match["range"], body, query),
            "values.clear": lambda workbook: operations.values_clear(workbook, match["range"]),
            "values.batchUpdate": lambda workbook: operations.values_batch_update(workbook, body),
            "values.batchUpdateByDataFilter": lambda workbook: operations.values_batch_update_by_data_filter(workbook, body),
            "values.batchClear": lambda workbook: operations.values_batch_clear(workbook, body.get("ranges") or []),
            "values.batchClearByDataFilter": lambda workbook: operations.values_batch_clear(
                workbook, operations.areas_of(workbook, body)
            ),
        }
        return methods[call.method]

    def _copy(self, call: _Call) -> Json:
        source = self._store.read(call.match["id"])
        target = str(call.body.get("destinationSpreadsheetId", ""))
        reply = self._store.edit(
            target, lambda workbook: operations.copy_to(source, int(call.match["sheet"]), workbook, self._random)
        )
        self._written(target)
        return reply


def _taken_apart(request: Request, body: bytes) -> _Call:
    path = request.path_params.get("rest", "")
    parameters = {name: request.query_params.getlist(name) for name in request.query_params}
    verb = request.headers.get("x-http-method-override", request.method).upper()
    if verb == "GET" and request.method == "POST":
        # A call whose address would be too long carries its parameters in the body.
        given = request.headers.get("content-type", "")
        if given.startswith("application/x-www-form-urlencoded"):
            parameters |= parse_qs(body.decode(errors="replace"))
            body = b""
    for wanted, pattern, name, kind in _METHODS:
        match = pattern.match(path)
        if match and verb == wanted:
            query = Query(parameters, _mask(parameters))
            return _Call(name, kind, match.groupdict(), query, _json(body), len(body), _user(request, query))
    raise Failure(404, f"The requested URL {quote(request.url.path)} was not found on this server.")


def _mask(parameters: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
    text = parameters.get("fields") or parameters.get("$fields") or [""]
    try:
        return parse(text[-1])
    except BadMask:
        message = f"Request contains an invalid argument: invalid field mask {text[-1]!r}."
        raise Failure(400, message) from None


def _json(body: bytes) -> Json:
    if not body:
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise Failure(400, f"Invalid JSON payload received. {problem}") from None
    if not isinstance(found, dict):
        raise Failure(400, "Invalid JSON payload received. The root must be an object.")
    return found


def _count(requests: object) -> int:
    return len(requests) if isinstance(requests, list) else 0


def _user(request: Request, query: Query) -> str:
    # Google counts quotas for `quotaUser` where it is given, else for the account that asks.
    return query.one("quotaUser") or request.headers.get("authorization", "anonymous")


def _fail(fault: Fault) -> None:
    time.sleep(fault.delay_ms / 1000)
    if fault.status < 400 and fault.status != 0:
        return
    raise Failure(fault.status, fault.message or MESSAGES.get(fault.status, "injected fault"))
