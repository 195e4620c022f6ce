"""Many rows at a time."""

from tabstream.operations.demo.story.scene import Scene, StepFailed
from tabstream.operations.demo.story.step import Step
from tabstream.operations.measuring.arrivals import text_of

_ROWS = 1_000
_PASTED = 500
_PASTED_HEADERS = ("name", "email", "company", "status", "amount", "follow_up", "active", "notes")


def steps() -> list[Step]:
    """1,000 rows and 1,000 changes in one transaction each, 500 rows pasted, and all of them deleted."""
    return [
        Step(f"{_ROWS:,} rows created in one transaction", _created, seconds=120),
        Step(f"{_ROWS:,} changes in one transaction", _changed, seconds=120),
        Step(f"{_PASTED} rows pasted into the tab", _pasted, seconds=180, steady_seconds=2),
        Step("all of these deleted in one transaction", _deleted, seconds=120),
    ]


def _created(scene: Scene) -> None:
    keys = {str(row["lead_id"]) for row in scene.query("add_many", story=scene.story, count=_ROWS)}
    scene.until_tab(lambda view: keys <= view.rows.keys(), f"{_ROWS:,} rows in the tab", 120)


def _changed(scene: Scene) -> None:
    keys = [row["lead_id"] for row in scene.query("keys_of_many", story=scene.story)]
    if len(keys) != _ROWS:
        raise StepFailed(f"the table has {len(keys)} of the {_ROWS:,} rows")
    numbers = [scene.next_change() for _ in keys]
    for key, number in zip(keys, numbers, strict=True):
        scene.arrivals.commit(str(key), number)
    scene.query("change_many", keys=keys, texts=[text_of(number) for number in numbers])
    scene.until_shown()


def _pasted(scene: Scene) -> None:
    view = scene.watch.now()
    columns = [view.headers[header] for header in _PASTED_HEADERS]
    if columns != list(range(columns[0], columns[0] + len(columns))):
        raise StepFailed("the columns of the tab don't stand in the order in which they are pasted")
    block = [_line(scene, number) for number in range(_PASTED)]
    scene.person.paste(view.address(view.blank_row, _PASTED_HEADERS[0]), block)

    def all_saved() -> bool:
        return bool(scene.query("count_pasted", story=scene.story)[0]["count"] == _PASTED)

    scene.until(all_saved, f"{_PASTED} pasted rows in the table", 180)


def _line(scene: Scene, number: int) -> list[str]:
    email = scene.address(f"pasted.{number}")
    return [f"Pasted {number}", email, "Paste & Co", "qualified", f"{number}.25", "2027-01-15", "TRUE", f"line {number}"]


def _deleted(scene: Scene) -> None:
    keys = {str(row["lead_id"]) for row in scene.query("delete_story", story=scene.story)}
    scene.until_tab(lambda view: not keys & view.rows.keys(), "the rows to leave the tab", 120)
