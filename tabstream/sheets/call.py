"""One attempt of one call: what came back and when, or an error that says whether it can have been applied."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httplib2
import orjson
from google.auth import exceptions as auth_exceptions
from googleapiclient.errors import HttpError

from tabstream.clock import Clock
from tabstream.core.googletime import header_ms
from tabstream.errors import TabstreamError
from tabstream.sheets.errors import (
    FenceLost,
    InvalidRequest,
    PermissionLost,
    QuotaRefused,
    SheetsOutage,
    SpreadsheetMissing,
    Uncertain,
)
from tabstream.sheets.refusals import Subject, refusal
from tabstream.sheets.transport import NotSent


@dataclass(frozen=True, slots=True)
class Answer:
    """A call that succeeded. `sent_ms` and `received_ms` are by our clock, `date_ms` is Google's, in whole seconds."""

    body: dict[str, Any]
    sent_ms: int
    received_ms: int
    date_ms: int | None = None


class Request(Protocol):
    """googleapiclient.http.HttpRequest, as far as it is used here."""

    def execute(self, http: Any = None, num_retries: int = 0) -> Any:
        """Sends it."""

    def add_response_callback(self, cb: Any) -> None:
        """Registers a function that gets the response's head."""


def attempt(request: Request, clock: Clock, subject: Subject) -> Answer:
    """Sends the request once. Raises the errors of `tabstream.sheets.errors`."""
    head: dict[str, str] = {}
    request.add_response_callback(head.update)
    sent_ms = clock.now_ms()
    try:
        body = request.execute(num_retries=0)
    except HttpError as error:
        raise refusal(error.resp.status, error.resp, error.content, subject) from error
    except NotSent as error:
        raise SheetsOutage(f"Google can't be reached: {error}") from error
    except auth_exceptions.GoogleAuthError as error:
        raise _without_token(error) from error
    except (OSError, httplib2.HttpLib2Error, http.client.HTTPException, orjson.JSONDecodeError) as error:
        raise Uncertain(f"no answer from Google: {error!r}") from error
    return Answer(body, sent_ms, clock.now_ms(), _date_ms(head))


def outcome(error: TabstreamError) -> str:
    """A short name of how an attempt ended, for the metric."""
    for kind, name in _OUTCOMES.items():
        if isinstance(error, kind):
            return name
    return "error"


_OUTCOMES: Mapping[type[TabstreamError], str] = {
    QuotaRefused: "quota",
    SheetsOutage: "unreachable",
    Uncertain: "uncertain",
    FenceLost: "fence_lost",
    InvalidRequest: "invalid",
    PermissionLost: "permission",
    SpreadsheetMissing: "missing",
}


def _without_token(error: auth_exceptions.GoogleAuthError) -> TabstreamError:
    if isinstance(error, auth_exceptions.TransportError) or getattr(error, "retryable", False):
        return SheetsOutage(f"Google's token service can't be reached: {error}")
    return PermissionLost(
        "Google refuses the credentials",
        "check that the service account and its key exist and that this machine's clock is right",
    )


def _date_ms(head: Mapping[str, str]) -> int | None:
    try:
        return header_ms(head.get("date", ""))
    except ValueError:
        return None
