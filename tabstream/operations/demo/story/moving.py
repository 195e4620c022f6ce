"""Rows that go, come back and change places, while the table changes."""

from collections.abc import Callable
from typing import TypeAlias

from tabstream.operations.demo.live import letter
from tabstream.operations.demo.story.load import Load
from tabstream.operations.demo.story.scene import Scene, StepFailed
from tabstream.operations.demo.story.step import Step
from tabstream.operations.demo.view import View

_EVERY_SECONDS = 0.2
_SECONDS = 3.0
_MARKS = "_sync"

Sort: TypeAlias = Callable[[View], None]


def steps() -> list[Step]:
    """An undo of a deleted row, a sort of the whole tab, and one of a selected range without the marks."""
    return [
        Step("a deleted row, undone", _undone, seconds=90, steady_seconds=3),
        Step("the whole tab sorted under load", _sorted, seconds=90, steady_seconds=3),
        Step("a range without _sync sorted under load", _range_sorted, seconds=90, steady_seconds=3),
    ]


def _undone(scene: Scene) -> None:
    key = scene.lead("regretted")
    before = dict(scene.row(key) or {})
    scene.person.delete_rows([scene.watch.now().rows[key]])
    scene.until(lambda: scene.row(key) is None, "the row to leave the table")
    scene.person.undo()
    scene.until(lambda: scene.row(key) is not None, "the row to be back in the table")
    after = dict(scene.row(key) or {})
    changed = [f"{name}: {before[name]!r} became {after[name]!r}" for name in before if before[name] != after[name]]
    if [line for line in changed if not line.startswith("updated_at")]:
        raise StepFailed("the row did not come back as it was", changed)


def _sorted(scene: Scene) -> None:
    def sort(view: View) -> None:
        scene.person.sort(letter(view.headers["company"]))

    _rearranged(scene, sort)


def _range_sorted(scene: Scene) -> None:
    def sort(view: View) -> None:
        columns = sorted(column for header, column in view.headers.items() if header != _MARKS)
        area = f"{letter(columns[0])}2:{letter(columns[-1])}{view.blank_row - 1}"
        if columns[0] < view.headers.get(_MARKS, -1) < columns[-1]:
            raise StepFailed("the marks stand between the bound columns: no range leaves them out")
        scene.person.sort_range(area, letter(view.headers["email"]), descending=True)

    _rearranged(scene, sort)


def _rearranged(scene: Scene, sort: Sort) -> None:
    keys = list(scene.watch.now().rows)
    turn = iter(range(10**9))
    with Load(lambda: scene.change(keys[next(turn) * 7 % len(keys)]), _EVERY_SECONDS) as load:
        load.go_on(_SECONDS / 3)
        sort(scene.watch.now())
        chosen = list(scene.watch.now().rows)
        load.go_on(_SECONDS)
    scene.until_shown()
    scene.until_equal(90, steady_seconds=3)
    kept = list(scene.watch.now().rows)
    if kept != chosen:
        moved = [f"row {n}: {a} became {b}" for n, (a, b) in enumerate(zip(chosen, kept, strict=False), start=2) if a != b]
        raise StepFailed("the order that the person chose was not kept", moved)
