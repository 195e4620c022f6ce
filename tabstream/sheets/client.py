"""The door to Google Sheets: every call with quota, retries, and a metric for each attempt."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import structlog
import tenacity
from tenacity.wait import wait_base

from tabstream import metrics
from tabstream.clock import Clock
from tabstream.errors import Outage, TabstreamError
from tabstream.sheets.call import Answer, Request, attempt, outcome
from tabstream.sheets.errors import QuotaRefused, SheetsOutage
from tabstream.sheets.pacing import Priority
from tabstream.sheets.quota import CallKind, Hold, Quota
from tabstream.sheets.refusals import Subject
from tabstream.sheets.service import authorised_http, files_resource, spreadsheets_resource

TIMEOUT_SECONDS = 60.0
_LONGEST_RANGES = 1_200  # characters; the library turns a longer address into a form

log = structlog.get_logger()


class SheetsClient:
    """One instance a thread: neither the connection nor the library's objects are thread-safe.

    `credentials` None is anonymous and `endpoint` None is Google. Reads are sent again after any Outage, writes only
    after one that certainly was not applied, with exponential backoff, until `stop` is set or `limit_seconds` are over.
    """

    def __init__(
        self,
        credentials: Any | None,
        endpoint: str | None,
        quota: Quota,
        clock: Clock,
        stop: threading.Event | None = None,
        limit_seconds: float | None = None,
    ) -> None:
        self._endpoint = endpoint or None
        self._hold: Hold | None = None
        self._http: Any = None
        self._files: Any | None = None
        self._use(credentials, quota)
        self._clock = clock
        self._stop = stop or threading.Event()
        self._limit_seconds = limit_seconds
        self.priority = Priority.LIVE
        self.outage: str | None = None
        """Why the last call has failed, while it is tried again; None where Google answers."""

    @contextmanager
    def budget(self, reads: int = 0, writes: int = 0, priority: Priority | None = None) -> Iterator[None]:
        """Takes the quota of the calls inside first; what is left goes back. Raises SheetsOutage when stopped."""
        outer = self._hold
        with self._quota.acquire(reads, writes, self.priority if priority is None else priority, self._stop) as hold:
            self._hold = hold
            try:
                yield
            finally:
                self._hold = outer

    def close(self) -> None:
        """Ends the kept connections; the next call makes new ones."""
        self._http.close()

    def get(self, spreadsheet_id: str, *, ranges: Sequence[str] = (), fields: str) -> Answer:
        """Reads the spreadsheet with the A1 `ranges`, as far as `fields` says (see `tabstream.sheets.fields`)."""
        if sum(len(quote(text)) + len("&ranges=") for text in ranges) > _LONGEST_RANGES:
            return self.get_by_filter(spreadsheet_id, filters=[{"a1Range": text} for text in ranges], fields=fields)
        return self._read(
            "get",
            spreadsheet_id,
            lambda: self._sheets.get(spreadsheetId=spreadsheet_id, ranges=list(ranges), fields=fields),
        )

    def get_by_filter(self, spreadsheet_id: str, *, filters: Sequence[dict[str, Any]], fields: str) -> Answer:
        """Reads what the DataFilter objects select: `{"gridRange": ...}`, `{"a1Range": ...}`."""
        body = {"dataFilters": list(filters)}
        return self._read(
            "getByDataFilter",
            spreadsheet_id,
            lambda: self._sheets.getByDataFilter(spreadsheetId=spreadsheet_id, body=body, fields=fields),
        )

    def batch_update(self, spreadsheet_id: str, requests: Sequence[dict[str, Any]]) -> Answer:
        """Applies all requests or none; `replies` stand in their order. Raises Uncertain where nobody can tell."""
        body = {"requests": list(requests)}
        return self._write(
            "batchUpdate", spreadsheet_id, lambda: self._sheets.batchUpdate(spreadsheetId=spreadsheet_id, body=body)
        )

    def create(self, title: str) -> Answer:
        """Creates a spreadsheet that belongs to the credentials' account; its id is `body["spreadsheetId"]`."""
        request = self._sheets.create
        body = {"properties": {"title": title}}
        return self._write("create", "", lambda: request(body=body, fields="spreadsheetId,properties,sheets.properties"))

    def drive_version(self, spreadsheet_id: str) -> str:
        """Drive's counter of changes to the file; costs no Sheets quota. Raises PermissionLost without Drive access."""
        return str(self._drive("version", spreadsheet_id)["version"])

    def may_edit(self, spreadsheet_id: str) -> bool:
        """Whether Drive lets the credentials' account edit the file; costs and raises as `drive_version` does."""
        found = self._drive("capabilities/canEdit", spreadsheet_id)
        return bool(found.get("capabilities", {}).get("canEdit"))

    def _drive(self, fields: str, spreadsheet_id: str) -> dict[str, Any]:
        if self._files is None:
            self._files = files_resource(self._http, self._endpoint)
        request = self._files.get
        answer = self._retrying(Outage)(
            self._attempt,
            "drive.get",
            spreadsheet_id,
            lambda: request(fileId=spreadsheet_id, fields=fields, supportsAllDrives=True),
            None,
        )
        return answer.body

    def _use(self, credentials: Any | None, quota: Quota) -> None:
        """Calls are made with these from now on; what is held of another quota does not count for them."""
        if self._http is not None:
            self._http.close()
        self._http = authorised_http(credentials, TIMEOUT_SECONDS)
        self._account = str(getattr(credentials, "service_account_email", "") or "")
        self._sheets = spreadsheets_resource(self._http, self._endpoint)
        self._files = None
        self._quota = quota
        self._hold = None

    def _read(self, method: str, spreadsheet_id: str, make: Callable[[], Request]) -> Answer:
        return self._retrying(Outage)(self._attempt, method, spreadsheet_id, make, CallKind.READ)

    def _write(self, method: str, spreadsheet_id: str, make: Callable[[], Request]) -> Answer:
        return self._retrying(SheetsOutage)(self._attempt, method, spreadsheet_id, make, CallKind.WRITE)

    def _attempt(self, method: str, spreadsheet_id: str, make: Callable[[], Request], kind: CallKind | None) -> Answer:
        if kind is not None:
            self._pay(kind)
        began = self._clock.monotonic()
        try:
            answer = attempt(make(), self._clock, Subject(spreadsheet_id, self._account))
        except TabstreamError as error:
            metrics.API_CALLS.labels(method, outcome(error)).inc()
            if isinstance(error, Outage):
                metrics.OUTAGES.labels("google").inc()
                self.outage = None if isinstance(error, QuotaRefused) else str(error)
            if isinstance(error, QuotaRefused) and kind is not None:
                self._quota.refused(kind, error.retry_after_seconds)
            raise
        self.outage = None
        metrics.API_CALLS.labels(method, "ok").inc()
        metrics.API_CALL_SECONDS.labels(method).observe(self._clock.monotonic() - began)
        return answer

    def _pay(self, kind: CallKind) -> None:
        if self._hold is not None and self._hold.spend(kind):
            return
        priority = self._hold.priority if self._hold is not None else self.priority
        need = {"reads": 1} if kind is CallKind.READ else {"writes": 1}
        with self._quota.acquire(**need, priority=priority, stop=self._stop) as hold:
            hold.spend(kind)

    def _retrying(self, repeatable: type[Outage]) -> tenacity.Retrying:
        stop = tenacity.stop_when_event_set(self._stop)
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(repeatable),
            wait=_Backoff(),
            stop=stop if self._limit_seconds is None else stop | tenacity.stop_after_delay(self._limit_seconds),
            sleep=tenacity.sleep_using_event(self._stop),
            before_sleep=_say,
            reraise=True,
        )


class _Backoff(wait_base):
    """Exponential with jitter, and never shorter than Google asked for."""

    def __init__(self) -> None:
        self._exponential = tenacity.wait_random_exponential(multiplier=0.5, max=32, min=0.1)

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        asked = getattr(_error(retry_state), "retry_after_seconds", None)
        return max(float(self._exponential(retry_state)), asked or 0.0)


def _say(retry_state: tenacity.RetryCallState) -> None:
    log.warning(
        "sheets call failed, trying again",
        method=retry_state.args[0],
        spreadsheet_id=retry_state.args[1],
        error=str(_error(retry_state)),
        attempts=retry_state.attempt_number,
        wait_seconds=round(retry_state.upcoming_sleep, 2),
    )


def _error(retry_state: tenacity.RetryCallState) -> BaseException | None:
    return retry_state.outcome.exception() if retry_state.outcome is not None else None
