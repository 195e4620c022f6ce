"""What happens every day: rows are made, changed and deleted, on either side."""

from tabstream.operations.demo.story.scene import Scene
from tabstream.operations.demo.story.step import Step

_CHANGES = 10
_EDITS = 5


def steps() -> list[Step]:
    """Create, read, update and delete from either side. Every comparison of the two sides is a read."""
    return [
        Step("rows created in the table", _created_in_table),
        Step(f"{_CHANGES} updates in the table", _updated_in_table),
        Step("a row deleted in the table", _deleted_in_table),
        Step("a row typed into the tab", _created_in_tab, steady_seconds=1),
        Step(f"{_EDITS} cells typed into the tab", _updated_in_tab, steady_seconds=1),
        Step("a row deleted in the tab", _deleted_in_tab),
    ]


def _created_in_table(scene: Scene) -> None:
    for name in ("ada", "brook", "cleo"):
        scene.lead(name)


def _updated_in_table(scene: Scene) -> None:
    key = scene.lead("updated")
    for _ in range(_CHANGES):
        scene.change(key)
        scene.until_shown()


def _deleted_in_table(scene: Scene) -> None:
    key = scene.lead("leaving")
    scene.query("delete", key=key)
    scene.until_tab(lambda view: key not in view.rows, "the row to leave the tab")


def _created_in_tab(scene: Scene) -> None:
    view = scene.watch.now()
    number, email = view.blank_row, scene.address("typed")
    for header, text in (("name", "Typed By Hand"), ("email", email), ("amount", "12.5"), ("follow_up", "2026-12-24")):
        scene.person.type(view.address(number, header), text)
    scene.until(lambda: bool(scene.query("key_of", email=email)), "the row in the table")
    key = str(scene.query("key_of", email=email)[0]["lead_id"])
    scene.until_tab(lambda view: key in view.rows, "its key in the tab")


def _updated_in_tab(scene: Scene) -> None:
    key = scene.lead("edited")
    for number in range(_EDITS):
        scene.edit(key, "company", f"Company {number}", f"Company {number}")


def _deleted_in_tab(scene: Scene) -> None:
    key = scene.lead("deleted")
    scene.person.delete_rows([scene.watch.now().rows[key]])
    scene.until(lambda: scene.row(key) is None, "the row to leave the table")
