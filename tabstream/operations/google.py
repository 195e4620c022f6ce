"""The Sheets API for an operator's command, beside the sheet sinks that live on the same quota."""

import threading

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.credentials import load_credentials
from tabstream.sheets.pacing import policy_of
from tabstream.sheets.quota import Quota

_COMMAND_SHARE = 0.25
_LIMIT_SECONDS = 60.0


def operator_client(
    settings: Settings, clock: Clock, share: float = _COMMAND_SHARE, stop: threading.Event | None = None
) -> SheetsClient:
    """A client that takes this share of the instance's quota, and gives up after a minute without Google, or on `stop`.

    Raises ConfigurationError where credentials are needed and there are none.
    """
    credentials = None
    if settings.google_credentials_file is not None:
        credentials = load_credentials(settings.google_credentials_file)
    elif not settings.sheets_url:
        settings.require("google_credentials_file")
    quota = Quota(policy_of(settings.quota_per_minute, settings.quota_share * share), clock)
    return SheetsClient(credentials, settings.sheets_url or None, quota, clock, stop, limit_seconds=_LIMIT_SECONDS)
