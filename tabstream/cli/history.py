"""`tabstream history BINDING KEY`: who changed this row, or this cell."""

from typing import TYPE_CHECKING, Annotated

import typer

from tabstream.cli.completion import binding_names
from tabstream.cli.printing import Json, print_json, print_table, print_text

if TYPE_CHECKING:
    from tabstream.core.history import Entry
    from tabstream.operations.history import History, Reach


def history(
    binding: Annotated[str, typer.Argument(autocompletion=binding_names, help="the binding's name", show_default=False)],
    key: Annotated[
        str, typer.Argument(help='the row\'s key as the tab shows it: 17, or 17,DE, or [17, "DE"]', show_default=False)
    ],
    column: Annotated[str | None, typer.Option(help="only this column of the table", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Shows who changed a row, or a cell, and when: in the database, in the sheet, and what became of each edit.

    `database` is a change of the table; one that was written for an edit names the edit's number. `sheet` is what was seen
    in the tab, and how: the same edit may be seen more than once. `outcome` is what was decided on it.

    What is known comes from the topics, and reaches back as far as they do; the end of the answer says how far.

    Exit code 0, also where nothing is known of the row. 1: there is no such binding or column, the key can't be one, or
    Kafka, the registry or the database gives no answer.
    """
    from dataclasses import asdict

    from rich.console import Console

    from tabstream.config import load_settings
    from tabstream.core.readable import shown_key
    from tabstream.operations.history import read_history

    with Console(stderr=True).status("looking up the table") as spinner:
        found = read_history(load_settings(), binding, key, column, spinner.update)
    if as_json:
        entries, reach = [asdict(entry) for entry in found.entries], [asdict(one) for one in found.reach]
        print_json({"binding": binding, "key": found.key, "entries": entries, "reach": reach, "unread": found.unread})
        return
    if found.entries:
        print_table(("time", "source", "what", "column", "old", "new"), map(_row, found.entries))
    else:
        print_text(f"the topics know nothing of the row {shown_key(found.key)} of {binding}")
    _print_reach(found)


def _row(entry: "Entry") -> tuple[str, ...]:
    from tabstream.core.history import Source
    from tabstream.core.moments import shown_moment

    number = f", no. {entry.number}" if entry.source is Source.OUTCOME and entry.number else ""
    reason = f": {entry.reason}" if entry.reason else ""
    texts = entry.column or "", entry.old or "", entry.new or ""
    return shown_moment(entry.at_ms), entry.source.value, f"{entry.what}{number}{reason}", *texts


def _print_reach(found: "History") -> None:
    print_text("")
    for one in found.reach:
        print_text(f"{one.topic}: {reach_text(one)}")
    if found.unread:
        print_text(f"{found.unread} messages of this row could not be decoded and are left out")


def reach_text(reach: "Reach") -> str:
    """How far back a topic reaches, in words."""
    from tabstream.cli.status import duration
    from tabstream.core.moments import shown_moment

    if reach.oldest_ms is None:
        return "empty, or not there yet"
    oldest = f"its oldest message is of {shown_moment(reach.oldest_ms)[:19]}"
    if reach.kept is None:
        return oldest
    if reach.kept.compacted:
        return f"every version of the last {duration(reach.kept.lag_ms / 1000)}; of older ones maybe but the newest; {oldest}"
    age = "ever" if reach.kept.retention_ms is None else duration(reach.kept.retention_ms / 1000)
    return f"kept for {age}; {oldest}"
