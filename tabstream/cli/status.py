"""`tabstream status`: how each binding stands."""

from dataclasses import asdict
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tabstream.clock import SystemClock
from tabstream.config import load_settings
from tabstream.operations.status import BindingReport, Overview, read_overview

_COLUMNS = ("binding", "state", "rows", "lag", "age", "last write", "edits", "incomplete", "held", "parked")
_COLOURS = {"RUNNING": "green", "STARTING": "yellow", "PAUSED": "red", "SILENT": "red", "UNOWNED": "red", "UNKNOWN": "red"}


def status(as_json: Annotated[bool, typer.Option("--json", help="print JSON for programs")] = False) -> None:
    """Shows each binding's owner, rows, lag, edits and problems. Exit code 1 if anything needs an operator."""
    clock = SystemClock()
    overview = read_overview(load_settings(), clock)
    if as_json:
        typer.echo(as_json_text(overview))
    else:
        show(overview, clock.now_ms(), Console())
    raise typer.Exit(0 if overview.well else 1)


def as_json_text(overview: Overview) -> str:
    """Everything that the table shows, for programs; times in milliseconds since 1970."""
    bindings = [asdict(report) | {"well": report.well, "quiet": report.quiet} for report in overview.bindings]
    unreachable = [asdict(part) for part in overview.unreachable]
    answer = {"well": overview.well, "bindings": bindings, "unreachable": unreachable}
    return orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode()


def show(overview: Overview, now_ms: int, console: Console) -> None:
    """Prints a table, and what is wrong below it."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in _COLUMNS:
        table.add_column(name, no_wrap=True)
    table.add_column("owner", no_wrap=True, overflow="ellipsis")
    for report in overview.bindings:
        table.add_row(*_row(report, now_ms))
    if overview.bindings:
        console.print(table)
    elif not overview.unreachable:
        console.print("no binding has been reported yet; set TABSTREAM_BINDINGS_FILE to see those that are configured")
    for report in overview.bindings:
        if report.problem:
            _say(console, report.binding, report.problem, report.remedy)
    for part in overview.unreachable:
        _say(console, part.part, part.problem, part.remedy)


def duration(seconds: float) -> str:
    """A rough length of time: `850 ms`, `12 s`, `5 min`, `3 h`, `2 d`."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    for unit, length, until in (("s", 1, 120), ("min", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds // 86_400)} d"


def _row(report: BindingReport, now_ms: int) -> list[str]:
    colour = _COLOURS.get(report.state, "white")
    age = "" if report.oldest_change_seconds is None else duration(report.oldest_change_seconds)
    written = "never" if report.last_write_ms is None else f"{duration((now_ms - report.last_write_ms) / 1000)} ago"
    counts = (report.edits_waiting, report.incomplete, report.held, report.parked)
    return [
        escape(report.binding),
        f"[{colour}]{report.state}[/]",
        str(report.rows),
        str(report.lag_messages),
        age,
        written,
        *map(str, counts),
        escape(report.owner or ""),
    ]


def _say(console: Console, name: str, problem: str, remedy: str | None) -> None:
    console.print(f"[red]{escape(name)}[/]: {escape(problem)}", highlight=False, soft_wrap=True)
    if remedy:
        console.print(f"    {escape(remedy)}", highlight=False, soft_wrap=True)
