"""The Sheets API for an operator's command, beside the sheet sinks that live on the same quota."""

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.credentials import load_credentials
from tabstream.sheets.pacing import policy_of
from tabstream.sheets.quota import Quota

_QUOTA_SHARE = 0.25
_LIMIT_SECONDS = 60.0


def operator_client(settings: Settings, clock: Clock) -> SheetsClient:
    """A client that takes a quarter of the credential's quota, and gives up after a minute without Google.

    Raises ConfigurationError where credentials are needed and there are none.
    """
    credentials = None
    if settings.google_credentials_file is not None:
        credentials = load_credentials(settings.google_credentials_file)
    elif not settings.sheets_url:
        settings.require("google_credentials_file")
    quota = Quota(policy_of(settings.quota_per_minute, settings.quota_share * _QUOTA_SHARE), clock)
    return SheetsClient(credentials, settings.sheets_url or None, quota, clock, limit_seconds=_LIMIT_SECONDS)
