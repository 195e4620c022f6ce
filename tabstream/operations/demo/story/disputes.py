"""Both sides change the same cell, or one side changes its mind."""

import threading
from decimal import Decimal

from tabstream.operations.demo.story.scene import Scene, StepFailed
from tabstream.operations.demo.story.step import Step


def steps() -> list[Step]:
    """The same cell on both sides at once, and A-B-A within a second on either side."""
    return [
        Step("the same cell on both sides at once", _at_once, steady_seconds=5),
        Step("A-B-A within a second, in the tab", _there_and_back_in_tab, steady_seconds=5),
        Step("A-B-A within a second, in the table", _there_and_back_in_table, steady_seconds=2),
    ]


def _at_once(scene: Scene) -> None:
    key = scene.lead("disputed")
    view = scene.watch.now()
    address = view.address(view.rows[key], "company")
    typing = threading.Thread(target=scene.person.type, args=(address, "the person's"))
    typing.start()
    scene.query("set_company", key=key, text="the database's")
    typing.join()
    scene.until_equal(60, steady_seconds=5)
    kept = scene.value(key, "company")
    if kept not in ("the person's", "the database's"):
        raise StepFailed(f"neither side's value was kept, but {kept!r}")
    view = scene.watch.now()
    note = view.note_at(view.rows[key], "company")
    if kept == "the database's" and "the person's" not in note:
        raise StepFailed("the person's value was dropped without a note", [f"the cell's note: {note!r}"])


def _there_and_back_in_tab(scene: Scene) -> None:
    key = scene.lead("wavering")
    scene.type(key, "company", "Bcme")
    scene.type(key, "company", "Acme")
    scene.until_equal(60, steady_seconds=5)
    kept = scene.value(key, "company")
    if kept != "Acme":
        raise StepFailed(f"the last that was typed is 'Acme', the table has {kept!r}")


def _there_and_back_in_table(scene: Scene) -> None:
    key = scene.lead("restless")
    for amount in (Decimal("200.00"), Decimal("100.00")):
        scene.query("set_amount", key=key, amount=amount)
    scene.until_equal(60, steady_seconds=2)
    if scene.value(key, "amount") != Decimal("100.00"):
        raise StepFailed(f"the table's own last value was lost: {scene.value(key, 'amount')}")
