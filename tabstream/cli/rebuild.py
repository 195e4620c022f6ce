"""`tabstream rebuild`: shows in a tab what its topic says."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tabstream.cli.completion import binding_names
from tabstream.cli.printing import Json, print_json, print_text

if TYPE_CHECKING:
    from tabstream.clock import Clock
    from tabstream.config import Settings
    from tabstream.core.binding import Binding
    from tabstream.operations.past import Written
    from tabstream.operations.rebuild import Rebuilt, Watcher
    from tabstream.sheets.client import SheetsClient


@dataclass(frozen=True, slots=True)
class _Doors:
    """What both kinds of rebuild work with."""

    settings: "Settings"
    clock: "Clock"
    binding: "Binding"
    client: "SheetsClient"
    watcher: "Watcher"


def rebuild(
    binding: Annotated[str, typer.Argument(autocompletion=binding_names, help="the binding's name", show_default=False)],
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|OFFSET",
            help="show a past moment in a tab of its own: 2h, 2026-11-24T18:05, 1234",
            show_default=False,
        ),
    ] = None,
    into: Annotated[str, typer.Option(metavar="NEW_TAB", help="with --as-of: the title of the new tab")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be written, and write nothing")] = False,
    wait: Annotated[float, typer.Option(min=1, help="seconds that the owner is given to write")] = 3_600,
    as_json: Json = False,
) -> None:
    """Makes a tab show what its topic says: reads the topic from its beginning, and has what differs written.

    The tab's owner writes, between changes that come in meanwhile. What is right stays as it is, and so do columns of people,
    formats, the order of the rows, and edits that are not answered yet. Rows that were deleted in the sheet, and wait for a
    confirmation, come back.

    At the end tab and topic are read afresh and compared. Broken off (Ctrl-C), it is run again and goes on with what is left.

    With --as-of, the bound tab stays as it is. What the table had at that time (or with the message of that offset) goes to a
    new tab, which nobody but its owner can change. What was compacted away can't be told: an earlier time than the topic
    reaches back to is refused.

    Exit code 0: tab and topic are equal, apart from edits of people

    Exit code 3: something differs still (with --dry-run: something would be written)

    Exit code 1: it could not be done; it is said why

    Exit code 2: wrong configuration
    """
    if into and as_of is None:
        raise typer.BadParameter("it names the tab of a past moment: give --as-of too", param_hint="--into")
    if as_of is not None:
        raise typer.Exit(_past(binding, as_of, into, dry_run, as_json))
    raise typer.Exit(_now(binding, dry_run, wait, as_json))


def _now(name: str, dry_run: bool, wait: float, as_json: bool) -> int:
    from dataclasses import replace

    from tabstream.operations.audit_report import exit_code, with_next_step
    from tabstream.operations.owners import KafkaOwners
    from tabstream.operations.rebuild import Rebuilder

    with _doors(name) as doors, KafkaOwners(doors.settings, doors.clock) as owners:
        rebuilder = Rebuilder(doors.settings, doors.client, owners, doors.clock, doors.watcher, wait)
        done = rebuilder.preview(doors.binding) if dry_run else rebuilder.rebuild(doors.binding)
    step = f"tabstream rebuild {name}" if dry_run else "run it again; if it stays so: tabstream status says what is wrong"
    done = replace(done, proof=with_next_step(done.proof, step))
    if as_json:
        print_json(rebuilt_json(done))
    else:
        show_rebuilt(done, dry_run)
    return exit_code([done.proof])


def _past(name: str, as_of: str, into: str, dry_run: bool, as_json: bool) -> int:
    from tabstream.core.places import place
    from tabstream.operations.past import Historian, Written

    with _doors(name) as doors:
        moment = place(as_of, doors.clock.now_ms())
        title = into or f"{doors.binding.tab} as of {as_of}"
        historian = Historian(doors.settings, doors.client, doors.clock, doors.watcher)
        told = historian.tell(doors.binding, moment) if dry_run else None
        done = Written(title, told) if told else historian.write(doors.binding, moment, title)
    if as_json:
        print_json(_past_json(done))
    else:
        _show_past(done)
    return 0 if done.equal else 3


@contextmanager
def _doors(name: str) -> "Iterator[_Doors]":
    from rich.console import Console

    from tabstream.bindings_file import load_bindings
    from tabstream.cli.audit import log_to_stderr
    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations.audit import chosen
    from tabstream.operations.google import operator_client

    settings, clock = load_settings(), SystemClock()
    settings.require("database_url", "bindings_file")
    log_to_stderr()
    (binding,) = chosen(load_bindings(settings.required_path("bindings_file")), [name], everything=False)
    with _watching(Console(stderr=True)) as watcher, closing(operator_client(settings, clock)) as client:
        yield _Doors(settings, clock, binding, client, watcher)


def _show_past(done: "Written") -> None:
    from tabstream.core.moments import shown_moment

    told = done.moment
    up_to = ", ".join(f"{partition}/{offset}" for partition, offset in sorted(told.up_to.items()))
    print_text(f"{told.messages} messages read; {len(told.rows)} rows as of {told.topic} {up_to}")
    print_text(f"the topic reaches back to {shown_moment(told.reaches_to_ms)}")
    if done.checksums is None:
        print_text(f"nothing is written; it would go to the tab {done.title!r}")
    elif done.equal:
        print_text(f"tab {done.title!r}: equal; {done.tab_rows} rows, checksum {done.checksums[0]}, {done.calls} write calls")
    else:
        print_text(f"tab {done.title!r} differs: checksum of the tab {done.checksums[0]}, of the topic {done.checksums[1]}")


def _past_json(done: "Written") -> dict[str, Any]:
    told = done.moment
    tab, topic = done.checksums or (None, None)
    return {
        "tab": done.title,
        "equal": done.equal,
        "written": done.checksums is not None,
        "rows": {"tab": done.tab_rows, "topic": len(told.rows)},
        "checksum": {"tab": tab, "topic": topic},
        "topic": told.topic,
        "offsets": {str(partition): offset for partition, offset in sorted(told.up_to.items())},
        "reaches_back_to_ms": told.reaches_to_ms,
        "messages": told.messages,
        "writes": done.calls,
    }


def show_rebuilt(done: "Rebuilt", dry_run: bool) -> None:
    """Prints what was done, or would be, and the proof."""
    from rich.console import Console

    from tabstream.cli.audit import counted_kinds, show
    from tabstream.operations.audit_report import Outcome

    name, found = done.run.binding.name, counted_kinds(done.run)
    if done.run.outcome is Outcome.FAILED:
        print_text(f"{name}: {done.messages} messages read")
    elif dry_run:
        print_text(f"{name}: {f'to be put right: {found}' if found else 'nothing to do'}")
    elif found:
        calls = f"{done.writes} write call{'' if done.writes == 1 else 's'} of the owner"
        dropped = f"; deletes dropped that waited: {done.dropped_deletes}" if done.dropped_deletes else ""
        print_text(f"{name}: {done.messages} messages read; differed: {found}; {calls}{dropped}")
    else:
        print_text(f"{name}: {done.messages} messages read; nothing differed, nothing was written")
    show(done.proof, Console(), "topic")


def rebuilt_json(done: "Rebuilt") -> dict[str, Any]:
    """Everything that is shown, for programs."""
    from tabstream.cli.audit import report_json
    from tabstream.operations.audit_report import Outcome

    return {
        "equal": done.proof.outcome in (Outcome.EQUAL, Outcome.UNDER_WAY),
        "differed": {kind.name.lower(): count for kind, count in sorted(done.run.before.items())},
        "messages": done.messages,
        "writes": done.writes,
        "dropped_deletes": done.dropped_deletes,
        "run": report_json(done.run),
        "proof": report_json(done.proof),
    }


@contextmanager
def _watching(console: Any) -> Iterator["Watcher"]:
    """A bar on the terminal: how much of what is under way is done, and how long the rest takes at this pace."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    from tabstream.operations.rebuild import Watcher

    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def say(text: str) -> None:
            progress.reset(task, description=text, total=None)

        def count(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield Watcher(say, count)
