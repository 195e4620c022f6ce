"""Answers as Google writes them: JSON bodies, and the errors with their status words."""

from typing import Any

import orjson
from starlette.responses import Response

_STATUS_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
MESSAGES = {
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    429: "Quota exceeded.",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}


class Failure(Exception):
    """An answer other than 200: status, message and the details of a google.rpc.Status."""

    def __init__(self, status: int, message: str | None = None, details: list[dict[str, Any]] | None = None) -> None:
        self.status = status
        self.message = MESSAGES.get(status, "Bad Request") if message is None else message
        self.details = details or []
        super().__init__(self.message)


def answer(body: Any, status: int = 200) -> Response:
    """A JSON body in one piece."""
    return Response(orjson.dumps(body), status, media_type="application/json; charset=UTF-8")


def refusal(failure: Failure) -> Response:
    """The body of an error, pretty-printed as Google's are."""
    error: dict[str, Any] = {
        "code": failure.status,
        "message": failure.message,
        "status": _STATUS_WORDS.get(failure.status, "UNKNOWN"),
    }
    if failure.details:
        error["details"] = failure.details
    body = orjson.dumps({"error": error}, option=orjson.OPT_INDENT_2)
    return Response(body, failure.status, media_type="application/json; charset=UTF-8")
