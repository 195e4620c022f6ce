"""`tabstream run NAME`: one long-running process in the foreground."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from tabstream.config import Settings
    from tabstream.process import Process


class ProcessName(StrEnum):
    """The processes that can be run."""

    PRODUCER = "producer"
    SHEET_SINK = "sheet-sink"
    DATABASE_SINK = "database-sink"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class _Room:
    build: str
    needs: tuple[str, ...]


_ROOMS = {
    ProcessName.PRODUCER: _Room("sheet_producer.app:build", ("bindings_file", "producer_secret_file")),
    ProcessName.SHEET_SINK: _Room("consumers.sheet_sink.process:build", ("bindings_file", "database_url")),
    ProcessName.DATABASE_SINK: _Room("consumers.database_sink.process:build", ("bindings_file", "database_url")),
    ProcessName.AUDITOR: _Room("tabstream.operations.standing_audit:build", ("bindings_file", "database_url")),
}


def run(name: Annotated[ProcessName, typer.Argument(help="the process to run", show_default=False)]) -> None:
    """Runs one process in the foreground until SIGTERM or Ctrl-C. Settings are TABSTREAM_ environment variables.

    A changed bindings file is taken up within seconds, at SIGHUP at once. A wrong one is refused: the log and /readyz say why.

    Exit code 0: it was asked to end. 1: it has ended by an error. 2: a setting or the bindings file is wrong.
    """
    from tabstream import logs
    from tabstream.config import load_settings
    from tabstream.process import serve

    settings = load_settings()
    settings.require(*_ROOMS[name].needs)
    if settings.database_url:
        from tabstream.postgres.connection import check_url

        check_url(settings.database_url)
    logs.configure(settings.log_format, name.value, settings.log_level)
    process = _builder(_ROOMS[name].build)(settings)
    raise typer.Exit(serve(process, *_address(name, settings)))


def _builder(path: str) -> "Callable[[Settings], Process]":
    module, _, function = path.partition(":")
    return cast("Callable[[Settings], Process]", getattr(importlib.import_module(module), function))


def _address(name: ProcessName, settings: "Settings") -> tuple[str, int]:
    if name is ProcessName.PRODUCER:
        return settings.producer_host, settings.producer_port
    return settings.metrics_host, settings.metrics_port
