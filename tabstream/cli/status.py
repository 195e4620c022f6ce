"""`tabstream status`: how each binding stands."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tabstream.cli.printing import Json, plain, print_json, print_json_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from tabstream.operations.status import BindingReport, Overview

_COLUMNS = ("binding", "state", "rows", "lag", "age", "last write", "edits", "incomplete", "held", "parked")
_COLOURS = {"RUNNING": "green", "STARTING": "yellow", "PAUSED": "red", "SILENT": "red", "UNOWNED": "red", "UNKNOWN": "red"}
_SECONDS = 0.7


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="look again and again, until Ctrl-C")] = False,
    every_seconds: Annotated[
        float, typer.Option("--every", min=0.2, max=86_400, help="with --watch: how many seconds between looks")
    ] = 2,
    wait_seconds: Annotated[
        float, typer.Option("--wait", min=0.1, max=3_600, help="how many seconds Kafka, registry and database have to answer")
    ] = _SECONDS,
    as_json: Json = False,
) -> None:
    """Shows each binding's owner, rows, lag, edits and problems.

    It asks Kafka for what the sheet sinks report, of all instances, and the database whether edits can be saved; what gives no
    answer in time is told too. With --watch and --json, each look is a line.

    Exit code 0: all is well, also after Ctrl-C. 1: something needs an operator, or gives no answer. 2: the bindings file or a
    setting is wrong.
    """
    from rich.console import Console

    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations.status import read_overview

    settings, clock, console = load_settings(), SystemClock(), Console()
    if watch:
        _watch(lambda: read_overview(settings, clock, wait_seconds), every_seconds, as_json, console)
        return
    overview = read_overview(settings, clock, wait_seconds)
    if as_json:
        print_json(as_record(overview))
    else:
        show(overview, clock.now_ms(), console)
    raise typer.Exit(exit_code(overview))


def exit_code(overview: "Overview") -> int:
    """See the command's help."""
    if overview.file_problem is not None:
        return 2
    return 0 if overview.well else 1


def as_record(overview: "Overview") -> dict[str, Any]:
    """Everything that the table shows, for programs; times in milliseconds since 1970."""
    from dataclasses import asdict

    return {
        "well": overview.well,
        "bindings": [asdict(report) | {"well": report.well, "quiet": report.quiet} for report in overview.bindings],
        "instances": [asdict(instance) for instance in overview.instances],
        "unreachable": [asdict(part) for part in overview.unreachable],
        "warnings": list(overview.warnings),
        "file_problem": overview.file_problem,
    }


def show(overview: "Overview", now_ms: int, console: "Console") -> None:
    """Prints a table, and what is wrong below it."""
    for part in parts(overview, now_ms):
        console.print(part, soft_wrap=isinstance(part, str), highlight=False)


def parts(overview: "Overview", now_ms: int) -> "list[RenderableType]":
    """The table, and a text for each thing that is wrong, in rich's markup."""
    found: list[RenderableType] = []
    if overview.bindings:
        found.append(_table(overview, now_ms))
    elif not overview.unreachable and overview.file_problem is None:
        unset = "set TABSTREAM_BINDINGS_FILE to see those that are configured"
        found.append(f"no binding has been reported yet; {'the bindings file names none' if overview.has_file else unset}")
    if len(overview.instances) > 1:
        shares = ", ".join(f"{i.owner} owns {i.spreadsheets}" for i in overview.instances)
        found.append(plain(f"{len(overview.instances)} sheet sinks share the spreadsheets: {shares}"))
    for report in overview.bindings:
        if report.problem:
            found.append(_told(report.binding, report.problem, report.remedy))
    for part in overview.unreachable:
        found.append(_told(part.part, part.problem, part.remedy))
    if overview.file_problem:
        found.append(_told("bindings file", overview.file_problem, "correct it; what is reported is shown meanwhile"))
    for warning in overview.warnings:
        found.append(_told("warning", warning, None, "yellow"))
    return found


def duration(seconds: float) -> str:
    """A rough length of time: `850 ms`, `12 s`, `5 min`, `3 h`, `2 d`."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    for unit, length, until in (("s", 1, 120), ("min", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds // 86_400)} d"


def _watch(look: Any, every_seconds: float, as_json: bool, console: "Console") -> None:
    """Looks until Ctrl-C. A terminal shows the newest look in place, a file or pipe each below the other."""
    import time

    from rich.console import Group
    from rich.live import Live

    def header() -> str:
        return f"{time.strftime('%H:%M:%S')}, every {every_seconds:g} s; Ctrl-C ends"

    try:
        if as_json or not console.is_terminal:
            while True:
                overview = look()
                if as_json:
                    print_json_line(as_record(overview))
                else:
                    console.print(header(), highlight=False)
                    show(overview, time.time_ns() // 1_000_000, console)
                time.sleep(every_seconds)
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                overview = look()
                live.update(Group(header(), *parts(overview, time.time_ns() // 1_000_000)), refresh=True)
                time.sleep(every_seconds)
    except KeyboardInterrupt:
        return


def _table(overview: "Overview", now_ms: int) -> "RenderableType":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in _COLUMNS:
        table.add_column(name, overflow="fold")
    table.add_column("owner", overflow="fold")
    for report in overview.bindings:
        table.add_row(*_row(report, now_ms))
    return table


def _row(report: "BindingReport", now_ms: int) -> list[str]:
    colour = _COLOURS.get(report.state, "white")
    age = "" if report.oldest_change_seconds is None else duration(report.oldest_change_seconds)
    never = "never" if report.state == "RUNNING" else ""
    written = never if report.last_write_ms is None else f"{duration((now_ms - report.last_write_ms) / 1000)} ago"
    counts = (report.edits_waiting, report.incomplete, report.held, report.parked)
    return [
        plain(report.binding),
        f"[{colour}]{report.state}[/]",
        "" if report.rows is None else str(report.rows),
        str(report.lag_messages),
        age,
        written,
        *map(str, counts),
        plain(report.owner or ""),
    ]


def _told(name: str, problem: str, remedy: str | None, colour: str = "red") -> str:
    told = f"[{colour}]{plain(name)}[/]: {plain(problem)}"
    return f"{told}\n    {plain(remedy)}" if remedy else told
