"""`tabstream deletes`: rows that were deleted or changed all at once, and wait for a confirmation."""

from typing import Annotated

import typer

from tabstream.cli.completion import binding_names
from tabstream.cli.printing import Json, print_json, print_table, print_text


def deletes(
    binding: Annotated[
        str | None,
        typer.Argument(
            autocompletion=binding_names,
            help="the binding's name; all, if not given",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Shows the rows that wait for a confirmation, without confirming them.

    A large share of a tab that was deleted or changed at once waits: it may be a mistake. `tabstream confirm` lets the rows go
    on; to drop it, undo it in the sheet. Where more than a hundred rows wait, the first hundred are shown.

    Exit code 0, also where nothing waits. 1: there is no such binding, or Kafka or the registry gives no answer.
    """
    from dataclasses import asdict

    from tabstream.config import load_settings
    from tabstream.core.readable import shown_key
    from tabstream.operations.confirm import read_all_held, read_held

    settings = load_settings()
    one = None if binding is None else read_held(settings, binding)
    found = read_all_held(settings) if binding is None else [one] if one is not None else []
    if as_json:
        print_json([asdict(held) for held in found])
        return
    if not found:
        print_text("nothing waits" if binding is None else f"{binding}: nothing waits")
        return
    rows = [(held.binding, shown_key(key), reason) for held in found for key, reason in held.rows.items()]
    print_table(("binding", "key", "reason"), rows)
    for held in found:
        more = f", the first {len(held.rows)} of them above" if held.count > len(held.rows) else ""
        print_text(f"{held.binding}: {held.count} wait{more}; to let them go on: tabstream confirm {held.binding}")
