"""What an owner that takes a tab over believes of it: a doubt is looked into once, and no row pays for it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from consumers.sheet_sink.reporting import statuses
from sheets_emulator.person import actions, bodies, structure
from tabstream.core.binding import Direction
from tabstream.core.guard import held_digest
from tabstream.core.rebuilding import encode_keys
from tabstream.core.watermark import METADATA_KEY, Watermark, decode_watermark
from tabstream.kafka.messages import Signal, SignalKind
from tests.simulation.checks import wrong
from tests.simulation.spreadsheet import SPREADSHEET_ID, Delayed
from tests.simulation.world import World

REMARK = "E"


@pytest.fixture
def world() -> World:
    """Five rows, of which an incremental snapshot tells; beside each a person's remark."""
    made = World(0)
    with made.database.transaction():
        while len(made.database.kept.rows) < 5:
            made.database.insert({"name": "a", "amount": "1.00"})
    made.database.log.clear()
    snapshot(made, made.database.kept.rows)
    made.settle(40)
    for row in range(2, 7):
        type_text(made, f"{REMARK}{row}", f"remark {key_in(made, row)}")
    return made


def snapshot(world: World, keys: Iterable[str]) -> None:
    """An incremental snapshot tells of these rows."""
    source = {"lsn": None, "txId": None, "ts_ms": None, "snapshot": "incremental"}
    for key in keys:
        after = {**world.database.kept.rows[key], "id": int(key)}
        world.broker.change({"id": int(key)}, {"op": "r", "after": after, "source": source})


def key_in(world: World, row: int) -> str:
    shown = world.spreadsheet.sheet.cell(row - 1, 0).effective
    return f"{shown:.0f}" if isinstance(shown, float) else ""


def remarks(world: World) -> dict[str, str]:
    """By key what people have beside its row."""
    sheet = world.spreadsheet.sheet
    rows = range(2, sheet.used_rows() + 1)
    return {key: str(sheet.cell(row - 1, 4).effective) for row in rows if (key := key_in(world, row))}


def row_of(world: World, key: str) -> int:
    (row,) = [row for row in range(2, world.spreadsheet.sheet.used_rows() + 1) if key_in(world, row) == key]
    return row


def delete_row(world: World, key: str) -> None:
    row = row_of(world, key)
    world.spreadsheet.act(lambda book, tab: structure.delete_rows(book, tab, bodies.Rows(rows=[row])))


def type_text(world: World, cell: str, text: str) -> None:
    body = bodies.TypeText(cell=cell, text=text)
    world.spreadsheet.act(lambda book, tab: actions.type_text(book, tab, body))


def change(world: World, key: str, **texts: str) -> None:
    """The application changes a row."""
    with world.database.transaction():
        world.database.put(key, {**world.database.kept.rows[key], **texts})


def watermark(world: World) -> Watermark:
    (text,) = [entry.value for entry in world.spreadsheet.sheet.metadata if entry.key == METADATA_KEY]
    found = decode_watermark(text)
    assert found is not None
    return found


def writes(world: World) -> int:
    return watermark(world).sequence


def lose(world: World, key: str) -> None:
    """A row is deleted, and a topic that is made anew tells nothing of it."""
    with world.database.transaction():
        world.database.remove(key)
    world.database.log.clear()
    world.broker.make_table_anew()
    change(world, "1", name="changed")


def fail_next_write(world: World) -> None:
    """The owner's next write gets no answer, and is not applied."""
    door: Any = world.sheet_sink.owner._client
    between = door.between

    def fail(when: str) -> None:
        if when == "before write":
            door.between = between
            raise Delayed

    door.between = fail


def confirm(world: World) -> None:
    """Lets pass what is held."""
    held = held_digest(world.sheet_sink.owner.roster.tabs["leads"].book.held)
    world.broker.signal(Signal("i", SPREADSHEET_ID, SignalKind.CONFIRM, 0, "leads", argument=held))


def test_a_row_that_is_deleted_while_no_sink_runs_is_deleted_from_a_tab_that_was_only_filled(world: World) -> None:
    delete_row(world, "2")
    world.crash_owner()
    world.settle(40)
    assert "2" not in world.database.kept.rows
    assert set(remarks(world).values()) == {f"remark {key}" for key in "1345"}


def test_once_every_key_was_checked_the_watermark_says_so_and_nothing_is_written_after_it(world: World) -> None:
    assert watermark(world).table_identity == "1/1/1"
    before = writes(world)
    world.settle(40)
    world.crash_owner()
    world.settle(40)
    assert writes(world) == before


def test_a_doubt_that_needs_no_change_of_a_row_is_looked_into_once(world: World) -> None:
    world.crash_owner()
    world.sheet_sink.identity = "1/2/1"
    world.settle(40)
    assert watermark(world).table_identity == "1/2/1"
    before = writes(world)
    world.settle(40)
    assert writes(world) == before


def test_a_topic_that_was_made_anew_takes_no_row_away_that_the_table_has(world: World) -> None:
    world.broker.make_table_anew()
    change(world, "1", name="changed")
    world.settle(60)
    assert set(remarks(world).values()) == {f"remark {key}" for key in "12345"}
    world.crash_owner()
    world.settle(60)
    assert set(remarks(world).values()) == {f"remark {key}" for key in "12345"}
    snapshot(world, world.database.kept.rows)
    world.settle(60)
    assert remarks(world) == {key: f"remark {key}" for key in "12345"}
    assert not wrong(world)


def test_what_the_table_has_no_more_leaves_the_tab_though_a_new_topic_has_nothing_of_it(world: World) -> None:
    with world.database.transaction():
        world.database.remove("2")
    world.database.log.clear()
    world.broker.make_table_anew()
    change(world, "1", name="changed")
    world.settle(60)
    assert sorted(remarks(world)) == ["1", "3", "4", "5"]
    assert "2" not in world.database.kept.rows


def test_what_people_do_with_a_row_that_a_new_topic_lacks_is_saved(world: World) -> None:
    world.broker.make_table_anew()
    change(world, "1", name="changed")
    world.settle(60)
    type_text(world, f"B{row_of(world, '3')}", "typed")
    delete_row(world, "4")
    world.settle(60)
    assert world.database.kept.rows["3"]["name"] == "typed"
    snapshot(world, world.database.kept.rows)
    world.settle(90)
    assert sorted(world.database.kept.rows) == sorted(remarks(world)) == ["1", "2", "3", "5"]
    assert not wrong(world)


def test_a_rebuild_takes_no_row_away_that_only_the_topic_lacks(world: World) -> None:
    world.broker.make_table_anew()
    change(world, "1", name="changed")
    world.settle(60)
    [argument] = encode_keys(["[2]"])
    world.broker.signal(Signal("i", SPREADSHEET_ID, SignalKind.REBUILD, 0, "leads", argument=argument))
    world.settle(60)
    assert "2" in remarks(world)
    assert not world.sheet_sink.owner.roster.tabs["leads"].rebuild_left


def test_status_tells_that_the_topic_lacks_rows_until_it_has_them(world: World) -> None:
    def problem() -> str | None:
        [status] = statuses(world.sheet_sink.owner, "sink", world.clock.now_ms())
        return status.problem

    world.broker.make_table_anew()
    change(world, "1", name="changed")
    world.settle(60)
    assert problem() is None, "its events may be on their way"
    world.clock.advance(60)
    told = problem()
    assert told is not None and "lacks rows that table 'public.leads' has: 4" in told
    snapshot(world, world.database.kept.rows)
    world.settle(60)
    assert problem() is None


def test_a_row_in_doubt_whose_removal_was_not_written_is_not_saved_again(world: World) -> None:
    lose(world, "2")
    world.crash_owner()
    fail_next_write(world)
    world.settle(60)
    assert sorted(remarks(world)) == ["1", "3", "4", "5"]
    assert "2" not in world.database.kept.rows


def test_a_row_in_doubt_that_waits_for_a_confirmation_waits_for_it_under_the_next_owner_too(world: World) -> None:
    world.binding = replace(world.binding, hold_above_count=0)
    lose(world, "2")
    world.crash_owner()
    world.settle(60)
    world.crash_owner()
    world.settle(60)
    assert sorted(remarks(world)) == ["1", "2", "3", "4", "5"]
    assert "2" not in world.database.kept.rows
    confirm(world)
    fail_next_write(world)
    world.settle(60)
    assert sorted(remarks(world)) == ["1", "3", "4", "5"]
    assert "2" not in world.database.kept.rows


def test_a_row_that_a_new_topic_lacks_is_not_saved_again_where_the_database_has_deleted_it_meanwhile(world: World) -> None:
    world.broker.make_table_anew()
    change(world, "1", name="changed")
    world.settle(60)
    with world.database.transaction():
        world.database.remove("2")
    delayed, world.database.log = world.database.log, []
    world.crash_owner()
    world.settle(60)
    assert "2" not in world.database.kept.rows
    world.database.log = delayed
    world.settle(60)
    assert sorted(remarks(world)) == ["1", "3", "4", "5"]
    snapshot(world, world.database.kept.rows)
    world.settle(60)
    assert watermark(world).table_identity == "1/1/1"
    assert not wrong(world)


def test_what_lag_monitors_are_told_is_as_far_as_the_watermark(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[int, int]] = []
    monkeypatch.setattr(world.sheet_sink.owner.roster.tabs["leads"].feed, "commit", told.append)
    change(world, "1", name="changed")
    world.settle(40)
    assert told[-1] == watermark(world).table.offsets


@pytest.mark.parametrize("direction", [Direction.BOTH, Direction.DATABASE_TO_SHEET])
def test_what_the_table_has_lost_stays_away_and_is_nobodys_delete_later(world: World, direction: Direction) -> None:
    change(world, "4", name="changed last")
    world.settle(40)
    world.binding = replace(world.binding, direction=direction, hold_above_count=0)
    with world.database.transaction():
        world.database.remove("4")
    world.database.log.clear()
    world.crash_owner()
    world.sheet_sink.identity = "1/2/1"
    world.settle(40)
    assert sorted(remarks(world)) == ["1", "2", "3", "5"]
    before = world.number_of_edits()
    world.crash_owner()
    world.sheet_sink.identity = "1/2/1"
    world.settle(60)
    assert sorted(remarks(world)) == ["1", "2", "3", "5"]
    assert not world.sheet_sink.owner.roster.tabs["leads"].book.held
    assert world.number_of_edits() == before


def test_after_a_snapshot_of_a_part_of_the_table_a_row_that_is_deleted_while_no_sink_runs_stays_deleted(world: World) -> None:
    change(world, "2", name="changed")
    world.settle(40)
    source = {"lsn": world.database.lsn, "txId": None, "ts_ms": world.clock.now_ms(), "snapshot": "true"}
    after = {**world.database.kept.rows["1"], "id": 1}
    world.broker.change({"id": 1}, {"op": "r", "after": after, "source": source})
    change(world, "3", name="changed")
    world.settle(40)
    assert watermark(world).table.offsets == {0: 5}, "the other rows may be to come"
    for _ in range(2):
        world.clock.advance(300)
        world.settle(40)
    assert watermark(world).table.offsets == {0: 7}
    before = writes(world)
    world.settle(40)
    assert writes(world) == before
    delete_row(world, "3")
    world.crash_owner()
    world.settle(60)
    assert sorted(world.database.kept.rows) == sorted(remarks(world)) == ["1", "2", "4", "5"]
