"""A rebuild that an operator has asked for goes on though the tab is opened again meanwhile."""

from consumers.sheet_sink.bound_tab import OpenAgain
from tabstream.core.rebuilding import encode_keys
from tabstream.kafka.messages import Signal, SignalKind
from tests.simulation.people import _deleting
from tests.simulation.spreadsheet import SPREADSHEET_ID
from tests.simulation.world import World


def test_a_missing_row_comes_back_and_is_not_deleted_in_the_database() -> None:
    world = World(1)
    world.faulty = False
    with world.database.transaction():
        keys = [world.database.insert({"name": name, "amount": "1.00"}) for name in ("kept", "missing")]
    world._settle(60)
    before = dict(world.database.kept.rows)
    sheet = world.spreadsheet.sheet
    [at] = [row for row in range(1, sheet.used_rows()) if str(sheet.cell(row, 1).effective) == "missing"]
    world.spreadsheet.act(_deleting([at + 1]))
    roster = world.sheet_sink.owner.roster
    [argument] = encode_keys([f"[{keys[1]}]"])
    roster.take_signal(Signal("i", SPREADSHEET_ID, SignalKind.REBUILD, 0, "leads", argument=argument))
    roster.pause("leads", OpenAgain("the scratch tab is gone"))
    world._settle(60)
    assert world.database.kept.rows == before
    shown = world.spreadsheet.sheet
    assert [row for row in range(1, shown.used_rows()) if str(shown.cell(row, 1).effective) == "missing"]
    assert not roster.tabs["leads"].rebuild_left
