"""What the owner says of its bindings: the status topic, gauges, and readiness."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from consumers.sheet_sink.bound_tab import BoundTab, Paused
from consumers.sheet_sink.owner import Owner
from consumers.sheet_sink.silent import SilentTopic
from tabstream import metrics
from tabstream.core.guard import held_digest
from tabstream.kafka.messages import State, Status

_STALLED_SECONDS = 60.0
_LACKING_MS = 60_000  # a row's event may be on its way
_GAUGES = (
    metrics.OLDEST_UNSHOWN_SECONDS,
    metrics.TAB_ROWS,
    metrics.EDITS_WAITING,
    metrics.HELD,
    metrics.INCOMPLETE_ROWS,
    metrics.PARKED_ROWS,
    metrics.PAUSED,
)


def statuses(owner: Owner, instance: str, now_ms: int) -> list[Status]:
    """The status of each binding of one owner; none before it knows what the last owner has said, which they replace."""
    if not owner.recalled:
        return []
    running = [_running(owner, tab, instance, now_ms) for tab in list(owner.roster.tabs.values())]
    paused = [_paused(owner, p, instance, now_ms) for p in list(owner.roster.paused.values())]
    return running + paused


def with_warnings(status: Status, warnings: Sequence[str]) -> Status:
    """The status with what an operator has to put right in the process that reports it."""
    return replace(status, details=_more(status.details, {"warnings": warnings})) if warnings else status


def unbound(last: Status, now_ms: int) -> Status:
    """What is said last of a binding whose entry is gone from the bindings file. What the last owner knew stays with it: the
    entry may come back."""
    return replace(
        last,
        state=State.PAUSED,
        at_ms=now_ms,
        problem="its entry is gone from the bindings file",
        remedy="none, or bring the entry back",
        details=_more(last.details, {"unbound": True}),
    )


def forget_gauges(binding: str) -> None:
    """Takes the gauges of a binding away that this instance reports no more, so that no alert stays."""
    for gauge in _GAUGES:
        gauge.remove(binding)
    metrics.CONSUMER_LAG.remove_by_labels({"consumergroup": _group(binding)})


def show_gauges(owner: Owner, now_ms: int) -> None:
    """Sets the gauges of one owner's bindings."""
    for name, tab in list(owner.roster.tabs.items()):
        book = tab.book
        oldest = tab.oldest_unshown_ms if book.dirty or tab.inbox.waiting else None
        metrics.OLDEST_UNSHOWN_SECONDS.labels(name).set(0 if oldest is None else max(0, now_ms - oldest) / 1_000)
        metrics.TAB_ROWS.labels(name).set(_rows(tab))
        metrics.EDITS_WAITING.labels(name).set(len(book.reports))
        metrics.HELD.labels(name).set(len(book.held))
        metrics.INCOMPLETE_ROWS.labels(name).set(book.incomplete + book.copies)
        metrics.PARKED_ROWS.labels(name).set(len(book.parked))
        metrics.PAUSED.labels(name).set(0)
        shown, group = book.watermark(tab.consumed), _group(name)
        not_shown = tab.results_consumed - 1 - book.results_watermark(tab.results_consumed)
        metrics.CONSUMER_LAG.labels(group, tab.topics.results, "0").set(not_shown)
        for partition, following in tab.consumed.items():
            lag = following - 1 - shown.get(partition, following - 1) + tab.inbox.waiting
            metrics.CONSUMER_LAG.labels(group, tab.topics.table, str(partition)).set(lag)
    for name in list(owner.roster.paused):
        metrics.PAUSED.labels(name).set(1)


def not_ready(owner: Owner) -> list[str]:
    """Why the owner makes no progress; empty where it does, or has nothing to do."""
    reasons = [f"binding {p.binding.name!r} is paused: {p.problem}" for p in list(owner.roster.paused.values())]
    if owner.problem is not None:
        reasons.append(f"spreadsheet {owner.spreadsheet_id}: {owner.problem}")
    busy = owner.progress.busy_since
    if busy is not None and time.monotonic() - max(busy, owner.progress.last_flush_at) > _STALLED_SECONDS:
        reasons.append(f"spreadsheet {owner.spreadsheet_id}: no flush has ended for {_STALLED_SECONDS:.0f} s")
    return reasons


def silent_topics(owner: Owner) -> list[SilentTopic]:
    """The bindings of one owner to whose topics nothing was ever written."""
    return [SilentTopic(tab.binding, tab.topics.table) for tab in list(owner.roster.tabs.values()) if tab.inbox.silent]


def _running(owner: Owner, tab: BoundTab, instance: str, now_ms: int) -> Status:
    book = tab.book
    problem, remedy = _problem(owner, tab, now_ms) or (None, None)
    details = {
        "held_rows": dict(sorted(book.held.items())[:100]),
        "held_digest": held_digest(book.held) if book.held else None,
        "parked_rows": dict(list(book.parked.items())[:20]),
        "copied_rows": book.copies,
        "deletes_under_way": len(book.suspects) + len(book.deleting),
        "audit_answered": tab.audit_answered,
        "dropped_deletes": tab.dropped_deletes,
        "writes": tab.writes,
    }
    return Status(
        binding=tab.binding.name,
        spreadsheet_id=owner.spreadsheet_id,
        owner=instance,
        owned_since_ms=owner.since_ms,
        state=State.RUNNING if tab.inbox.complete else State.STARTING,
        at_ms=now_ms,
        problem=problem,
        remedy=remedy,
        rows=_rows(tab),
        lag_messages=len(book.dirty) + tab.inbox.waiting,
        oldest_unshown_ms=tab.oldest_unshown_ms if book.dirty else None,
        last_write_ms=tab.last_write_ms,
        edits_waiting=len(book.reports),
        incomplete=book.incomplete + book.copies,
        held=len(book.held),
        parked=len(book.parked),
        details=_details(owner, tab.binding.name, details),
    )


def _problem(owner: Owner, tab: BoundTab, now_ms: int) -> tuple[str, str] | None:
    if owner.problem:
        return owner.problem, "none: it is tried again"
    lacking = [since for since in list(tab.book.lacking.values()) if now_ms - since >= _LACKING_MS]
    if not lacking:
        return None
    return (
        f"topic {tab.topics.table!r} lacks rows that table {tab.binding.table!r} has: {len(lacking)}, which stay as they are",
        "have the table snapshotted: docs/runbook.md, a topic lacks rows that its table has",
    )


def _paused(owner: Owner, paused: Paused, instance: str, now_ms: int) -> Status:
    name, stopped = paused.binding.name, owner.roster.stopped_by_operator
    starting = paused.problem == "starting"
    return Status(
        binding=name,
        spreadsheet_id=owner.spreadsheet_id,
        owner=instance,
        owned_since_ms=owner.since_ms,
        state=State.STARTING if starting else State.PAUSED,
        at_ms=now_ms,
        problem=(owner.problem if starting else paused.problem) or None,
        remedy=None if starting else paused.remedy,
        details=_details(owner, name, {"paused_by_operator": name in stopped, "pause_reason": stopped.get(name)}),
    )


def _details(owner: Owner, name: str, details: Mapping[str, object]) -> str:
    """What the next owner must know; read by `recall`."""
    sheet_id, sequence = owner.roster.place_of(name) or (None, None)
    return json.dumps({**details, "sheet_id": sheet_id, "sequence": sequence}, ensure_ascii=False)


def _more(details: str, more: Mapping[str, object]) -> str:
    return json.dumps({**json.loads(details), **more}, ensure_ascii=False)


def _group(binding: str) -> str:
    return f"tabstream.sheet-sink.{binding}"


def _rows(tab: BoundTab) -> int:
    return sum(1 for entry in list(tab.book.entries.values()) if entry.row is not None)
