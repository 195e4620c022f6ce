"""`tabstream demo`: the whole loop on this machine, on a live page or as a checked story."""

import os
import signal
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tabstream.cli.local import StateDir
from tabstream.cli.progress import telling

if TYPE_CHECKING:
    from tabstream.local.state import State
    from tabstream.operations.demo.installing import Place
    from tabstream.operations.demo.story.step import Outcome

_USUAL_PORT = 8000


def demo(
    state_dir: StateDir = None,
    check: Annotated[bool, typer.Option("--check", help="play a fixed story without a page, compare after each step")] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65_535, help=f"port of the page; {_USUAL_PORT}, or a free one, if not given", show_default=False
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="open the page in a browser, where there is one")] = True,
) -> None:
    """Starts everything, with a table and a spreadsheet that follow each other; Ctrl-C stops it all."""
    console = Console()
    with stack_for_a_while(state_dir, console) as place:
        if check:
            _check(place, console)
        else:
            _serve(place, console, port, browser)


def _serve(place: "Place", console: Console, port: int | None, browser: bool) -> None:
    import uvicorn

    from tabstream.local.state import free_port, is_free
    from tabstream.operations.demo.google import TAB
    from tabstream.operations.demo.person import Person
    from tabstream.operations.demo.serving import application

    picked = port or (_USUAL_PORT if is_free(_USUAL_PORT) else free_port())
    person = Person(place.person_url, place.spreadsheet_id, TAB)
    config = uvicorn.Config(
        application(person, place.database_url),
        host="127.0.0.1",
        port=picked,
        log_level="critical",
        timeout_graceful_shutdown=1,
    )
    address = f"http://127.0.0.1:{picked}/"
    console.print(f"\nThe page: [bold]{address}[/bold]")
    console.print("Tab and table stand side by side; type into either. Ctrl-C ends the demo.")
    if browser and (sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        webbrowser.open(address)
    try:
        uvicorn.Server(config).run()
    finally:
        person.close()


def _check(place: "Place", console: Console) -> None:
    from tabstream.operations.demo.story import playing
    from tabstream.operations.demo.story.report import problem, report
    from tabstream.operations.demo.story.scene import Scene

    steps = playing.story()
    with Scene(place) as scene, console.status("the story begins") as spinner:

        def ended(outcome: "Outcome") -> None:
            mark = "[green]ok[/]    " if outcome.ok else "[bold red]failed[/]"
            console.print(f"{mark}  {outcome.seconds:6.1f} s  {outcome.name}", highlight=False)
            if not outcome.ok:
                console.print(problem(outcome))

        outcomes = playing.play(steps, scene, lambda step: spinner.update(step.name), ended)
    console.print(report(outcomes, len(steps)))
    if len(outcomes) < len(steps) or not all(outcome.ok for outcome in outcomes):
        raise typer.Exit(1)


@contextmanager
def stack_for_a_while(state_dir: Path | None, console: Console) -> "Iterator[Place]":
    """The demo brought up; at the end the stack is stopped, unless it ran before."""
    from tabstream.local import stack
    from tabstream.local.state import DEFAULT_NAME, State

    state = State((state_dir or Path(DEFAULT_NAME)).resolve())
    ran_before = stack.is_up(state)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        yield _bring_up(state, console)
    except KeyboardInterrupt:
        console.print()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave half of it behind
        if ran_before:
            console.print("the stack ran before and goes on: [bold]tabstream local down[/bold] stops it")
        else:
            with console.status("stopping"):
                stack.down(state)
            console.print("stopped; the next [bold]tabstream demo[/bold] finds its data again")


def _bring_up(state: "State", console: Console) -> "Place":
    from tabstream.operations.demo.filling import wait_for_first_fill
    from tabstream.operations.demo.installing import install

    with telling(console, "starting") as say:
        place = install(state, say)
        say("the tab is being filled")
        rows = wait_for_first_fill(place)
        say(f"tab and table show the same {rows} rows")
    return place


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
