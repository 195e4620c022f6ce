"""What an owner has seen is told, whatever was out of reach meanwhile."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from consumers.sheet_sink.owner import Owner
from consumers.sheet_sink.scratch import SCRATCH_SHEET_ID
from tabstream.core.edits import Edit, EditKind
from tabstream.kafka.publisher import BrokerUnavailable, Publisher
from tests.core.tabs import desired, key
from tests.sheet_sink.desk import Desk
from tests.sheets_emulator.running import until


@dataclass
class Broken:
    """Refuses the first edit with an error, and remembers the others."""

    problem: Exception
    refused: list[Edit] = field(default_factory=list)
    told: list[Edit] = field(default_factory=list)

    def edit(self, edit: Edit) -> "Future[None]":
        future: Future[None] = Future()
        if self.refused:
            self.told.append(edit)
            future.set_result(None)
        else:
            self.refused.append(edit)
            future.set_exception(self.problem)
        return future


@contextmanager
def running(desk: Desk, publisher: Broken) -> Iterator[Owner]:
    """An owner at work."""
    owner = Owner(desk.spreadsheet_id, [], replace(desk.services, publisher=cast(Publisher, publisher)), lambda _: True)
    desk.tab.sweep_at_ms = desk.services.clock.now_ms() + 3_600_000
    owner.roster.tabs[desk.tab.binding.name] = desk.tab
    thread = threading.Thread(target=owner.run)
    thread.start()
    try:
        yield owner
        assert thread.is_alive()
    finally:
        owner.stop.set()
        owner.wake.set()
        thread.join()


def deletion_told(leads: Desk, problem: Exception) -> Any:
    """A row is deleted in the sheet and the edit that tells so meets a problem; what is told in the end."""
    leads.change(*(desired(number, "a", None, 0) for number in range(1, 5)))
    leads.flush()
    publisher = Broken(problem)
    with running(leads, publisher):
        until(lambda: leads.tab.look_whole_at_ms is None or None)
        leads.tab.book.changes[key(2)] = desired(2, "a", None, leads.tab.book.entries[key(2)].offset)
        leads.person.act("delete-rows", rows=[3])
        leads.tab.look_whole(0)
        return until(lambda: [(edit.kind, edit.row_key) for edit in publisher.told] or None)


def test_a_deletion_that_kafka_did_not_take_is_told_again(leads: Desk) -> None:
    assert deletion_told(leads, BrokerUnavailable("away")) == [(EditKind.DELETE, key(2))]


def test_an_acknowledgement_that_does_not_come_does_not_end_the_owner(leads: Desk) -> None:
    assert deletion_told(leads, TimeoutError()) == [(EditKind.DELETE, key(2))]


@pytest.mark.parametrize("sheet_id", [SCRATCH_SHEET_ID, 0], ids=["the hidden tab", "the bound tab"])
def test_a_tab_that_is_deleted_ends_no_owner(leads: Desk, sheet_id: int) -> None:
    """Its binding is opened again, which finds out what is missing."""
    leads.send({"addSheet": {"properties": {"title": "Other"}}}, {"deleteSheet": {"sheetId": sheet_id}})
    leads.tab.look_whole(0)
    with running(leads, Broken(ValueError())) as owner:
        until(lambda: True if not owner.roster.tabs else None)
