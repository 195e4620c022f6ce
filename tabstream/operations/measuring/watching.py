"""Watches a tab the way a person does, over the person API: that costs no quota of the Sheets API."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import httpx

from tabstream.errors import OperatorError
from tabstream.operations.demo.person import Person
from tabstream.operations.demo.view import View

_LONG_POLL_SECONDS = 1.0
_AFTER_A_PROBLEM_SECONDS = 0.1
_T = TypeVar("_T")

Notice = Callable[[View, float], None]


class TabWatch:
    """Reads the tab after each change, in a thread, between `with` and its end.

    `notice` gets each reading with the moment (seconds since 1970) at which it was there: no earlier than the tab showed it.
    """

    def __init__(self, person_url: str, spreadsheet_id: str, tab: str, notice: Notice | None = None) -> None:
        self._person = Person(person_url, spreadsheet_id, tab)
        self._notice = notice
        self._view: View | None = None
        self._news = threading.Condition()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="tab watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()
        self._person.close()

    def now(self) -> View:
        """The tab as it is at the moment."""
        return View(self._person.grid())

    def until(self, find: Callable[[View], _T | None], seconds: float) -> _T | None:
        """What `find` gives of the first reading for which it is not None; None after so many seconds."""
        found: _T | None = None

        def look() -> bool:
            nonlocal found
            found = None if self._view is None else find(self._view)
            return found is not None

        with self._news:
            self._news.wait_for(look, seconds)
        return found

    def _watch(self) -> None:
        version = -1
        while not self._end.is_set():
            try:
                view = View(self._person.grid())
                if view.version != version:
                    version = view.version
                    self._publish(view, time.time())
                self._person.changed_since(version, _LONG_POLL_SECONDS)
            except (httpx.HTTPError, OperatorError):
                self._end.wait(_AFTER_A_PROBLEM_SECONDS)  # the stand-in restarts

    def _publish(self, view: View, at: float) -> None:
        if self._notice is not None:
            self._notice(view, at)
        with self._news:
            self._view = view
            self._news.notify_all()
