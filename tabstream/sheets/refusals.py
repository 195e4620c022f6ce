"""Google's error answers, read into errors that say what to do.

Shapes and texts: https://cloud.google.com/apis/design/errors and what the service was seen to answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tabstream.errors import TabstreamError
from tabstream.sheets.errors import (
    FenceLost,
    InvalidRequest,
    PermissionLost,
    QuotaRefused,
    SpreadsheetMissing,
    Uncertain,
)

_CULPRIT = re.compile(r"^Invalid requests\[(\d+)\]\.(\w+): ")
_FENCE_TEXTS = ("No protected range with id", "already has sheet protection")
_FENCE_KINDS = ("deleteProtectedRange", "addProtectedRange")
_FENCE_REQUESTS = 2
_QUOTA_REASONS = {"userRateLimitExceeded", "rateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
_UNDECIDED = {408, 409}  # a time-out or an abort: Google doesn't say whether the call took effect


@dataclass(frozen=True, slots=True)
class Subject:
    """The spreadsheet's id, and the account that it is to be shared with (empty if unknown)."""

    spreadsheet_id: str
    account: str = ""


def refusal(status: int, headers: Mapping[str, str], content: bytes, subject: Subject) -> TabstreamError:
    """The error for an answer with a status of 300 or more; `headers` have lower-case names."""
    error = _error_object(content)
    message = str(error.get("message") or f"status {status} without a message")
    if status == 429 or (status == 403 and _reasons(error) & _QUOTA_REASONS):
        return QuotaRefused(message, _retry_after(headers))
    if status == 404:
        return SpreadsheetMissing(
            f"spreadsheet {subject.spreadsheet_id!r} is not there",
            f"check its id in the bindings file, or take it out of the trash, and {_share(subject)}",
        )
    if status in (401, 403):
        return _permission(error, message, subject)
    if status in _UNDECIDED or status >= 500:
        return Uncertain(f"Google answered {status}: {message}")
    return _invalid(message)


def _invalid(message: str) -> TabstreamError:
    found = _CULPRIT.match(message)
    if found is None:
        return InvalidRequest(None, message)
    index, kind = int(found[1]), found[2]
    if index < _FENCE_REQUESTS and kind in _FENCE_KINDS and any(text in message for text in _FENCE_TEXTS):
        return FenceLost(message)
    return InvalidRequest(index, message)


def _permission(error: Mapping[str, Any], message: str, subject: Subject) -> PermissionLost:
    if "SERVICE_DISABLED" in _reasons(error):
        return PermissionLost(message, "enable the Google Sheets API in the project that the credentials belong to")
    return PermissionLost(
        f"no permission for spreadsheet {subject.spreadsheet_id!r} (Google says: {message})", _share(subject)
    )


def _share(subject: Subject) -> str:
    return f"share the spreadsheet with {subject.account or 'the account of the credentials'} as editor"


def _error_object(content: bytes) -> Mapping[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _reasons(error: Mapping[str, Any]) -> set[str]:
    details = [*(error.get("details") or []), *(error.get("errors") or [])]
    return {str(detail["reason"]) for detail in details if isinstance(detail, dict) and "reason" in detail}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None
