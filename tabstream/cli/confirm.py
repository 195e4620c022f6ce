"""`tabstream confirm`: lets rows go on that wait because a large share of a tab was deleted or changed at once."""

from typing import TYPE_CHECKING, Annotated

import typer

from tabstream.cli.completion import binding_names
from tabstream.cli.printing import Json, plain, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from tabstream.operations.confirm import Held

_SHOWN = 10


def confirm(
    binding: Annotated[str, typer.Argument(autocompletion=binding_names, help="the binding's name", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="don't ask")] = False,
    as_json: Json = False,
) -> None:
    """Shows the rows that wait for a confirmation, and lets them go on.

    A large share of a tab that was deleted or changed at once waits: it may be a mistake. To drop it, undo it in the sheet.

    Exit code 0: they go on, or nothing waits. 1: you said no, there is no such binding, or Kafka or the registry gives no
    answer.
    """
    from rich.console import Console

    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations import confirm as confirming

    settings = load_settings()
    held = confirming.read_held(settings, binding)
    console = Console(stderr=as_json)
    if held is not None:
        _show(held, console)
        if not yes and not typer.confirm(f"let these {held.count} rows go on?", err=as_json):
            raise typer.Exit(1)
        confirming.confirm(settings, held, SystemClock())
    if as_json:
        print_json({"binding": binding, "count": held.count if held else 0, "digest": held.digest if held else None})
    else:
        console.print(f"{binding}: nothing waits" if held is None else "confirmed")


def _show(held: "Held", console: "Console") -> None:
    from collections import Counter

    for reason, count in Counter(held.rows.values()).items():
        more = "" if held.count == len(held.rows) else f" of the first {len(held.rows)}"
        console.print(f"{count} rows{more}: {plain(reason)}", highlight=False)
    keys = list(held.rows)
    console.print(f"keys: {plain(', '.join(keys[:_SHOWN]))}{' ...' if held.count > _SHOWN else ''}", highlight=False)
