"""What a story's steps work with: the two sides, the person, the clock, and the measured times."""

import itertools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import Any, Self

import httpx
import psycopg
from googleapiclient.errors import HttpError
from psycopg import sql
from psycopg.rows import dict_row

from tabstream.errors import OperatorError
from tabstream.operations.demo.comparing import differences
from tabstream.operations.demo.emulator import Emulator
from tabstream.operations.demo.google import TAB, ZONE
from tabstream.operations.demo.installing import Place
from tabstream.operations.demo.person import Person
from tabstream.operations.demo.reader import TabReader, read_table
from tabstream.operations.demo.table import TABLE
from tabstream.operations.demo.view import KEY, View
from tabstream.operations.measuring.arrivals import Arrivals, text_of
from tabstream.operations.measuring.watching import TabWatch
from tabstream.postgres.statements import named

_LOOK_SECONDS = 0.02
_FIRST_COMPARISON_SECONDS = 0.25
_SLOWEST_COMPARISON_SECONDS = 3.0


class StepFailed(Exception):
    """What should have happened did not; `details` says more, a line each."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class Scene:
    """The demo as one story uses it, between `with` and its end. `commit_to_cell` and `edit_to_commit` are milliseconds."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.person = Person(place.person_url, place.spreadsheet_id, TAB)
        self.emulator = Emulator(place.sheets_url)
        self.story = uuid.uuid4().hex[:8]
        self.arrivals = Arrivals()
        self.watch = TabWatch(place.person_url, place.spreadsheet_id, TAB, self._notice)
        self.edit_to_commit: list[float] = []
        self.left_over: frozenset[str] = frozenset()
        self._reader = TabReader(place.sheets_url, place.spreadsheet_id, TAB)
        self._changes = itertools.count(1)
        self._open = ExitStack()
        self.database: psycopg.Connection[dict[str, Any]]

    def __enter__(self) -> Self:
        self.database = self._open.enter_context(connect(self.place.database_url))
        self._open.callback(self.person.close)
        self._open.callback(self.emulator.close)
        self._open.callback(self._reader.close)
        self._open.enter_context(self.watch)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    @property
    def commit_to_cell(self) -> list[float]:
        """Milliseconds of the measured changes since `begin_step`."""
        return self.arrivals.samples()

    def begin_step(self) -> None:
        """Forgets what was measured before."""
        self.arrivals = Arrivals()
        self.edit_to_commit = []

    def next_change(self) -> int:
        """A number larger than all before, in any thread."""
        return next(self._changes)

    def query(self, name: str, /, **values: Any) -> list[dict[str, Any]]:
        """The rows of a statement of `queries.sql`, none where it gives none."""
        cursor = self.database.execute(_statements()[name], values)
        return cursor.fetchall() if cursor.description else []

    def row(self, key: str) -> Mapping[str, Any] | None:
        """A row of the table, None where there is none."""
        return next(iter(self.query("row", key=key)), None)

    def value(self, key: str, column: str) -> Any:
        """A value of the table; None also where there is no such row."""
        return (self.row(key) or {}).get(column)

    def address(self, name: str) -> str:
        """An e-mail address that belongs to this story and to no other."""
        return f"{name}.{self.story}@story.example"

    def lead(self, name: str) -> str:
        """Adds a row to the table and waits until the tab shows it; its key."""
        [added] = self.query("add_lead", name=name.title(), email=self.address(name))
        key = str(added["lead_id"])
        self.until_tab(lambda view: key in view.rows, f"{name} in the tab")
        return key

    def change(self, key: str) -> None:
        """Changes a row's notes in the table, measured."""
        number = self.next_change()
        self.arrivals.commit(key, number)
        self.query("set_notes", key=key, text=text_of(number))

    def type(self, key: str, header: str, text: str) -> float:
        """Types into the row of a key; the moment just before, in seconds since 1970."""
        view = self.watch.now()
        if key not in view.rows:
            raise StepFailed(f"{KEY} {key} is not in the tab")
        before = time.time()
        self.person.type(view.address(view.rows[key], header), text)
        return before

    def edit(self, key: str, column: str, text: str, wanted: Any) -> None:
        """Types into a cell and waits until the table has what was wanted; measured."""
        typed = self.type(key, column, text)
        self.until(lambda: self.value(key, column) == wanted, f"{column} {wanted!r} in the table")
        [committed] = self.query("commit_moment", key=key)
        self.edit_to_commit.append((committed["moment"] - typed) * 1_000)

    def until(self, test: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Waits for something in the table; StepFailed if it does not come."""
        deadline = time.monotonic() + seconds
        while not test():
            if time.monotonic() > deadline:
                raise StepFailed(f"waited {seconds:.0f} s in vain for {what}")
            time.sleep(_LOOK_SECONDS)

    def until_tab(self, test: Callable[[View], bool], what: str, seconds: float = 60) -> View:
        """The first view of the tab that passes a test; StepFailed if none comes."""
        found = self.watch.until(lambda view: view if test(view) else None, seconds)
        if found is None:
            raise StepFailed(f"waited {seconds:.0f} s in vain for {what}")
        return found

    def until_shown(self, seconds: float = 120) -> None:
        """Waits until the tab shows every measured change."""
        if not self.arrivals.wait(seconds):
            raise StepFailed(f"{self.arrivals.missing()} changes are not in the tab after {seconds:.0f} s")

    def until_equal(self, seconds: float, steady_seconds: float = 0) -> None:
        """Waits until tab and table are equal cell by cell, and stay so; StepFailed with the differences."""
        deadline, pause = time.monotonic() + seconds, _FIRST_COMPARISON_SECONDS
        equal_since: float | None = None
        while True:
            found = self._differences()
            now = time.monotonic()
            if found:
                equal_since = None
            elif equal_since is None:
                equal_since = now
            if equal_since is not None and now - equal_since >= steady_seconds:
                return
            if now > deadline:
                raise StepFailed(f"tab and table differ after {seconds:.0f} s", found)
            time.sleep(pause)
            pause = min(pause * 1.5, _SLOWEST_COMPARISON_SECONDS)

    def leave_differences(self) -> None:
        """Takes what differs now as it is: a step that failed is not to fail those that follow."""
        self.left_over |= frozenset(self._differences())

    def _differences(self) -> list[str]:
        try:
            tab = self._reader.read()
        except (HttpError, OSError, httpx.HTTPError, OperatorError) as problem:
            return [f"the tab can't be read: {problem}"]
        found = differences(read_table(self.database, TABLE, KEY), tab.rows, KEY, ZONE)
        return [line for line in found if line not in self.left_over]

    def _notice(self, view: View, at: float) -> None:
        self.arrivals.notice(view, at)


def connect(database_url: str) -> "psycopg.Connection[dict[str, Any]]":
    """A connection that commits each statement and gives rows by column."""
    return psycopg.Connection[dict[str, Any]].connect(database_url, autocommit=True, row_factory=dict_row)


@cache
def _statements() -> Mapping[str, sql.SQL]:
    return named(files(__package__).joinpath("queries.sql").read_text(encoding="utf-8"))
