"""What the last owner of a binding has said of it, for the next one: the details of its status."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from consumers.sheet_sink.services import Services
from tabstream.core.binding import Binding

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Told:
    """`sequence` is the tab's own number as it was last seen, None where it was not; `paused` that an operator paused it, for
    this reason."""

    binding: str
    sheet_id: int | None
    sequence: int | None
    paused: bool
    reason: str = ""


def recall(bindings: Sequence[Binding], services: Services) -> list[Told]:
    """What is told of these bindings in the topic of statuses; raises Outage."""
    wanted = {binding.name: binding for binding in bindings}
    statuses, unreadable = services.statuses(wanted.keys())
    for name, reason in unreadable.items():
        _log.warning("the last owner's status can't be read", binding=name, problem=reason)
    told = []
    for status in statuses:
        if status.spreadsheet_id == wanted[status.binding].spreadsheet_id:
            details: dict[str, Any] = json.loads(status.details)
            sheet_id, sequence = details.get("sheet_id"), details.get("sequence")
            paused, reason = bool(details.get("paused_by_operator")), str(details.get("pause_reason") or "")
            told.append(Told(status.binding, sheet_id, sequence, paused, reason))
    return told
