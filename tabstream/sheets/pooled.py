"""A client with several accounts: one that has no access to the spreadsheet is passed over for one that has."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from tabstream.clock import Clock
from tabstream.errors import BindingProblem
from tabstream.sheets.accounts import Account, Accounts
from tabstream.sheets.call import Answer, Request
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.errors import PermissionLost, SpreadsheetMissing
from tabstream.sheets.quota import CallKind

_log = structlog.get_logger()


class PooledClient(SheetsClient):
    """For one thread. Each spreadsheet is served by the account that it prefers, or by one that works in its stead, as long as
    that works. `spreadsheet_id` is the one whose account's quota a budget takes.

    A call that Google refuses for want of permission was not applied: another account may send it.
    """

    def __init__(
        self,
        accounts: Accounts,
        endpoint: str | None,
        clock: Clock,
        stop: threading.Event | None = None,
        limit_seconds: float | None = None,
        spreadsheet_id: str = "",
    ) -> None:
        self._accounts = accounts
        self._orders: dict[str, deque[Account]] = {}
        self._now = self.account_of(spreadsheet_id)
        super().__init__(self._now.credentials, endpoint, self._now.quota, clock, stop, limit_seconds)

    def account_of(self, spreadsheet_id: str) -> Account:
        """The account that serves a spreadsheet now."""
        return self._order(spreadsheet_id)[0]

    def _order(self, spreadsheet_id: str) -> deque[Account]:
        if spreadsheet_id not in self._orders:
            self._orders[spreadsheet_id] = deque(self._accounts.for_spreadsheet(spreadsheet_id))
        return self._orders[spreadsheet_id]

    def _attempt(self, method: str, spreadsheet_id: str, make: Callable[[], Request], kind: CallKind | None) -> Answer:
        order = self._order(spreadsheet_id)
        refused: list[BindingProblem] = []
        while True:
            self._turn_to(order[0])
            try:
                answer = super()._attempt(method, spreadsheet_id, make, kind)
            except (PermissionLost, SpreadsheetMissing) as problem:
                # Drive's version is but a shortcut: an account without it is still the one that serves the spreadsheet.
                if kind is None or len(order) == 1:
                    raise
                refused.append(problem)
                order.rotate(-1)
                if len(refused) == len(order):
                    raise self._none_has_access(refused) from problem
                continue
            if refused:
                _log.warning(
                    "accounts without access are passed over",
                    spreadsheet_id=spreadsheet_id,
                    account=order[0].name,
                    refused=[str(problem) for problem in refused],
                )
            return answer

    def _turn_to(self, account: Account) -> None:
        if account is not self._now:
            self._now = account
            self._use(account.credentials, account.quota)

    def _none_has_access(self, refused: Sequence[BindingProblem]) -> BindingProblem:
        first = refused[0]
        names = ", ".join(account.name for account in self._accounts.all)
        remedy = f"share the spreadsheet with one of {names} as editor (the first refusal says: {first.remedy})"
        return type(first)(f"{first.problem}; nor has any other of {len(self._accounts.all)} accounts access", remedy)
