"""What can go wrong at the door to Google, split by what the caller does next.

Outage
├── SheetsOutage         certainly not applied: the same call may be sent again
│   └── QuotaRefused     429: likewise, after `retry_after_seconds`
└── Uncertain            may have been applied: look before sending it again
TabstreamError
├── FenceLost            the batch was built on an old state; nothing of it was applied
└── InvalidRequest       400: sending it again as it is would fail again
BindingProblem
├── PermissionLost       401, 403
└── SpreadsheetMissing   404
"""

from tabstream.errors import BindingProblem, Outage, TabstreamError


class SheetsOutage(Outage):
    """Google was not reached: the call was certainly not applied."""


class QuotaRefused(SheetsOutage):
    """Google refused the call because of a quota; it was not applied."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Uncertain(Outage):
    """No answer, or one that doesn't say: the call may have been applied."""


class FenceLost(TabstreamError):
    """The protection that the batch replaces is not there any more; nothing of the batch was applied."""


class InvalidRequest(TabstreamError):
    """Google refused the call. `index` is the culprit in a batch, None where the answer doesn't name one."""

    def __init__(self, index: int | None, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.message = message


class PermissionLost(BindingProblem):
    """The credentials don't reach the spreadsheet, or may only read it."""


class SpreadsheetMissing(BindingProblem):
    """There is no spreadsheet with this id."""
