"""The standing audit: a process that proves one binding after the other, over and over, and shows what it finds as metrics."""

import threading
from collections.abc import Sequence
from contextlib import closing

import structlog
from starlette.routing import BaseRoute

from tabstream import metrics
from tabstream.bindings_watch import WatchedBindings
from tabstream.clock import Clock, SystemClock
from tabstream.config import Settings
from tabstream.operations.audit import Auditor
from tabstream.operations.audit_report import Outcome, Report, Standing
from tabstream.operations.google import operator_client
from tabstream.operations.owners import KafkaOwners
from tabstream.operations.sources import DatabaseSource
from tabstream.process import Process, Readiness

_log = structlog.get_logger()
_PROOFS = (Outcome.EQUAL, Outcome.UNDER_WAY)


class StandingAudit:
    """Audits each binding of the file at the settings' interval, within its share of the quota. Writes nothing."""

    name = "auditor"

    def __init__(self, settings: Settings, clock: Clock, bindings: WatchedBindings) -> None:
        self._settings = settings
        self._clock = clock
        self._bindings = bindings
        self._failed: dict[str, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Blocks until `stop` is set."""
        self._bindings.start(stop)
        client = operator_client(self._settings, self._clock, self._settings.audit_quota_share, stop)
        with closing(client), KafkaOwners(self._settings, self._clock) as owners:
            auditor = Auditor(DatabaseSource(self._settings), client, owners, self._clock)
            while not stop.is_set():
                began = self._clock.monotonic()
                for binding in self._bindings.current.bindings:
                    if not stop.is_set():
                        self._show(auditor.audit(binding))
                stop.wait(max(0.0, self._settings.audit_seconds - (self._clock.monotonic() - began)))

    def readiness(self) -> Readiness:
        """Ready while every binding can be audited."""
        failed = dict(self._failed)
        reasons = tuple(f"{name} could not be audited: {why}" for name, why in failed.items())
        return Readiness(not failed, reasons, self._bindings.warnings)

    def reload(self) -> None:
        """See Process."""
        self._bindings.reload()

    def routes(self) -> Sequence[BaseRoute]:
        """None of its own."""
        return ()

    def _show(self, report: Report) -> None:
        name, counts = report.binding.name, report.counts
        metrics.AUDITS.labels(name, report.outcome.name.lower()).inc()
        self._failed.pop(name, None)
        if report.outcome is Outcome.FAILED:
            self._failed[name] = report.problem or ""
            _log.warning("not audited", binding=name, problem=report.problem, remedy=report.remedy)
            return
        drift = counts.get(Standing.DRIFT, 0)
        metrics.DRIFT.labels(name).set(drift)
        if report.outcome in _PROOFS:
            metrics.LAST_PROOF.labels(name).set(self._clock.now_ms() / 1_000)
        say = _log.warning if drift else _log.info
        say("audited", binding=name, outcome=report.outcome.value, drift=drift, cells=report.cells, position=report.position)


def build(settings: Settings) -> Process:
    """Wires the process. Raises ConfigurationError."""
    settings.require("database_url", "bindings_file")
    return StandingAudit(settings, SystemClock(), WatchedBindings(settings.required_path("bindings_file")))
