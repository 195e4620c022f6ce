"""A step of the story, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass

from tabstream.operations.demo.story.scene import Scene
from tabstream.operations.measuring.percentiles import Spread


@dataclass(frozen=True, slots=True)
class Step:
    """`play` does something and waits for its effects; then both sides have to be equal within `seconds`, and stay equal
    for `steady_seconds` where something late could undo it."""

    name: str
    play: Callable[[Scene], None]
    seconds: float = 60
    steady_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """`problem` is None where the step went well; `calls` are those of the Sheets API, the comparing ones left out."""

    name: str
    seconds: float
    commit_to_cell: Spread | None
    edit_to_commit: Spread | None
    calls: int
    problem: str | None = None
    details: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True where everything was as it should be."""
        return self.problem is None
