"""`tabstream tail TOPIC`: what is in a topic, decoded, a line for each message."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tabstream.cli.completion import topic_names
from tabstream.cli.printing import print_json_line

if TYPE_CHECKING:
    from tabstream.operations.tailing import Tailed

_LAST = 10


def tail(
    topic: Annotated[
        str,
        typer.Argument(
            autocompletion=topic_names,
            help="edits, results, signals, status, dead-letters, a binding's name, or a topic",
            show_default=False,
        ),
    ],
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="beginning|end|OFFSET|TIME",
            help="where to begin: 120, 3/120 (partition 3), 2026-11-24T18:05, 18:05 (today), 2h (ago); "
            f"if not given, with the last {_LAST}",
            show_default=False,
        ),
    ] = None,
    follow: Annotated[
        bool | None,
        typer.Option("--follow/--no-follow", "-f", help="go on as messages come; so with --from end", show_default=False),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="how many messages", show_default=False)] = None,
    key: Annotated[
        str | None, typer.Option(help="only this key: 17 or 17,DE for a row, or the whole Kafka key", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print a line of JSON for each message, whole")] = False,
) -> None:
    """Prints the messages of a topic, decoded: time, partition/offset, and what it says.

    A change of a table reads `update 17: amount: 10 -> 12`, where the old value is known: PostgreSQL sends it only for tables
    with REPLICA IDENTITY FULL, and otherwise it is known from an earlier message that was printed.

    Examples: `tabstream tail leads --from 1h`, `tabstream tail edits --key 17 --from beginning`, `tabstream tail signals -f`.

    Exit code 0, also after Ctrl-C. 1: there is no such topic or offset, the time is in the future, or Kafka or the registry
    gives no answer.
    """
    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.core.places import place
    from tabstream.core.telling import Versions
    from tabstream.operations.tailing import Wanted, tail

    where = None if begin is None else place(begin, SystemClock().now_ms())
    going_on = begin == "end" if follow is None else follow
    wanted = Wanted(topic, where, limit or (_LAST if where is None else None), going_on, key)
    versions, shown = Versions(), 0
    try:
        for tailed in tail(load_settings(), wanted):
            shown += 1
            if as_json:
                print_json_line(as_record(tailed))
            else:
                typer.echo(as_line(tailed, versions))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    if not shown:
        typer.echo("there is no such message", err=True)


def as_line(tailed: "Tailed", versions: Any) -> str:
    """Time, partition/offset, and what the message says."""
    from tabstream.core.moments import shown_moment
    from tabstream.core.readable import printable
    from tabstream.core.telling import line

    record, told = tailed.record, line(tailed.kind, tailed.message, versions)
    return f"{shown_moment(record.at_ms)}  {record.partition}/{record.offset}  {printable(told)}"


def as_record(tailed: "Tailed") -> dict[str, Any]:
    """The whole message for programs; what can't be decoded is there as hexadecimal digits with the reason."""
    from tabstream.core.telling import json_value

    record, message = tailed.record, tailed.message
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "at_ms": record.at_ms,
        "key": json_value(message.key),
        "value": json_value(message.value),
        "headers": dict(message.headers),
    }
