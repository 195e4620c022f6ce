"""What an operator is told of a spreadsheet's bindings: status, gauges, counters, readiness."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client import REGISTRY

from consumers.sheet_sink.bound_tab import Paused
from consumers.sheet_sink.counting import count_repairs, count_written
from consumers.sheet_sink.inbox import RawMessage
from consumers.sheet_sink.owner import Owner
from consumers.sheet_sink.recall import recall
from consumers.sheet_sink.reporting import not_ready, show_gauges, statuses
from consumers.sheet_sink.services import Services
from tabstream.core.guard import held_digest
from tabstream.core.tabplan import recognise
from tabstream.kafka.messages import Signal, SignalKind, State
from tests.core.tabs import BINDING, desired, gone, key
from tests.sheet_sink.desk import Desk
from tests.sheets_emulator.running import until


@pytest.fixture
def owner(leads: Desk) -> Iterator[Owner]:
    """An owner that has opened the tab; it does not run by itself."""
    made = Owner(leads.spreadsheet_id, [], leads.services, lambda _: True)
    made.recalled = True
    made.roster.tabs[leads.tab.binding.name] = leads.tab
    until(lambda: True if leads.tab.inbox.complete else None)
    yield made


def metric(name: str, desk: Desk, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"binding": desk.tab.binding.name, **labels})


def test_a_binding_that_runs_says_what_is_left_to_do(leads: Desk, owner: Owner) -> None:
    leads.change(desired(1, "a", None, 0), desired(2, "b", None, 0), desired(3, "c", None, 0))
    leads.flush()
    leads.read().tab(leads.tab)
    leads.plan(leads.read())
    book = leads.tab.book
    book.change(desired(2, "b", 1.0, 9)._replace(committed_ms=50_000))
    leads.tab.oldest_unshown_ms = 50_000
    book.held[key(1)] = "deleted in the sheet, waits for a confirmation"
    book.parked[key(3)] = "too long"
    book.incomplete, book.copies = 1, 1
    (status,) = statuses(owner, "sink-1", 60_000)
    assert (status.binding, status.spreadsheet_id, status.owner) == (leads.tab.binding.name, leads.spreadsheet_id, "sink-1")
    assert (status.state, status.rows, status.lag_messages, status.oldest_unshown_ms) == (State.RUNNING, 3, 1, 50_000)
    assert (status.held, status.parked, status.incomplete) == (1, 1, 2)
    details = json.loads(status.details)
    assert details["held_digest"] == held_digest([key(1)])
    assert details["parked_rows"] == {key(3): "too long"}


def test_a_binding_with_nothing_to_do_says_so(leads: Desk, owner: Owner) -> None:
    (status,) = statuses(owner, "sink-1", 60_000)
    assert (status.lag_messages, status.oldest_unshown_ms, status.held, status.parked, status.problem) == (0, None, 0, 0, None)
    assert json.loads(status.details)["held_digest"] is None
    assert not_ready(owner) == []


def test_a_paused_binding_says_why_and_what_to_do(services: Services) -> None:
    owner = Owner("S1", [BINDING], services, lambda _: True)
    owner.recalled = True
    (status,) = statuses(owner, "sink-1", 1)
    assert (status.state, status.problem) == (State.STARTING, None)
    owner.roster.paused["leads"] = Paused(BINDING, "tab 'Leads' was deleted", "undo the deletion", 0, 0)
    owner.roster.stopped_by_operator["leads"] = "month end"
    (status,) = statuses(owner, "sink-1", 1)
    assert (status.state, status.problem, status.remedy) == (State.PAUSED, "tab 'Leads' was deleted", "undo the deletion")
    details = json.loads(status.details)
    assert (details["paused_by_operator"], details["pause_reason"]) == (True, "month end")
    (reason,) = not_ready(owner)
    assert "'leads' is paused: tab 'Leads' was deleted" in reason


def test_a_pause_and_its_reason_are_known_to_the_next_owner(services: Services) -> None:
    owner = Owner("S1", [BINDING], services, lambda _: True)
    owner.recalled = True
    owner.roster.take_signal(Signal("i", "S1", SignalKind.PAUSE, 0, "leads", argument="month end"))
    (status,) = statuses(owner, "sink-1", 1)
    assert (status.state, status.problem) == (State.PAUSED, "paused by an operator: month end")
    assert status.remedy == "resume it: tabstream resume leads"
    topic = SimpleNamespace(statuses=lambda names: ([replace(status, spreadsheet_id=BINDING.spreadsheet_id)], {}))
    (told,) = recall([BINDING], cast(Services, topic))
    following = Owner("S1", [BINDING], services, lambda _: True)
    assert statuses(following, "sink-2", 2) == [], "what the last owner has said must not be replaced before it is known"
    following.roster.recall(told)
    following.recalled = True
    (again,) = statuses(following, "sink-2", 2)
    assert (again.state, again.problem) == (status.state, status.problem)
    following.roster.take_signal(Signal("i", "S1", SignalKind.RESUME, 0, "leads"))
    (last,) = statuses(following, "sink-2", 3)
    assert json.loads(last.details)["paused_by_operator"] is False


def test_an_owner_without_progress_is_not_ready(leads: Desk, owner: Owner) -> None:
    owner.progress.busy_since = owner.progress.last_flush_at = time.monotonic() - 59
    assert not_ready(owner) == []
    owner.progress.busy_since = owner.progress.last_flush_at = time.monotonic() - 61
    assert not_ready(owner) == [f"spreadsheet {owner.spreadsheet_id}: no flush has ended for 60 s"]
    owner.progress.last_flush_at = time.monotonic()
    assert not_ready(owner) == []
    owner.progress.problem = "kafka does not answer"
    assert not_ready(owner) == [f"spreadsheet {owner.spreadsheet_id}: kafka does not answer"]


def test_gauges_show_how_far_behind_a_tab_is(leads: Desk, owner: Owner) -> None:
    leads.tab.inbox.change(RawMessage(b"k", b"v", 0, 12), threading.Event())
    leads.tab.consumed = {0: 10}
    leads.tab.book.change(desired(1, "a", None, 7))
    leads.tab.oldest_unshown_ms = 50_000
    show_gauges(owner, 62_500)
    lag = {"consumergroup": f"tabstream.sheet-sink.{leads.tab.binding.name}", "topic": "db.public.leads", "partition": "0"}
    assert REGISTRY.get_sample_value("kafka_consumergroup_lag", lag) == 4  # offsets 7 to 9, and the one in the inbox
    assert metric("tabstream_oldest_unshown_seconds", leads) == 12.5
    leads.tab.inbox.take()
    leads.tab.book.settled(key(1), desired(1, "a", None, 7))
    show_gauges(owner, 62_500)
    assert REGISTRY.get_sample_value("kafka_consumergroup_lag", lag) == 0
    assert metric("tabstream_oldest_unshown_seconds", leads) == 0


def test_a_write_is_counted_by_rows_and_cells_and_by_how_long_its_changes_took(leads: Desk) -> None:
    leads.change(desired(1, "a", 1.0, 0), desired(2, "b", 2.0, 0))
    leads.flush()
    leads.change(desired(1, "new", 1.0, 0)._replace(committed_ms=10_000), gone(2, 0))
    leads.change(desired(3, "c", 3.0, 0)._replace(committed_ms=11_000))
    plan = leads.plan(leads.read())
    count_written(leads.tab, plan, 1, 12_000)
    assert metric("tabstream_rows_written_total", leads) == 3
    assert metric("tabstream_cells_written_total", leads) == 1 + 3
    assert metric("tabstream_commit_to_cell_seconds_count", leads) == 2
    assert metric("tabstream_commit_to_cell_seconds_sum", leads) == 3.0


def test_rows_that_were_put_right_are_counted_by_what_was_wrong(leads: Desk) -> None:
    leads.change(desired(1, "a", 1.0, 0), desired(2, "b", 2.0, 0), desired(3, "c", 3.0, 0))
    leads.flush()
    leads.plan(leads.read())
    leads.person.act("type", cell="A2", text="99")
    leads.person.act("clear", range="D3")
    leads.person.act("copy-rows", rows=[4], to=6)
    reading = leads.read()
    plan = leads.plan(reading)
    found = recognise(leads.tab.book, leads.tab.rows(reading.tab(leads.tab).cells))
    count_repairs(leads.tab, plan, found)
    assert [metric("tabstream_repairs_total", leads, kind=kind) for kind in ("key", "mark", "copy", "whole")] == [
        1,
        1,
        1,
        None,
    ]
