"""Changes that wait while the sheet sink is away: how many write calls they take."""

from collections.abc import Sequence
from dataclasses import dataclass

from tabstream.local import stack
from tabstream.operations.benchmark.calls import calls_since
from tabstream.operations.demo.emulator import Call
from tabstream.operations.demo.story.scene import Scene
from tabstream.operations.measuring.arrivals import text_of

_SINK = "sheet-sink"
_IN_KAFKA_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """The calls from the sink's start until all changes were shown."""

    changes: int
    calls: Sequence[Call]

    @property
    def writes(self) -> int:
        """Write calls that were applied."""
        return sum(call.kind == "write" and call.status == 200 for call in self.calls)


def waiting_changes(scene: Scene, keys: Sequence[str]) -> Backlog:
    """Stops the sheet sink, changes every row once, and starts it when all changes are in Kafka."""
    scene.begin_step()
    state = scene.place.state
    stack.control(state, "stop", _SINK)
    before = scene.emulator.last_call()
    try:
        numbers = [scene.next_change() for _ in keys]
        for key, number in zip(keys, numbers, strict=True):
            scene.arrivals.commit(key, number)
        scene.query("change_many", keys=[int(key) for key in keys], texts=[text_of(number) for number in numbers])
        end = str(scene.query("wal_end")[0]["lsn"])
        scene.until(lambda: bool(scene.query("is_streamed", lsn=end)[0]["streamed"]), "Debezium", _IN_KAFKA_SECONDS)
    finally:
        stack.control(state, "start", _SINK)
    scene.until_shown()
    return Backlog(len(keys), calls_since(scene.emulator, before))
