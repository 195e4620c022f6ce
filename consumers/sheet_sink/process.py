"""The sheet sink's process: wiring, ownership, and what it tells the world."""

import os
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog
from starlette.routing import BaseRoute

from consumers.sheet_sink.ownership import Ownership
from consumers.sheet_sink.quota_part import QuotaPart
from consumers.sheet_sink.reporting import (
    forget_gauges,
    not_ready,
    show_gauges,
    silent_topics,
    statuses,
    unbound,
    with_warnings,
)
from consumers.sheet_sink.services import Services
from consumers.sheet_sink.upstream import Upstream
from tabstream.bindings_watch import WatchedBindings
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.errors import Outage, TabstreamError
from tabstream.kafka import clients
from tabstream.kafka.events import Events
from tabstream.kafka.messages import Status
from tabstream.kafka.publisher import Publisher
from tabstream.process import Process, Readiness
from tabstream.sheets.accounts import load_accounts

_log = structlog.get_logger()
_STATUS_SECONDS = 1.0
_STATUS_AT_LEAST_EVERY_MS = 10_000


class SheetSink:
    """Owns spreadsheets and keeps their tabs equal to their tables."""

    name = "sheet-sink"

    def __init__(self, services: Services, bindings: WatchedBindings, ownership: Ownership) -> None:
        self._services = services
        self._bindings = bindings
        self._ownership = ownership
        self._started_ms = services.clock.now_ms()
        self._told: dict[str, Status] = {}
        self._halt = threading.Event()
        self._quota = QuotaPart(services)
        self._upstream = Upstream(services.settings, services.publisher, services.clock, self._halt)
        self._next_status = 0.0

    def run(self, stop: threading.Event) -> None:
        """Blocks until `stop` is set; writes under way are finished."""
        self._upstream.start()
        self._bindings.start(stop)
        try:
            self._ownership.run(stop, self._tell, self._quota.has)
        finally:
            self._halt.set()
            self._services.publisher.close()

    def readiness(self) -> Readiness:
        """Ready while every owned binding makes progress."""
        reasons = [reason for owner in self._ownership.owners.values() for reason in not_ready(owner)]
        if self._upstream.problem is not None:
            reasons.append(self._upstream.problem[0])
        reasons += [problem for problem, _ in self._upstream.silence.problems.values()]
        if self._ownership.outage is not None:
            reasons.append(self._ownership.outage)
        return Readiness(not reasons, tuple(reasons), self._bindings.warnings)

    def reload(self) -> None:
        """Has the bindings file read at once."""
        self._bindings.reload()

    def routes(self) -> Sequence[BaseRoute]:
        """None of its own."""
        return ()

    def _tell(self) -> None:
        self._quota.has(self._ownership.part)
        if time.monotonic() < self._next_status:
            return
        self._next_status = time.monotonic() + _STATUS_SECONDS
        now, reported = self._services.clock.now_ms(), set()
        self._upstream.silent = [topic for owner in self._ownership.owners.values() for topic in silent_topics(owner)]
        for owner in self._ownership.owners.values():
            show_gauges(owner, now)
            for status in statuses(owner, self._services.instance, now):
                reported.add(status.binding)
                told = status if status.problem else _with(status, self._upstream)
                self._publish(with_warnings(told, self._bindings.warnings))
        for name in self._told.keys() - reported:
            self._forget(name, now)

    def _forget(self, name: str, now_ms: int) -> None:
        """A binding of this instance is let go: another instance reports it, or nobody will any more."""
        forget_gauges(name)
        if self._bindings.current.named(name) is None:
            self._publish(unbound(self._told[name], now_ms))
        del self._told[name]

    def _publish(self, status: Status) -> None:
        told = self._told.get(status.binding)
        same = told is not None and _without_time(told) == _without_time(status)
        if same and told is not None and status.at_ms - told.at_ms < _STATUS_AT_LEAST_EVERY_MS:
            return
        try:
            self._services.publisher.status(status)
            self._told[status.binding] = status
        except (Outage, TabstreamError) as problem:
            _log.warning("status not published", problem=str(problem))


def build(settings: Settings) -> Process:
    """Wires the process. Raises ConfigurationError."""
    settings.require("database_url", "bindings_file")
    bindings = WatchedBindings(settings.required_path("bindings_file"))
    clock = SystemClock()
    services = Services(
        settings=settings,
        clock=clock,
        accounts=load_accounts(settings, clock),
        publisher=Publisher(settings),
        events=Events(settings.registry),
        admin=clients.admin(settings),
        instance=f"{socket.gethostname()}-{os.getpid()}",
    )
    return SheetSink(services, bindings, Ownership(bindings, services))


def _with(status: Status, upstream: Upstream) -> Status:
    found = upstream.problem or upstream.silence.problems.get(status.binding)
    return status if found is None else replace(status, problem=found[0], remedy=found[1])


def _without_time(status: Status) -> dict[str, object]:
    return status.to_record() | {"at_ms": 0}
