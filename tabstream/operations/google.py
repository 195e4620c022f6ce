"""The Sheets API for an operator's command, beside the sheet sinks that live on the same quota."""

import threading

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.sheets.accounts import load_accounts
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.pooled import PooledClient

_COMMAND_SHARE = 0.25
_LIMIT_SECONDS = 60.0


def operator_client(
    settings: Settings, clock: Clock, share: float = _COMMAND_SHARE, stop: threading.Event | None = None
) -> SheetsClient:
    """A client that takes this share of each account's quota, and gives up after a minute without Google, or on `stop`.

    Raises ConfigurationError where credentials are needed and there are none.
    """
    accounts = load_accounts(settings, clock, share)
    return PooledClient(accounts, settings.sheets_url or None, clock, stop, _LIMIT_SECONDS)
