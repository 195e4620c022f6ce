"""Input that is incomplete, wrong, or not as the database writes it."""

from decimal import Decimal

from tabstream.operations.demo.story.scene import Scene, StepFailed
from tabstream.operations.demo.story.step import Step


def steps() -> list[Step]:
    """A row without its name, a broken constraint, and values that the database normalises."""
    return [
        Step("a row incomplete, then completed", _incomplete, steady_seconds=1),
        Step("a value that breaks a constraint", _constraint, steady_seconds=2),
        Step("a value that is no number", _no_number, steady_seconds=2),
        Step("values the database normalises", _normalised, steady_seconds=2),
    ]


def _incomplete(scene: Scene) -> None:
    view = scene.watch.now()
    number, email = view.blank_row, scene.address("nameless")
    scene.person.type(view.address(number, "email"), email)
    view = scene.until_tab(lambda view: "needed" in view.row_notes(number), "a note that says what is needed")
    if scene.query("key_of", email=email):
        raise StepFailed("the row was saved without the name that it needs")
    scene.person.type(view.address(number, "name"), "Named At Last")
    scene.until(lambda: bool(scene.query("key_of", email=email)), "the completed row in the table")
    scene.until_tab(lambda view: "needed" not in view.row_notes(number), "the note to go")


def _constraint(scene: Scene) -> None:
    _rejected(scene, scene.lead("debtor"), "-5")


def _no_number(scene: Scene) -> None:
    _rejected(scene, scene.lead("wordy"), "a lot")


def _rejected(scene: Scene, key: str, text: str) -> None:
    scene.type(key, "amount", text)
    scene.until_tab(
        lambda view: key in view.rows and "not saved" in view.note_at(view.rows[key], "amount"), "a note that says why"
    )
    if scene.value(key, "amount") != Decimal(100):
        raise StepFailed(f"the table took {scene.value(key, 'amount')}")


def _normalised(scene: Scene) -> None:
    key = scene.lead("exact")
    scene.query("set_inactive", key=key)
    scene.until_tab(lambda view: view.text(key, "active") == "FALSE", "FALSE in the tab")
    scene.edit(key, "active", "yes", True)
    scene.until_tab(lambda view: view.text(key, "active") == "TRUE", "TRUE in the tab")
    scene.edit(key, "amount", "1.005", Decimal("1.01"))
    scene.until_tab(lambda view: view.text(key, "amount") == "1.01", "1.01 in the tab")
