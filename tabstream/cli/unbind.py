"""`tabstream unbind` and `tabstream uninstall`: what tabstream has made goes away, what is people's stays."""

from typing import TYPE_CHECKING, Annotated

import typer

from tabstream.cli.completion import binding_names
from tabstream.cli.printing import Json, print_json, print_text

if TYPE_CHECKING:
    from tabstream.operations.binding.uninstalling import Part


def unbind(
    binding: Annotated[str, typer.Argument(autocompletion=binding_names, help="the binding's name", show_default=False)],
    keep_marks: Annotated[bool, typer.Option("--keep-marks", help="leave the column _sync, to bind the tab again")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="also where edits are not saved yet, or the tab is out of reach")
    ] = False,
    wait_seconds: Annotated[float, typer.Option("--wait", min=1, help="seconds that its owner is given to let go")] = 30,
    as_json: Json = False,
) -> None:
    """Takes a binding out of the bindings file, and tabstream's things out of its tab.

    The column `_sync`, its protection, tabstream's notes and metadata go; rows, formats, people's own columns and notes stay.
    With the last binding of a spreadsheet its hidden tab `_tabstream` goes too. The table is not touched. The tab must have no
    edits that are not saved yet.

    Exit code 0: it is unbound. 1: there is no such binding, edits are not saved yet, or something is out of reach; the same
    command goes on where it stopped. 2: wrong configuration
    """
    from rich.console import Console

    from tabstream.cli.audit import log_to_stderr
    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations.binding.doors import doors
    from tabstream.operations.binding.unbinding import Unbinder

    settings = load_settings()
    settings.require("database_url", "bindings_file")
    log_to_stderr()
    with Console(stderr=True).status(f"{binding}: looking at it") as spinner, doors(settings, SystemClock()) as opened:
        done = Unbinder(opened, spinner.update, wait_seconds).unbind(binding, keep_marks, force)
    if as_json:
        print_json(
            {
                "binding": binding,
                "taken_out_of_file": done.from_file,
                "tab_out_of_reach": done.tab_gone,
                "still_reported": done.still_held,
            }
        )
        return
    print_text(f"{binding} is unbound")
    if done.tab_gone:
        print_text("its tab was not there any more, or out of reach, and was left as it is")
    if done.still_held:
        print_text(f"its owner still reports it: tabstream status may say why; then tabstream unbind {binding} clears that")
    if done.from_file:
        print_text("its table is still streamed: tabstream connectors apply leaves out what no binding names")


def uninstall(
    yes: Annotated[bool, typer.Option("--yes", help="remove it; without, it is only shown")] = False,
    topics: Annotated[bool, typer.Option("--topics", help="also tabstream's topics and those of the bound tables")] = False,
    force: Annotated[bool, typer.Option("--force", help="also where edits in a tab are not saved yet")] = False,
    as_json: Json = False,
) -> None:
    """Shows what tabstream has made, and with --yes removes it: connector, slot, publication, schema, marks in the tabs.

    Tables, rows and people's own things stay, as do the bindings file and the registry's schemas. The sinks must have been
    stopped. What is gone already is passed over, so it can be run again.

    Exit code 0: it is removed, or shown. 1: something still runs, edits are not saved yet, or something is out of reach.
    2: wrong configuration
    """
    from rich.console import Console

    from tabstream.cli.audit import log_to_stderr
    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations.binding.doors import doors
    from tabstream.operations.binding.uninstalling import Uninstaller

    settings = load_settings()
    settings.require("database_url", "bindings_file")
    log_to_stderr()
    with doors(settings, SystemClock(), alone=True) as opened:
        with Console(stderr=True).status("looking at what is there"):
            parts = Uninstaller(opened, topics, force).parts()
        if not as_json and not yes:
            _show(parts)
        for part in parts if yes else ():
            part.remove()
            if not as_json:
                print_text(f"removed {part.what}")
    if as_json:
        print_json({"removed": yes, "parts": [part.what for part in parts]})
    elif yes and not parts:
        print_text("nothing of tabstream is left")


def _show(parts: "list[Part]") -> None:
    if not parts:
        print_text("nothing of tabstream is left")
        return
    print_text("this would be removed:")
    for part in parts:
        print_text(f"  {part.what}")
    print_text("to remove it: --yes")
