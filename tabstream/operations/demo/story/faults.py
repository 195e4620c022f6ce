"""What breaks: an answer that is lost, and processes that are killed while both sides change."""

import os
import signal
import time
from functools import partial
from typing import Any

from tabstream.local import stack
from tabstream.operations.demo.story.load import Load
from tabstream.operations.demo.story.scene import Scene, StepFailed
from tabstream.operations.demo.story.step import Step

_PROCESSES = ("sheet-sink", "database-sink", "producer")
_ROWS = 5
_CHANGE_EVERY_SECONDS = 0.1
_TYPE_EVERY_SECONDS = 0.7
_BEFORE_SECONDS = 2.0
_AFTER_SECONDS = 4.0
_BACK_SECONDS = 120.0


def steps() -> list[Step]:
    """A 503 after the write was applied, and kill -9 of each process under load."""
    killed = [Step(f"kill -9 of {name} under load", partial(_killed, name=name), 180, 3) for name in _PROCESSES]
    return [Step("a 503 after the write was applied", _lost_answer, seconds=120, steady_seconds=2), *killed]


def _lost_answer(scene: Scene) -> None:
    key = scene.lead("repeated")
    scene.emulator.fail_next_write(503, "after")
    scene.change(key)
    scene.until_shown()
    scene.until(lambda: scene.emulator.faults_left() == 0, "the fault to happen")
    scene.change(key)
    scene.until_shown()


def _killed(scene: Scene, name: str) -> None:
    keys = [scene.lead(f"{name}-{number}") for number in range(_ROWS)]
    typed: dict[str, str] = {}
    change_turn, type_turn = iter(range(10**9)), iter(range(10**9))

    def change() -> None:
        scene.change(keys[next(change_turn) % _ROWS])

    def write() -> None:
        turn = next(type_turn)
        key, text = keys[turn % _ROWS], f"typed {turn}"
        scene.type(key, "company", text)
        typed[key] = text

    with Load(change, _CHANGE_EVERY_SECONDS), Load(write, _TYPE_EVERY_SECONDS) as load:
        load.go_on(_BEFORE_SECONDS)
        _kill(scene, name)
        load.go_on(_AFTER_SECONDS)
    scene.until_shown(180)
    scene.until_equal(180, steady_seconds=3)
    lost = [
        f"lead_id {key}: typed {text!r}, the table has {scene.value(key, 'company')!r}"
        for key, text in typed.items()
        if scene.value(key, "company") != text
    ]
    if lost:
        raise StepFailed("edits were lost", lost)


def _kill(scene: Scene, name: str) -> None:
    """Kills a process and waits until another one is ready in its place."""
    before = _service(scene, name)["pid"]
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + _BACK_SECONDS

    def back() -> bool:
        service = _service(scene, name)
        return bool(service["condition"] == "ready" and service["pid"] != before)

    scene.until(back, f"{name} to be back", deadline - time.monotonic())


def _service(scene: Scene, name: str) -> dict[str, Any]:
    return next(service for service in stack.status(scene.place.state) if service["name"] == name)
