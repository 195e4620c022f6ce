"""`tabstream pause` and `tabstream resume`: one binding stands still, the others go on."""

from typing import TYPE_CHECKING, Annotated

import typer

from tabstream.cli.completion import binding_names
from tabstream.cli.printing import Json, print_json, print_text

if TYPE_CHECKING:
    from tabstream.kafka.messages import SignalKind
    from tabstream.operations.pausing import Change

Binding = Annotated[
    str,
    typer.Argument(
        autocompletion=binding_names, help="the binding's name, as `tabstream status` lists it", show_default=False
    ),
]
Seconds = Annotated[float, typer.Option("--wait", min=1, help="how many seconds to wait for the owner's word")]


def pause(
    binding: Binding,
    reason: Annotated[str, typer.Option(help="why, for those who look at the status")] = "",
    wait_seconds: Seconds = 60,
    as_json: Json = False,
) -> None:
    """Stops reading and writing one tab, until it is resumed.

    Nothing is lost: the table's changes wait in its topic. What people type is still saved where the Apps Script reports it,
    and found after the pause where it does not. The pause outlives restarts of the sheet sink.

    Exit code 0: the binding is paused. 1: there is no such binding, or its owner has not done it in time.
    """
    from tabstream.kafka.messages import SignalKind
    from tabstream.operations.pausing import Ending

    done = _change(binding, SignalKind.PAUSE, reason, wait_seconds)
    if as_json:
        _print_json(done)
    elif done.ending is Ending.ALREADY:
        print_text(f"{binding} is paused already: {done.status.problem}")
    else:
        print_text(f"{binding} is paused; to go on: tabstream resume {binding}")


def resume(binding: Binding, wait_seconds: Seconds = 60, as_json: Json = False) -> None:
    """Lets a paused binding go on, and waits until it runs.

    One that pauses for a problem of its own is tried again at once.

    Exit code 0: the binding runs. 1: there is no such binding, it pauses for another reason (which is told), or its owner has
    not done it in time.
    """
    from tabstream.errors import OperatorError
    from tabstream.kafka.messages import SignalKind
    from tabstream.operations.pausing import Ending

    done = _change(binding, SignalKind.RESUME, "", wait_seconds)
    if as_json:
        _print_json(done)
        raise typer.Exit(1 if done.ending is Ending.OTHER_PROBLEM else 0)
    if done.ending is Ending.OTHER_PROBLEM:
        raise OperatorError(f"{binding} is resumed, but pauses: {done.status.problem}", done.status.remedy or "")
    print_text(f"{binding} runs{' already' if done.ending is Ending.ALREADY else ''}")


def _change(binding: str, kind: "SignalKind", reason: str, seconds: float) -> "Change":
    from rich.console import Console

    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations.pausing import change

    with Console(stderr=True).status(f"{binding}: looking at its status") as spinner:
        return change(load_settings(), SystemClock(), binding, kind, reason, seconds, spinner.update)


def _print_json(done: "Change") -> None:
    status = done.status
    print_json(
        {
            "binding": status.binding,
            "ending": done.ending.value,
            "state": status.state.value,
            "problem": status.problem,
            "remedy": status.remedy,
            "owner": status.owner,
            "at_ms": status.at_ms,
        }
    )
