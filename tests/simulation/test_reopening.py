"""What an owner that takes a tab over believes of it: a doubt is looked into once, and no row pays for it."""

from collections.abc import Iterable

import pytest

from sheets_emulator.person import actions, bodies, structure
from tabstream.core.watermark import METADATA_KEY, Watermark, decode_watermark
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
        body = bodies.TypeText(cell=f"{REMARK}{row}", text=f"remark {key_in(made, row)}")
        made.spreadsheet.act(lambda book, tab, body=body: actions.type_text(book, tab, body))  # type: ignore[misc]
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


def delete_row(world: World, key: str) -> None:
    (row,) = [row for row in range(2, world.spreadsheet.sheet.used_rows() + 1) if key_in(world, row) == key]
    world.spreadsheet.act(lambda book, tab: structure.delete_rows(book, tab, bodies.Rows(rows=[row])))


def watermark(world: World) -> Watermark:
    (text,) = [entry.value for entry in world.spreadsheet.sheet.metadata if entry.key == METADATA_KEY]
    found = decode_watermark(text)
    assert found is not None
    return found


def writes(world: World) -> int:
    return watermark(world).sequence


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
