"""`python -m sheets_emulator`: the server as a process."""

import time
from pathlib import Path
from typing import Annotated

import typer

from sheets_emulator.script.scripts import Scripts
from sheets_emulator.server.app import application
from sheets_emulator.server.control import Control, Settings
from sheets_emulator.server.control_api import ROLES, SETTINGS
from sheets_emulator.server.serving import http_server
from sheets_emulator.store.journal import Journal
from sheets_emulator.store.store import Store


def main(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8085,
    data_dir: Annotated[
        Path | None, typer.Option(help="where spreadsheets are kept; without it they end with the process")
    ] = None,
    no_quotas: Annotated[bool, typer.Option("--no-quotas", help="no limit of calls a minute")] = False,
) -> None:
    """A stand-in for Google Sheets: serves until it is told to end."""
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
    store = Store(Journal(data_dir and data_dir / "spreadsheets.db"), lambda: time.time_ns() // 1_000_000)
    settings = Settings.model_validate(store.kept(SETTINGS) or {})
    if no_quotas:
        settings = settings.model_copy(update={"quotas": False})
    control = Control(settings, store.kept(ROLES))
    app = application(store, control, Scripts(store, _own_url(host, port)))
    server = http_server(app, host, port, "info", grace_seconds=5)
    server.run()
    raise typer.Exit(0 if server.started else 1)


def _own_url(host: str, port: int) -> str:
    """Where the scripts find the server: an address for all interfaces is none to call."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


if __name__ == "__main__":
    typer.run(main)
