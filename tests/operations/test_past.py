"""A tab of a past moment that Google does not take, or that is broken off before it is proved."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tabstream.clock import ManualClock
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.core.places import Moment, Place
from tabstream.errors import OperatorError
from tabstream.operations import past
from tabstream.operations.past import Historian, Moments
from tabstream.operations.rebuild import Watcher
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.errors import InvalidRequest
from tests.core.tabs import BINDING, SHAPE


class Told(Historian):
    """It knows what the topic says."""

    def tell(self, binding: Binding, place: Place) -> Moments:
        return Moments((), SHAPE, "db.public.leads", {0: 1}, 0, 1)


class Writing:
    """Takes every call."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def batch_update(self, spreadsheet_id: str, requests: Any) -> None:
        self.sent += requests


class Refusing:
    """Google takes no new tab."""

    def batch_update(self, spreadsheet_id: str, requests: Any) -> None:
        raise InvalidRequest(0, "Invalid requests[0].addSheet: Sheet names cannot be longer than 100 characters.")


def test_a_title_that_google_refuses_is_told_with_a_remedy_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "read_structure", lambda client, spreadsheet_id: SimpleNamespace(tab=lambda title: None))
    watcher = Watcher(lambda text: None, lambda done, total: None)
    historian = Told(Settings(), cast(SheetsClient, Refusing()), ManualClock(), watcher)
    with pytest.raises(OperatorError, match="cannot be longer than 100") as refused:
        historian.write(BINDING, Moment(0), "x" * 101)
    assert "--into" in (refused.value.remedy or "")


def test_a_tab_that_is_broken_off_before_its_proof_is_not_told_to_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_pages(client: object, spreadsheet_id: str, tab: object) -> Any:
        raise KeyboardInterrupt

    titles: list[str] = []

    def tab(title: str) -> SimpleNamespace | None:
        titles.append(title)
        return None if len(titles) == 1 else SimpleNamespace()

    monkeypatch.setattr(past, "read_structure", lambda client, spreadsheet_id: SimpleNamespace(tab=tab))
    monkeypatch.setattr(past, "read_pages", read_pages)
    client = Writing()
    watcher = Watcher(lambda text: None, lambda done, total: None)
    historian = Told(Settings(), cast(SheetsClient, client), ManualClock(), watcher)
    with pytest.raises(KeyboardInterrupt):
        historian.write(BINDING, Moment(0), "Past")
    assert not [request for request in client.sent if '"complete": true' in str(request)]
    monkeypatch.setattr(past, "read_pages", lambda client, spreadsheet_id, tab: iter(()))
    titles.clear()
    assert historian.write(BINDING, Moment(0), "Past").equal
    assert '"complete": true' in str(client.sent[-1])
