"""Rows that have moved since they were last seen, and a grid that has shrunk: what was planned is planned again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from consumers.sheet_sink.bound_tab import BoundTab, Place
from consumers.sheet_sink.owner import Owner
from consumers.sheet_sink.reading import Request, read
from consumers.sheet_sink.rendering import fence
from tabstream.core.book import Book
from tabstream.core.edits import Edit
from tabstream.core.watermark import METADATA_KEY, TopicMark, Watermark, encode_watermark
from tabstream.sheets import requests as build
from tabstream.sheets.errors import InvalidRequest
from tests.core.tabs import SHAPE, desired, key
from tests.sheet_sink.desk import HEADERS, TOPICS, ZONE, Desk
from tests.sheets_emulator.running import Person, until

OTHER = 5


@pytest.fixture
def owner(leads: Desk) -> Iterator[Owner]:
    """An owner of the tab with three rows."""
    made = Owner(leads.spreadsheet_id, [], leads.services, lambda _: True)
    made.roster.tabs[leads.tab.binding.name] = leads.tab
    leads.tab.sweep_at_ms = leads.services.clock.now_ms() + 3_600_000
    until(lambda: leads.tab.inbox.complete or None)
    show(made, leads.tab)
    yield made
    made._client.close()


@pytest.fixture
def other(leads: Desk, owner: Owner) -> BoundTab:
    """Another tab of the same owner, with three rows too."""
    binding = replace(leads.tab.binding, name="other", tab="Other")
    nothing, no_results = TopicMark(TOPICS.table_id, {}), TopicMark(TOPICS.results_id, {0: -1})
    leads.send(
        {"addSheet": {"properties": {"title": "Other", "sheetId": OTHER}}},
        build.update_cells(OTHER, 0, 0, [[build.cell(header) for header in HEADERS]]),
        build.create_metadata(
            OTHER, METADATA_KEY, encode_watermark(Watermark("other", OTHER, 0, 0, ZONE, nothing, no_results)), OTHER
        ),
    )
    place = Place(OTHER, "Other", leads.tab.place.layout, OTHER, 0)
    made = replace(leads.tab, binding=binding, place=place, book=Book(binding, SHAPE), restore=[], strikes={})
    owner.roster.tabs["other"] = made
    show(owner, made)
    return made


def show(owner: Owner, tab: BoundTab) -> None:
    """Three rows are shown."""
    for number in range(1, 4):
        tab.book.change(desired(number, "a", None, number))
    tab.look_whole(0)
    while owner.turn():
        pass


def move(leads: Desk) -> None:
    """The database changes row 2, which a person has moved down."""
    leads.person.act("insert-rows", before=2)
    leads.tab.book.change(desired(2, "new", None, 4))


def between_the_reads(monkeypatch: pytest.MonkeyPatch, owner: Owner, act: Callable[[], Any]) -> None:
    """Has somebody act before the second read of the next flush."""
    send, reads = owner._client.get_by_filter, iter(range(10**9))

    def get_by_filter(*arguments: Any, **named: Any) -> Any:
        if next(reads) == 1:
            act()
        return send(*arguments, **named)

    monkeypatch.setattr(owner._client, "get_by_filter", get_by_filter)


def test_rows_that_have_moved_are_written_where_they_are(leads: Desk, owner: Owner) -> None:
    move(leads)
    assert owner.turn()
    assert [row[:2] for row in leads.grid()] == [["", ""], ["1", "a"], ["2", "new"], ["3", "a"]]


def test_the_other_tabs_are_planned_on_the_second_read_too(
    leads: Desk, owner: Owner, other: BoundTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(leads)
    other.book.change(desired(1, "new", None, 4))
    person = Person(leads.server.http, leads.spreadsheet_id, "Other")
    between_the_reads(monkeypatch, owner, lambda: person.act("sort", column="A", descending=True))
    assert owner.turn()
    assert {row[0]: row[1] for row in person.rows()} == {"id": "name", "3": "a", "2": "a", "1": "a"}
    while owner.turn():
        pass
    assert {row[0]: row[1] for row in person.rows()} == {"id": "name", "3": "a", "2": "a", "1": "new"}


def test_a_write_of_another_instance_between_the_reads_makes_the_plan_void(
    leads: Desk, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> None:
        fence_id = read(leads.client, leads.spreadsheet_id, [Request(leads.tab, None)], 1, leads.services).fence_id
        assert fence_id is not None
        leads.send(*fence(fence_id, "another instance"))

    move(leads)
    between_the_reads(monkeypatch, owner, write)
    assert owner.turn()
    assert [row[1] for row in leads.grid()] == ["", "a", "a", "a"]


def test_a_grid_that_shrinks_between_read_and_write_pauses_nothing(
    leads: Desk, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads.send(build.resize_grid(0, 4, len(HEADERS)))
    leads.person.act("insert-rows", before=2)
    leads.tab.look_whole(0)
    owner.turn()
    leads.tab.book.change(desired(3, "new", None, 4))
    send, writes = owner._client.batch_update, iter(range(10**9))

    def batch_update(*arguments: Any) -> Any:
        if next(writes) == 0:
            leads.person.act("delete-rows", rows=[2])
        return send(*arguments)

    monkeypatch.setattr(owner._client, "batch_update", batch_update)
    assert owner.turn()
    assert owner.roster.paused == {}
    assert owner.turn()
    assert [row[1] for row in leads.grid()] == ["a", "a", "new"]


def test_a_write_that_is_refused_twice_for_no_row_pauses(leads: Desk, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise InvalidRequest(2, "no grid")

    monkeypatch.setattr(owner._client, "batch_update", refuse)
    leads.tab.book.change(desired(3, "new", None, 4))
    assert owner.turn()
    assert owner.roster.paused == {}
    assert owner.turn()
    assert [paused.problem for paused in owner.roster.paused.values()] == ["google refused a write: no grid"]


def test_what_a_write_has_overwritten_is_looked_at_soon_though_nothing_else_happens(
    leads: Desk, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, told = owner._client.batch_update, list[Edit]()

    def batch_update(*arguments: Any, **named: Any) -> Any:
        leads.person.act("type", cell="B3", text="typed")
        return send(*arguments, **named)

    leads.tab.book.change(desired(2, "new", None, 4))
    with monkeypatch.context() as patch:
        patch.setattr(owner._client, "batch_update", batch_update)
        assert owner.turn()
    monkeypatch.setattr(owner, "_publish", told.extend)
    now = leads.services.clock.now_ms()
    assert not leads.tab.is_due(now)
    assert now < min(at for at in leads.tab.wakes_at_ms() if at > now) <= now + 5_000
    leads.tab.check_write_at_ms = now
    owner.turn()
    assert [(edit.row_key, cell.value) for edit in told for cell in edit.cells] == [(key(2), "typed")]
    assert not leads.tab.is_due(now + 5_000)
