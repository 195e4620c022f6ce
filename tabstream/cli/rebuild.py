"""`tabstream rebuild`: shows in a tab what its topic says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tabstream.cli.printing import Json, print_json, print_text

if TYPE_CHECKING:
    from tabstream.operations.rebuild import Rebuilt, Watcher


def rebuild(
    binding: Annotated[str, typer.Argument(help="the binding's name", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be written, and write nothing")] = False,
    wait: Annotated[float, typer.Option(min=1, help="seconds that the owner is given to write")] = 3_600,
    as_json: Json = False,
) -> None:
    """Makes a tab show what its topic says: reads the topic from its beginning, and has what differs written.

    The tab's owner writes, between changes that come in meanwhile. What is right stays as it is, and so do columns of people,
    formats, the order of the rows, and edits that are not answered yet. Rows that were deleted in the sheet, and wait for a
    confirmation, come back.

    At the end tab and topic are read afresh and compared. Broken off (Ctrl-C), it is run again and goes on with what is left.

    Exit code 0: tab and topic are equal, apart from edits of people

    Exit code 3: something differs still (with --dry-run: something would be written)

    Exit code 1: it could not be done; it is said why

    Exit code 2: wrong configuration
    """
    from rich.console import Console

    from tabstream.bindings_file import load_bindings
    from tabstream.cli.audit import log_to_stderr
    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations.audit import chosen
    from tabstream.operations.audit_report import exit_code
    from tabstream.operations.google import operator_client
    from tabstream.operations.owners import KafkaOwners
    from tabstream.operations.rebuild import Rebuilder

    settings, clock = load_settings(), SystemClock()
    settings.require("database_url", "bindings_file")
    log_to_stderr()
    (named,) = chosen(load_bindings(settings.required_path("bindings_file")), [binding], everything=False)
    client = operator_client(settings, clock)
    with _watching(Console(stderr=True)) as watcher, KafkaOwners(settings, clock) as owners:
        rebuilder = Rebuilder(settings, client, owners, clock, watcher, wait)
        done = rebuilder.preview(named) if dry_run else rebuilder.rebuild(named)
    client.close()
    if as_json:
        print_json(_as_json(done))
    else:
        _show(done, dry_run)
    raise typer.Exit(exit_code([done.proof]))


def _show(done: "Rebuilt", dry_run: bool) -> None:
    from rich.console import Console

    from tabstream.cli.audit import show

    name, found = done.run.binding.name, _counted(done)
    if dry_run:
        print_text(f"{name}: {f'to be put right: {found}' if found else 'nothing to do'}")
    elif found:
        calls = f"{done.writes} write call{'' if done.writes == 1 else 's'} of the owner"
        dropped = (
            f"; {done.dropped_deletes} deletes that waited for a confirmation are dropped" if done.dropped_deletes else ""
        )
        print_text(f"{name}: {done.messages} messages read; differed: {found}; {calls}{dropped}")
    else:
        print_text(f"{name}: {done.messages} messages read; nothing differed, nothing was written")
    show(done.proof, Console(), "topic")


def _counted(done: "Rebuilt") -> str:
    return ", ".join(f"{kind.value}: {count}" for kind, count in sorted(done.run.before.items()))


def _as_json(done: "Rebuilt") -> dict[str, Any]:
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
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)

        def say(text: str) -> None:
            progress.reset(task, description=text, total=None)

        def count(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield Watcher(say, count)
