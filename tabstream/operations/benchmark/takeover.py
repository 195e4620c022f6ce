"""From the death of a spreadsheet's owner to the first write by another."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tabstream.config import Settings
from tabstream.local import stack
from tabstream.local.services import Addresses
from tabstream.operations.demo.binding import NAME
from tabstream.operations.demo.story.load import Load
from tabstream.operations.demo.story.scene import Scene
from tabstream.operations.reported import read_status

_SINK = "sheet-sink"
_CHANGE_EVERY_SECONDS = 0.1
_BEFORE_SECONDS = 2.0
_SETTLE_SECONDS = 15.0
_TAKEN_OVER_SECONDS = 120.0
_UNDER_WAY_MS = 500.0  # what the owner had sent when it was killed may still be applied


def seconds_to_take_over(scene: Scene, key: str, rest: Callable[[], None]) -> float:
    """Kills the owner while a row changes; `rest` waits until the quota is there. Raises StepFailed."""
    scene.begin_step()
    settings = _settings(scene)
    with _another_sink(scene):
        time.sleep(_SETTLE_SECONDS)
        rest()
        with Load(lambda: scene.change(key), _CHANGE_EVERY_SECONDS) as load:
            load.go_on(_BEFORE_SECONDS)
            owner = read_status(settings, NAME).owner
            before, killed_ms = scene.emulator.last_call(), time.time() * 1_000
            os.kill(int(owner.rpartition("-")[2]), signal.SIGKILL)
            first: list[float] = []

            def taken_over() -> bool:
                first.extend(
                    call.at_ms
                    for call in scene.emulator.calls(before)
                    if call.method == "batchUpdate" and call.status == 200 and call.at_ms > killed_ms + _UNDER_WAY_MS
                )
                return bool(first)

            scene.until(taken_over, "another instance to write", _TAKEN_OVER_SECONDS)
        scene.until_shown()
    return (first[0] - killed_ms) / 1_000


@contextmanager
def _another_sink(scene: Scene) -> Iterator[None]:
    """A second instance beside the stack's own, which owns the spreadsheet at first; gone afterwards."""
    state = scene.place.state
    environment = {**os.environ, **Addresses(state, state.ports()).settings(), "TABSTREAM_METRICS_PORT": "0"}
    stack.control(state, "stop", _SINK)
    second = subprocess.Popen(
        [sys.executable, "-m", "tabstream.cli", "run", _SINK],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        settings, name = _settings(scene), str(second.pid)
        scene.until(lambda: read_status(settings, NAME).owner.endswith(f"-{name}"), "the second instance", _TAKEN_OVER_SECONDS)
        stack.control(state, "start", _SINK)
        yield
    finally:
        second.kill()
        second.wait()
        stack.control(state, "start", _SINK)


def _settings(scene: Scene) -> Settings:
    found: dict[str, Any] = stack.environment(scene.place.state)
    return Settings(bootstrap_servers=found["bootstrap_servers"], schema_registry_url=found["schema_registry_url"])
