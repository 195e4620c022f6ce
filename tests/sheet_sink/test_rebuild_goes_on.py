"""What a rebuild puts right: it goes on though the tab is opened again meanwhile, and cures cells that people had edited."""

from consumers.sheet_sink.bound_tab import OpenAgain
from sheets_emulator.person import actions, bodies
from tabstream.core.cells import digest
from tabstream.core.marks import Mark, MarkedCell, decode_mark, encode_mark
from tabstream.core.rebuilding import encode_keys
from tabstream.kafka.messages import Signal, SignalKind
from tests.simulation.people import _deleting
from tests.simulation.spreadsheet import SPREADSHEET_ID
from tests.simulation.world import World

NAME, SYNC = 1, 3


def opened(*names: str) -> tuple[World, list[str]]:
    """A tab that shows rows of these names; their keys."""
    world = World(1)
    world.faulty = False
    with world.database.transaction():
        keys = [world.database.insert({"name": name, "amount": "1.00"}) for name in names]
    world.settle(60)
    return world, keys


def rebuild(world: World, key: str) -> None:
    """What `tabstream rebuild` sends where a row differs."""
    [argument] = encode_keys([f"[{key}]"])
    world.sheet_sink.owner.roster.take_signal(Signal("i", SPREADSHEET_ID, SignalKind.REBUILD, 0, "leads", argument=argument))


def row_of(world: World, key: str) -> int:
    sheet = world.spreadsheet.sheet
    [at] = [row for row in range(1, sheet.used_rows()) if sheet.cell(row, 0).effective == float(key)]
    return at


def seen(world: World, key: str, column: int = NAME) -> str:
    return str(world.spreadsheet.sheet.cell(row_of(world, key), column).effective)


def paste(world: World, key: str, name: str, sync: str) -> None:
    """Name, amount and mark of a row are pasted; no trigger tells."""
    body = bodies.Paste(cell=f"B{row_of(world, key) + 1}", values=[[name, "1", sync]])
    world.spreadsheet.act(lambda book, tab: actions.paste(book, tab, body))


def edit(world: World, key: str, name: str) -> None:
    body = bodies.TypeText(cell=f"B{row_of(world, key) + 1}", text=name)
    world.spreadsheet.act(lambda book, tab: actions.type_text(book, tab, body))
    world.settle(60)
    assert (seen(world, key), world.database.kept.rows[key]["name"]) == (name, name)


def test_a_missing_row_comes_back_and_is_not_deleted_in_the_database() -> None:
    world, [_, missing] = opened("kept", "missing")
    before = dict(world.database.kept.rows)
    world.spreadsheet.act(_deleting([row_of(world, missing) + 1]))
    rebuild(world, missing)
    roster = world.sheet_sink.owner.roster
    roster.pause("leads", OpenAgain("the scratch tab is gone"))
    world.settle(60)
    assert world.database.kept.rows == before
    assert seen(world, missing) == "missing"
    assert not roster.tabs["leads"].rebuild_left


def test_an_edited_cell_that_was_damaged_with_its_mark_is_as_the_topic_has_it() -> None:
    world, [key] = opened("first")
    edit(world, key, "edited")
    mark = decode_mark(seen(world, key, SYNC))
    assert isinstance(mark, Mark)
    number = mark.cells["name"].number
    assert number > 0
    forged = mark._replace(cells={**mark.cells, "name": MarkedCell(digest("nobody wrote this"), number)})
    paste(world, key, "nobody wrote this", encode_mark(forged))
    before = dict(world.database.kept.rows)
    rebuild(world, key)
    world.settle(60)
    assert seen(world, key) == "edited"
    assert world.database.kept.rows == before


def test_an_old_row_that_is_pasted_back_with_its_mark_is_as_the_topic_has_it() -> None:
    world, [key] = opened("first")
    edit(world, key, "second")
    old = seen(world, key, SYNC)
    edit(world, key, "third")
    before = dict(world.database.kept.rows)
    paste(world, key, "second", old)
    world.settle(60)
    assert seen(world, key) == "third"
    assert world.database.kept.rows == before
