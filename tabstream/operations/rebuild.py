"""What `tabstream rebuild` does: folds the topic, has the owner write what the tab shows otherwise, and proves the end.

The owner does the writing, in its own flushes: a sheet sink that runs is never fought. All that a rebuild needs to know is in
topic and tab, so one that was broken off is run again, and goes on from what is left.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.errors import OperatorError
from tabstream.kafka.messages import State, Status
from tabstream.operations.audit import Auditor, Patience
from tabstream.operations.audit_report import Outcome, Report
from tabstream.operations.owners import Owners
from tabstream.operations.pausing import silent_ms
from tabstream.operations.sources import database
from tabstream.operations.topic_source import TopicSource
from tabstream.postgres.statements import statement
from tabstream.sheets.client import SheetsClient


@dataclass(frozen=True, slots=True)
class Watcher:
    """`say` is told what is under way, `count` how much of how much of it is done."""

    say: Callable[[str], None]
    count: Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`run` is what was found and put right, `proof` a comparison afterwards that shares nothing with it: the run itself,
    where there was nothing to do. `messages` were read of the topic; `writes` are the owner's calls in the meantime, and
    `dropped_deletes` deletes of rows that waited for a confirmation, which is not needed any more."""

    run: Report
    proof: Report
    messages: int
    writes: int = 0
    dropped_deletes: int = 0


@dataclass(frozen=True, slots=True)
class Rebuilder:
    """Rebuilds bindings; to be used by one at a time."""

    settings: Settings
    client: SheetsClient
    owners: Owners
    clock: Clock
    watcher: Watcher
    wait_seconds: float = 3_600.0

    def preview(self, binding: Binding) -> Rebuilt:
        """What a rebuild would write, without asking anybody to."""
        run, messages = self._compare(binding)
        return Rebuilt(run, run, messages)

    def rebuild(self, binding: Binding) -> Rebuilt:
        """Rebuilds a binding's tab. Raises OperatorError where nobody would write it, or another rebuild is under way; what
        keeps it from its end otherwise is in the reports."""
        with _alone(self.settings, binding):
            before = self._owner(binding)
            run, messages = self._compare(binding, rebuild=True)
            if run.outcome is Outcome.FAILED or not run.before:
                return Rebuilt(run, run, messages)
            proof, proved = self._compare(binding)
            after = self.owners.status(binding)
            writes, dropped = (_since(before, after, name) for name in ("writes", "dropped_deletes"))
            return Rebuilt(run, proof, messages + proved, writes, dropped)

    def _compare(self, binding: Binding, *, rebuild: bool = False) -> tuple[Report, int]:
        patience = Patience(wait=self.wait_seconds) if rebuild else Patience()
        source, say, count = TopicSource(self.settings, self.watcher.count), self.watcher.say, self.watcher.count
        auditor = Auditor(source, self.client, self.owners, self.clock, patience, say, count, rebuild)
        return auditor.audit(binding), source.messages

    def _owner(self, binding: Binding) -> Status:
        status = self.owners.status(binding)
        if status is None:
            raise OperatorError(f"no sheet sink has reported {binding.name!r}", "start one: tabstream run sheet-sink")
        if (silence := silent_ms(status, self.clock.now_ms())) is not None:
            raise OperatorError(
                f"the owner of {binding.name!r} has not reported for {silence // 1000} seconds: nobody would write",
                "start a sheet sink, or look at its log, and run it again",
            )
        if status.state is State.PAUSED:
            raise OperatorError(f"{binding.name!r} is paused: {status.problem}", status.remedy or "")
        return status


@contextmanager
def _alone(settings: Settings, binding: Binding) -> Iterator[None]:
    """Holds a lock of the database, which ends with its session; raises OperatorError where somebody else has it."""
    with database(settings) as connection:
        row = connection.execute(statement("lock_rebuild"), {"binding": binding.name}).fetchone()
        if row is None or not row[0]:
            raise OperatorError(f"another rebuild of {binding.name!r} is under way", "wait for its end")
        yield


def _since(before: Status, after: Status | None, name: str) -> int:
    """By how much a number of the owner's has grown; another owner counts from zero."""
    now = 0 if after is None else int(json.loads(after.details).get(name) or 0)
    same = after is not None and (before.owner, before.owned_since_ms) == (after.owner, after.owned_since_ms)
    return now - int(json.loads(before.details).get(name) or 0) if same else now
