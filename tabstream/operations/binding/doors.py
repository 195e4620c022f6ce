"""The doors that binding and unbinding go through: Google, Kafka, PostgreSQL."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from consumers.sheet_sink.services import Services
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.errors import BindingProblem, OperatorError
from tabstream.kafka import clients
from tabstream.kafka.events import Events
from tabstream.kafka.publisher import Publisher
from tabstream.postgres.connection import Connection, opened
from tabstream.sheets.accounts import load_accounts
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.pooled import PooledClient

_SHARE = 0.25
"""What a command takes of each account's quota: the sheet sinks live on the rest."""

_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Doors:
    """Made once for a command. `services` are those of a sheet sink, which the command stands in for."""

    settings: Settings
    clock: Clock
    client: SheetsClient
    services: Services

    def database(self) -> AbstractContextManager[Connection]:
        """A connection in autocommit. Raises Outage, or OperatorError for what the database refuses."""
        return database(self.settings)


@contextmanager
def doors(settings: Settings, clock: Clock, *, alone: bool = False) -> Iterator[Doors]:
    """Opens them; Kafka is not asked for anything yet. `alone`: no sheet sink needs the quota."""
    accounts = load_accounts(settings, clock, 1.0 if alone else _SHARE)
    client = PooledClient(accounts, settings.sheets_url or None, clock, None, _PATIENCE_SECONDS)
    publisher = Publisher(settings)
    events, admin = Events(settings.registry), clients.admin(settings)
    try:
        yield Doors(settings, clock, client, Services(settings, clock, accounts, publisher, events, admin, "bind"))
    finally:
        publisher.close(timeout_seconds=1)
        client.close()


def database(settings: Settings) -> AbstractContextManager[Connection]:
    """See Doors."""
    return opened(
        settings.database_url, "tabstream bind", lambda refused: OperatorError(refused, "grant this role what it lacks")
    )


@contextmanager
def in_words() -> Iterator[None]:
    """What is missing for a binding is the operator's mistake here."""
    try:
        yield
    except BindingProblem as problem:
        raise OperatorError(problem.problem, problem.remedy) from problem


def no_stop() -> threading.Event:
    """Nobody stops a command but its operator."""
    return threading.Event()
