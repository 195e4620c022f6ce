"""The Google accounts that this process works with: each has a quota of its own, and serves some of the spreadsheets."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.errors import ConfigurationError
from tabstream.sheets.credentials import load_credentials
from tabstream.sheets.pacing import QuotaPolicy, policy_of
from tabstream.sheets.quota import Quota


@dataclass(frozen=True, slots=True)
class Account:
    """One account. `name` is its e-mail address, empty for the anonymous one; `credentials` are None then."""

    name: str
    credentials: Any | None
    quota: Quota


@dataclass(frozen=True, slots=True)
class Accounts:
    """At least one account."""

    all: tuple[Account, ...]

    def for_spreadsheet(self, spreadsheet_id: str) -> list[Account]:
        """All accounts, first the one that is to serve a spreadsheet, then those to try in its stead."""
        names = preferred([account.name for account in self.all], spreadsheet_id)
        return sorted(self.all, key=lambda account: names.index(account.name))

    def resize(self, policy: QuotaPolicy) -> None:
        """Every account's quota has this policy from now on."""
        for account in self.all:
            account.quota.resize(policy)

    def drain(self) -> None:
        """Little is left of any quota for a moment: other instances may just have used it."""
        for account in self.all:
            account.quota.drain()


def preferred(names: Sequence[str], spreadsheet_id: str) -> list[str]:
    """The names in the order of preference for a spreadsheet: the same in every process. One more or one less name moves
    only the spreadsheets that it serves.

    https://en.wikipedia.org/wiki/Rendezvous_hashing
    """
    return sorted(names, key=lambda name: blake2b(f"{name}\0{spreadsheet_id}".encode(), digest_size=8).digest())


def load_accounts(settings: Settings, clock: Clock, share: float = 1.0) -> Accounts:
    """The accounts whose keys the settings name, with `share` of their quotas; the anonymous one where a stand-in for Google
    needs none. Raises ConfigurationError."""
    paths = key_files(settings)
    policy = policy_of(settings.quota_per_minute, settings.quota_share * share)
    if not paths:
        if not settings.sheets_url:
            settings.require("google_credentials_file")
        return Accounts((Account("", None, Quota(policy, clock)),))
    found: dict[str, Account] = {}
    for path in paths:
        credentials = load_credentials(path)
        name = str(credentials.service_account_email)
        if name in found:
            raise ConfigurationError(f"{str(path)!r} is another key of {name!r}, which has but one quota: take one away")
        found[name] = Account(name, credentials, Quota(policy, clock, name))
    return Accounts(tuple(found.values()))


def key_files(settings: Settings) -> list[Path]:
    """The key files that the settings name, of which there may be none. Raises ConfigurationError for a folder without any."""
    paths = [] if settings.google_credentials_file is None else [settings.google_credentials_file]
    folder = settings.google_credentials_folder
    if folder is not None:
        inside = sorted(folder.glob("*.json"))
        if not inside:
            raise ConfigurationError(
                f"TABSTREAM_GOOGLE_CREDENTIALS_FOLDER names {str(folder)!r}, which holds no *.json: "
                "put the JSON keys of service accounts there"
            )
        paths += inside
    return paths
