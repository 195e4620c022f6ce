"""`tabstream confirm`: lets rows go on that were deleted or changed all at once."""

from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from tabstream.cli.completion import binding_names

_SHOWN = 10


def confirm(
    binding: Annotated[str, typer.Argument(autocompletion=binding_names, help="the binding's name", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="don't ask")] = False,
) -> None:
    """Shows the rows that wait for a confirmation, and lets them go on.

    A large share of a tab that was deleted or changed at once waits: it may be a mistake. To drop it, undo it in the sheet.
    """
    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations import confirm as confirming

    settings = load_settings()
    held = confirming.read_held(settings, binding)
    console = Console()
    if held is None:
        console.print(f"{binding}: nothing waits")
        return
    for reason, count in Counter(held.rows.values()).items():
        more = "" if held.count == len(held.rows) else f" of the first {len(held.rows)}"
        console.print(f"{count} rows{more}: {escape(reason)}", highlight=False)
    keys = list(held.rows)
    console.print(f"keys: {escape(', '.join(keys[:_SHOWN]))}{' ...' if held.count > _SHOWN else ''}", highlight=False)
    if not yes and not typer.confirm(f"let these {held.count} rows go on?"):
        raise typer.Exit(1)
    confirming.confirm(settings, held, SystemClock())
    console.print("confirmed")
