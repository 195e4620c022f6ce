"""`tabstream conflicts`: cells that both sides had changed, and whose value was kept."""

from typing import Annotated

import typer

from tabstream.cli.completion import binding_names
from tabstream.cli.printing import Json, print_json, print_table, print_text


def conflicts(
    binding: Annotated[
        str | None,
        typer.Argument(
            autocompletion=binding_names,
            help="the binding's name; all, if not given",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="2026-11-24T18:05, 18:05 (today) or 2h (ago)", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="how many of the newest")] = 20,
    as_json: Json = False,
) -> None:
    """Shows the conflicts on record, newest first: both values, which was kept, and by which rule.

    A value that lost is not gone: it stands here. What waits for a person (rule `hold`) has the winner `held`.

    Exit code 0, also where there are none. 1: there is no such binding, the time is none or in the future, or the database
    can't be asked.
    """
    from dataclasses import asdict

    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.core.moments import moment_ms, shown_moment
    from tabstream.core.readable import shown_key, value_text
    from tabstream.operations.conflicts import find_conflicts

    since_ms = None if since is None else moment_ms(since, SystemClock().now_ms())
    found = find_conflicts(load_settings(), binding, since_ms, limit)
    if as_json:
        print_json({"count": found.count, "conflicts": [asdict(conflict) for conflict in found.shown]})
        return
    if not found.count:
        print_text("no conflict is on record")
        return
    columns = ("decided", "binding", "key", "column", "in the sheet", "in the database", "winner", "rule")
    print_table(
        columns,
        [
            (
                shown_moment(c.decided_ms),
                c.binding,
                shown_key(c.row_key),
                c.column,
                value_text(c.sheet_value),
                value_text(c.database_value),
                c.winner,
                c.rule,
            )
            for c in found.shown
        ],
    )
    if found.count > len(found.shown):
        print_text(f"the newest {len(found.shown)} of {found.count}; more with --limit")
