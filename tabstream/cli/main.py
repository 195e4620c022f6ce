"""The command line. Sub-commands import what they need when they are called, so that --help is fast."""

import logging
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from tabstream.cli import (
    audit,
    benchmark,
    bind,
    confirm,
    conflicts,
    connectors,
    dead_letters,
    deletes,
    demo,
    doctor,
    held,
    history,
    local,
    pause,
    rebuild,
    replay,
    run,
    schemas,
    status,
    tail,
    unbind,
)
from tabstream.collecting import collect_rarely
from tabstream.errors import BindingProblem, ConfigurationError, OperatorError, Outage

BROKEN_OFF = 130
"""The exit code that typer makes of Ctrl-C, where a command does not end by it."""

app = typer.Typer(
    name="tabstream",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tabstream {version('tabstream')}")
        raise typer.Exit()


@app.callback()
def tabstream(
    _: Annotated[
        bool, typer.Option("--version", help="print the version and end", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keeps PostgreSQL tables and Google Sheets tabs identical, in both directions, in real time, over Kafka."""


app.command("run")(run.run)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
app.command("pause")(pause.pause)
app.command("resume")(pause.resume)
app.command("bind")(bind.bind)
app.command("unbind")(unbind.unbind)
app.command("uninstall")(unbind.uninstall)
app.command("audit")(audit.audit)
app.command("rebuild")(rebuild.rebuild)
app.command("confirm")(confirm.confirm)
app.command("deletes")(deletes.deletes)
app.command("conflicts")(conflicts.conflicts)
app.command("history")(history.history)
app.command("tail")(tail.tail)
app.command("demo")(demo.demo)
app.command("benchmark")(benchmark.benchmark)
app.add_typer(held.app, name="held")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(replay.app, name="replay")
app.add_typer(local.app, name="local")
app.add_typer(connectors.app, name="connectors")
app.add_typer(schemas.app, name="schemas")


def main() -> None:
    """Runs the command line; a wrong configuration ends with one message and exit code 2, a mistake or an outage with 1.

    Ctrl-C, where it is not how the command ends, is told on the error stream.
    """
    # What a Kafka client logs of an outage is in the error that follows.
    logging.getLogger("librdkafka").addHandler(logging.NullHandler())
    collect_rarely()
    try:
        app()
    except SystemExit as ended:
        if ended.code == BROKEN_OFF:
            typer.echo("broken off: run it again; nothing half-done is left that the next run does not mend", err=True)
        raise
    except ConfigurationError as problem:
        typer.secho(f"error: {problem}", fg="red", err=True)
        sys.exit(2)
    except (OperatorError, BindingProblem) as problem:
        _fail(problem.problem, problem.remedy)
    except Outage as problem:
        _fail(str(problem), problem.remedy)


def _fail(problem: str, remedy: str) -> NoReturn:
    typer.secho(f"error: {problem}", fg="red", err=True)
    if remedy:
        typer.echo(f"what to do: {remedy}", err=True)
    sys.exit(1)
