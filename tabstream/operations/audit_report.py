"""What an audit comes to: what each finding counts for, what that means for the binding, and the exit code."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tabstream.core.audit import Finding, Kind, Trial
from tabstream.core.binding import Binding
from tabstream.kafka.messages import State, Status
from tabstream.operations.status import SILENT_AFTER_MS

_WHOLE_ROWS = frozenset({Kind.MISSING, Kind.NOBODYS})


class Standing(StrEnum):
    """What a finding counts for, from the worst to what is no fault."""

    DRIFT = "drift"
    UNDECIDED = "undecided"
    PARKED = "parked"
    HELD = "held"
    CHANGING = "changing"
    EDIT = "edit under way"
    UNSAVED = "not saved"


_OPEN = (Standing.HELD, Standing.PARKED, Standing.UNDECIDED)


class Outcome(StrEnum):
    """How an audit has ended: nothing differs, only what is under way does, something has drifted, something is not decided,
    or the audit could not be made."""

    EQUAL = "equal"
    UNDER_WAY = "under way"
    DRIFT = "drift"
    UNDECIDED = "undecided"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding and what it counts for."""

    finding: Finding
    standing: Standing


@dataclass(frozen=True, slots=True)
class Report:
    """One binding's audit. `position` is the source's when it was read whole; `checksums` are tab's and source's. `before`
    counts what differed at the first look, or what was repaired since.

    `problem` and `remedy` say why the audit could not be made, or what keeps it from deciding.
    """

    binding: Binding
    seconds: float
    findings: tuple[Judged, ...] = ()
    tab_rows: int = 0
    table_rows: int = 0
    cells: int = 0
    position: str | None = None
    checksums: tuple[str, str] | None = None
    looks: int = 0
    problem: str | None = None
    remedy: str | None = None
    before: Mapping[Kind, int] = field(default_factory=dict)

    @property
    def counts(self) -> Mapping[Standing, int]:
        """How many findings count for what, without zeros."""
        return Counter(judged.standing for judged in self.findings)

    @property
    def outcome(self) -> Outcome:
        """See Outcome."""
        if self.checksums is None:
            return Outcome.FAILED
        if Standing.DRIFT in self.counts:
            return Outcome.DRIFT
        if any(standing in self.counts for standing in _OPEN):
            return Outcome.UNDECIDED
        under_way = Standing.EDIT in self.counts or Standing.CHANGING in self.counts
        return Outcome.UNDER_WAY if under_way else Outcome.EQUAL


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Why a difference may be under way; `for_long` where waiting will not help."""

    reason: str
    for_long: bool = False


def exit_code(reports: Collection[Report]) -> int:
    """3 where anything has drifted, else 1 where anything failed or is not decided, else 0."""
    outcomes = {report.outcome for report in reports}
    if Outcome.DRIFT in outcomes:
        return 3
    return 1 if outcomes & {Outcome.FAILED, Outcome.UNDECIDED} else 0


def unsettled(status: Status | None, question: str, looked_at_ms: int, now_ms: int) -> Unsettled | None:
    """What an owner's status says against taking a difference for drift, None for nothing.

    The owner must have answered `question`, and show all changes up to `looked_at_ms`, the database's time of the look.
    """
    if status is None:
        return Unsettled("no sheet sink has reported this binding", True)
    silent_ms = now_ms - status.at_ms
    details = _details(status)
    later = status.oldest_unshown_ms is not None and status.oldest_unshown_ms > looked_at_ms
    not_running = status.state is not State.RUNNING or status.problem is not None
    reasons = (
        (silent_ms > SILENT_AFTER_MS, True, f"its owner has not reported for {silent_ms // 1000} seconds"),
        (status.state is State.PAUSED, True, f"it is paused: {status.problem}"),
        (not_running, False, status.problem or "its owner is starting"),
        (bool(status.lag_messages) and not later, False, f"{status.lag_messages} changes wait to be shown"),
        (bool(status.edits_waiting), False, f"{status.edits_waiting} edits wait for their answers"),
        (bool(details.get("deletes_under_way")), False, "rows were deleted in the sheet"),
        (details.get("audit_answered") != question, False, "its owner has not read the tab since"),
    )
    return next((Unsettled(reason, for_long) for holds, for_long, reason in reasons if holds), None)


def judge(findings: Sequence[Finding], trial: Trial, status: Status | None) -> tuple[Judged, ...]:
    """What each finding counts for; `status` is what the owner said when the trial's drift was found."""
    drift = {finding.evidence for finding in trial.drift}
    changing = {finding.evidence for finding in trial.changing}
    return tuple(
        Judged(f, Standing.CHANGING if f.evidence in changing else _standing(f, f.evidence in drift, status)) for f in findings
    )


def what_is_open(report: Report, why: Unsettled | None) -> tuple[str | None, str | None]:
    """What keeps the audit from deciding, and what to do; None twice for nothing."""
    name, counts = report.binding.name, report.counts
    if count := counts.get(Standing.UNDECIDED):
        reason = why.reason if why is not None else "they were still changing"
        return f"{count} differences may be under way: {reason}", "see: tabstream status; then run it again"
    if count := counts.get(Standing.HELD):
        return f"{count} rows wait for a confirmation", f"tabstream confirm {name}, or undo it in the sheet"
    if count := counts.get(Standing.PARKED):
        return f"{count} findings are in rows that are parked", "the sheet sink's log has the reason"
    return None, None


def with_next_step(report: Report, step: str) -> Report:
    """The report with what to do about its drift, unless it says already."""
    drifted = report.outcome is Outcome.DRIFT and report.remedy is None
    return replace(report, remedy=step) if drifted else report


def _standing(finding: Finding, is_drift: bool, status: Status | None) -> Standing:
    if finding.kind is Kind.EDIT:
        return Standing.EDIT
    if finding.kind is Kind.UNSAVED:
        return Standing.UNSAVED
    if not is_drift:
        return Standing.UNDECIDED
    details = {} if status is None else _details(status)
    if finding.key in details.get("parked_rows", {}):
        return Standing.PARKED
    held = details.get("held_rows", {})
    # The status names the first hundred only.
    more = status is not None and status.held > len(held) and finding.kind in _WHOLE_ROWS
    return Standing.HELD if finding.key in held or more else Standing.DRIFT


def _details(status: Status) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(status.details)
    return found
