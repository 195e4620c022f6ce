"""Google's refusals, as recorded, become errors that say what to do next."""

from typing import Any

import orjson
import pytest

from tabstream.errors import TabstreamError
from tabstream.sheets.errors import (
    FenceLost,
    InvalidRequest,
    PermissionLost,
    QuotaRefused,
    SpreadsheetMissing,
    Uncertain,
)
from tabstream.sheets.refusals import Subject, refusal

SUBJECT = Subject("1AbC", "robot@example.iam.gserviceaccount.com")
RATE_LIMIT = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "RATE_LIMIT_EXCEEDED",
    "domain": "googleapis.com",
}


def refused(status: int, message: str, headers: dict[str, str] | None = None, **extra: Any) -> TabstreamError:
    body = orjson.dumps({"error": {"code": status, "message": message, **extra}})
    return refusal(status, headers or {}, body, SUBJECT)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Invalid requests[0].deleteProtectedRange: No protected range with id: 2092627652", FenceLost),
        (400, 'Invalid requests[1].addProtectedRange: Sheet "_tabstream" already has sheet protection.', FenceLost),
        (400, "Invalid requests[7].deleteProtectedRange: No protected range with id: 5", InvalidRequest),
        (400, "Invalid requests[0].updateCells: No protected range with id: 5", InvalidRequest),
        (400, "Unable to parse range: leads!A", InvalidRequest),
        (401, "Request had invalid authentication credentials.", PermissionLost),
        (403, "The caller does not have permission", PermissionLost),
        (404, "Requested entity was not found.", SpreadsheetMissing),
        (429, "Quota exceeded for quota metric 'Read requests'", QuotaRefused),
        (500, "Internal error encountered.", Uncertain),
        (502, "Bad gateway", Uncertain),
        (503, "The service is currently unavailable.", Uncertain),
        (409, "Aborted", Uncertain),
    ],
)
def test_a_refusal_says_what_to_do_next(status: int, message: str, kind: type[TabstreamError]) -> None:
    assert type(refused(status, message)) is kind


def test_the_culprit_of_a_batch_is_named() -> None:
    error = refused(400, "Invalid requests[12].deleteDimension: You can't delete all the rows on the sheet.")
    assert isinstance(error, InvalidRequest)
    assert error.index == 12
    assert "can't delete all the rows" in error.message


def test_an_error_without_a_culprit_has_no_index() -> None:
    error = refused(400, "Range (T!A999) exceeds grid limits. Max rows: 983, max columns: 26")
    assert isinstance(error, InvalidRequest)
    assert error.index is None


@pytest.mark.parametrize(("header", "seconds"), [({"retry-after": "7"}, 7.0), ({}, None), ({"retry-after": "x"}, None)])
def test_google_may_say_when_to_come_again(header: dict[str, str], seconds: float | None) -> None:
    error = refused(429, "Quota exceeded", header)
    assert isinstance(error, QuotaRefused)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize("extra", [{"details": [RATE_LIMIT]}, {"errors": [{"reason": "userRateLimitExceeded"}]}])
def test_a_quota_can_be_refused_as_403(extra: dict[str, Any]) -> None:
    assert isinstance(refused(403, "Rate Limit Exceeded", **extra), QuotaRefused)


def test_the_remedy_names_the_account_to_share_with() -> None:
    error = refused(403, "The caller does not have permission")
    assert isinstance(error, PermissionLost)
    assert error.remedy == "share the spreadsheet with robot@example.iam.gserviceaccount.com as editor"


def test_an_api_that_is_switched_off_has_a_remedy_of_its_own() -> None:
    error = refused(403, "Google Sheets API has not been used", details=[{"reason": "SERVICE_DISABLED"}])
    assert isinstance(error, PermissionLost)
    assert "enable the Google Sheets API" in error.remedy


@pytest.mark.parametrize("content", [b"", b"<html>bad gateway</html>", b"[]", b'{"error": "invalid_grant"}', b'{"error": 5}'])
def test_an_answer_that_is_not_googles_is_uncertain_bad(content: bytes) -> None:
    assert isinstance(refusal(502, {}, content, SUBJECT), Uncertain)
