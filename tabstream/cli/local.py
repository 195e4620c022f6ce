"""`tabstream local`: the whole stack as processes on this machine, without Docker."""

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from tabstream.cli.progress import telling

if TYPE_CHECKING:
    from tabstream.local.state import State

app = typer.Typer(
    help="The whole stack as processes on this machine: PostgreSQL, Kafka, registry, Connect, sheets.", no_args_is_help=True
)

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        help="where data, logs and configuration are kept; .tabstream in this folder, if not given",
        envvar="TABSTREAM_STATE_DIR",
        show_default=False,
    ),
]
Name = Annotated[str, typer.Argument(help="the service, as `tabstream local status` lists it")]


@app.command()
def up(
    state_dir: StateDir = None,
    bindings: Annotated[
        Path | None, typer.Option(help="a bindings file to copy into the stack", exists=True, dir_okay=False)
    ] = None,
    database_url: Annotated[str | None, typer.Option(help="use this PostgreSQL instead of starting one")] = None,
) -> None:
    """Starts the stack, or what is missing of it, and returns when all is ready."""
    from tabstream.bindings_file import load_bindings
    from tabstream.local import stack
    from tabstream.local.state import write_secret

    state = _state(state_dir)
    if bindings is not None:
        load_bindings(bindings)
    state.root.mkdir(parents=True, exist_ok=True)
    if bindings is not None:
        state.bindings_file.write_text(bindings.read_text(encoding="utf-8"), encoding="utf-8")
    if database_url is not None:
        write_secret(state.external_database_file, database_url)
    console = Console(stderr=True)
    with telling(console, "starting") as say:
        stack.up(state, say)
    console.print("the stack is ready: [bold]tabstream local env[/bold] shows its addresses")


@app.command()
def down(state_dir: StateDir = None, wipe: Annotated[bool, typer.Option(help="forget the data as well")] = False) -> None:
    """Stops the stack; its data is found again by the next `up`."""
    from tabstream.local import stack

    state = _state(state_dir)
    stack.down(state, wipe)
    Console(stderr=True).print("the stack is down" + (", its data is forgotten" if wipe else ""))


@app.command()
def status(state_dir: StateDir = None, as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """Shows each service: state, process id, memory, restarts."""
    from tabstream.local import stack

    services = stack.status(_state(state_dir))
    if as_json:
        typer.echo(json.dumps(services, indent=2))
        return
    table = Table("service", "state", "pid", "up", "memory", "restarts", "problem")
    for s in services:
        up_for = f"{s['uptime_seconds']:.0f} s" if s["pid"] else ""
        memory = f"{s['memory_bytes'] / 1e6:.0f} MB" if s["pid"] else ""
        table.add_row(s["name"], s["condition"], str(s["pid"] or ""), up_for, memory, str(s["restarts"]), s["problem"])
    total = sum(s["memory_bytes"] for s in services)
    table.caption = f"{total / 1e9:.2f} GB in all"
    Console().print(table)


@app.command()
def env(state_dir: StateDir = None, as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """Prints addresses, files and process ids of the running stack."""
    from tabstream.local import stack

    found = stack.environment(_state(state_dir))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for key, value in found.items():
        typer.echo(f"{key}: {json.dumps(value) if isinstance(value, dict) else value}")


@app.command()
def logs(
    name: Name,
    state_dir: StateDir = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on as lines are written")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="how many of the last lines")] = 40,
) -> None:
    """Prints the end of a service's log."""
    from tabstream.errors import OperatorError
    from tabstream.local.endings import tail

    path = _state(state_dir).logs / f"{name}.log"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.log")))
        raise OperatorError(
            f"there is no log of {name!r}", f"there are logs of: {known}" if known else "start the stack first"
        )
    typer.echo(tail(path, lines))
    if follow:
        subprocess.run(["tail", "-n", "0", "-f", str(path)], check=False)


@app.command()
def start(name: Name, state_dir: StateDir = None) -> None:
    """Starts one service that was stopped, and waits until it is ready."""
    _control("start", name, state_dir)


@app.command()
def stop(name: Name, state_dir: StateDir = None) -> None:
    """Stops one service until it is started again."""
    _control("stop", name, state_dir)


@app.command()
def restart(name: Name, state_dir: StateDir = None) -> None:
    """Stops one service and starts it again."""
    _control("restart", name, state_dir)


def _control(what: str, name: str, state_dir: Path | None) -> None:
    from tabstream.local import stack

    stack.control(_state(state_dir), what, name)


def _state(state_dir: Path | None) -> "State":
    from tabstream.local.state import DEFAULT_NAME, State

    return State((state_dir or Path(DEFAULT_NAME)).resolve())
