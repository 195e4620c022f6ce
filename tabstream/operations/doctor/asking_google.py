"""Asks Google about the spreadsheets of the bindings file."""

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tenacity

from consumers.sheet_sink.opening import watermark_of, without_sync
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.binding import SYNC_HEADER, Binding, Bindings
from tabstream.core.googletime import GoogleClock, clock_from_call
from tabstream.errors import BindingProblem, ConfigurationError, Outage, TabstreamError
from tabstream.operations.audit import find_tab
from tabstream.operations.doctor.clocks import Ahead
from tabstream.operations.doctor.google import Credentials, Spreadsheet
from tabstream.operations.status import answer, begun
from tabstream.sheets.accounts import key_files, preferred
from tabstream.sheets.answers import SheetView, read_spreadsheet
from tabstream.sheets.call import Answer
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.credentials import load_credentials
from tabstream.sheets.errors import QuotaRefused
from tabstream.sheets.fields import ROWS, STRUCTURE
from tabstream.sheets.pacing import QuotaPolicy
from tabstream.sheets.quota import Quota
from tabstream.sheets.ranges import grid_range

_AT_ONCE = 4
_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The spreadsheets in the order of the file, and how far Google's clock is ahead, None where it never answered."""

    spreadsheets: Sequence[Spreadsheet]
    ahead: Ahead | None


def read_credentials(settings: Settings) -> list[tuple[Credentials, Any | None]]:
    """What is to be said of each key file, and the credentials in it if there are any."""
    try:
        paths = key_files(settings)
    except ConfigurationError as problem:
        return [(Credentials(str(settings.google_credentials_folder), problem=str(problem)), None)]
    if not paths:
        missing = None if settings.sheets_url else "neither TABSTREAM_GOOGLE_CREDENTIALS_FILE nor _FOLDER is set"
        return [(Credentials(None, problem=missing), None)]
    return [_read_key(path) for path in paths]


def _read_key(path: Path) -> tuple[Credentials, Any | None]:
    try:
        found = load_credentials(path)
    except ConfigurationError as problem:
        return Credentials(str(path), problem=str(problem)), None
    return Credentials(str(path), found.service_account_email, open_to_others=open_to_others(path)), found


def open_to_others(path: Path) -> bool:
    """Whether every user of the machine can read the file."""
    return bool(path.stat().st_mode & stat.S_IROTH)


def ask_google(settings: Settings, accounts: Mapping[str, Any | None], bindings: Bindings, clock: Clock) -> Seen:
    """Up to three calls for each spreadsheet, several at once; what goes wrong with one is told of it. `accounts` are the
    credentials by e-mail address: each spreadsheet is asked for as the account that is to serve it, and as the next one where
    that may not edit it."""
    limit = max(1, int(settings.quota_per_minute * settings.quota_share))
    quota = Quota(QuotaPolicy(limit, burst=limit, reserve=0), clock)  # one call each, at once
    wanted = [(name, found, bindings.of_spreadsheet(found)) for name, found in bindings.spreadsheets.items()]

    def ask(name: str, spreadsheet_id: str, bound: tuple[Binding, ...]) -> tuple[Spreadsheet, GoogleClock | None]:
        asked = []
        for account in preferred(list(accounts), spreadsheet_id):
            client = SheetsClient(accounts[account], settings.sheets_url or None, quota, clock, limit_seconds=0)
            try:
                found, seen = _ask(client, Spreadsheet(spreadsheet_id, name, account, bindings=bound))
            finally:
                client.close()
            asked.append((found, seen))
            if not found.is_denied:
                return replace(found, passed_over=[before.account for before, _ in asked[:-1]]), seen
        return asked[0]

    def ask_in_time(asked: tuple[str, str, tuple[Binding, ...]]) -> tuple[Spreadsheet, GoogleClock | None]:
        name, spreadsheet_id, bound = asked
        try:
            return answer(begun(lambda: ask(name, spreadsheet_id, bound)), _SECONDS)
        except Outage as problem:
            return Spreadsheet(spreadsheet_id, name, problem=problem), None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(ask_in_time, wanted))
    return Seen([spreadsheet for spreadsheet, _ in found], _ahead(seen for _, seen in found))


def _ask(client: SheetsClient, found: Spreadsheet) -> tuple[Spreadsheet, GoogleClock | None]:
    try:
        got: Answer = _once_more()(client.get, found.spreadsheet_id, fields=STRUCTURE)
    except TabstreamError as problem:
        return replace(found, problem=problem), None
    view = read_spreadsheet(got.body)
    seen = None if got.date_ms is None else clock_from_call(got.sent_ms, got.received_ms, got.date_ms)
    found = replace(found, title=view.title, missing=[binding for binding in found.bindings if not _has_tab(view, binding)])
    try:
        found = replace(found, unmarked=list(_unmarked(client, view, found.bindings)))
    except TabstreamError as problem:
        return replace(found, problem=problem), seen
    try:
        return replace(found, edits=_once_more()(client.may_edit, found.spreadsheet_id)), seen
    except TabstreamError as problem:
        return replace(found, drive_problem=problem), seen


def _once_more() -> tenacity.Retrying:
    """One failure may be a whim of the network; a quota that is used up stays so for a while."""
    again = tenacity.retry_if_exception_type(Outage) & tenacity.retry_if_not_exception_type(QuotaRefused)
    return tenacity.Retrying(retry=again, stop=tenacity.stop_after_attempt(2), reraise=True)


def _has_tab(view: SheetView, binding: Binding) -> bool:
    try:
        find_tab(view, binding)
    except BindingProblem:
        return False
    return True


def _unmarked(client: SheetsClient, view: SheetView, bindings: Iterable[Binding]) -> Iterator[tuple[Binding, BindingProblem]]:
    """The tabs that were bound and have no column `_sync` any more; one call where any was."""
    bound = [(tab, b) for b in bindings for tab in view.tabs if watermark_of(tab, b)[0] is not None]
    if not bound:
        return
    filters = [{"gridRange": grid_range(tab.sheet_id, (0, 1), None)} for tab, _ in bound]
    got: Answer = _once_more()(client.get_by_filter, view.id, filters=filters, fields=ROWS)
    headers = {tab.sheet_id: tab.rows.get(0, ()) for tab in read_spreadsheet(got.body).tabs}
    for tab, binding in bound:
        shown = [cell.shown for cell in headers.get(tab.sheet_id, ()) if cell.shown]
        if shown and SYNC_HEADER not in shown:  # an empty tab is set up anew
            yield binding, without_sync(tab, binding)


def _ahead(clocks: Iterable[GoogleClock | None]) -> Ahead | None:
    """What all calls agree on."""
    seen = [clock for clock in clocks if clock is not None]
    if not seen:
        return None
    return max(clock.ahead_least_ms for clock in seen), min(clock.ahead_most_ms for clock in seen)
