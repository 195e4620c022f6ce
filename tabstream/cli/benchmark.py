"""`tabstream benchmark`: how fast the loop is on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tabstream.cli.demo import stack_for_a_while
from tabstream.cli.local import StateDir

if TYPE_CHECKING:
    from tabstream.operations.benchmark.figure import Figure

_SAMPLES = 200


def benchmark(
    state_dir: StateDir = None,
    samples: Annotated[int, typer.Option(min=1, help="samples of each percentile; less than 200 is but a glance")] = _SAMPLES,
    write: Annotated[Path | None, typer.Option(help="a document to write the figures into, between its markers")] = None,
) -> None:
    """Measures latencies, calls and memory on the local stack, and prints them; 200 samples take half an hour."""
    from tabstream.errors import OperatorError
    from tabstream.operations.benchmark.figure import as_table, write_into
    from tabstream.operations.benchmark.measuring import measure
    from tabstream.operations.demo.story.scene import Scene, StepFailed

    console = Console()
    if samples < _SAMPLES:
        console.print(f"[yellow]{samples} samples of each are too few for a p99: these figures are but a glance[/]")
    with stack_for_a_while(state_dir, console) as place, Scene(place) as scene, console.status("") as spinner:

        def done(figure: "Figure") -> None:
            console.print(f"{figure.what}: [bold]{figure.measured}[/]", highlight=False)

        try:
            figures = measure(scene, samples, spinner.update, done)
        except StepFailed as failure:
            raise OperatorError("\n".join([str(failure), *failure.details[:10]]), "look at: tabstream local logs") from failure
    console.print(as_table(figures))
    if write is not None:
        write_into(write, figures)
