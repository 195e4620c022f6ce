"""What waits for a confirmation, and confirming it: the owner is told the digest of exactly the rows that were shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.kafka.messages import SignalKind, Status
from tabstream.operations.reported import read_status, read_statuses
from tabstream.operations.signalling import send


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of one binding that wait. `rows` gives the reason by row key, for the first hundred of `count`."""

    binding: str
    spreadsheet_id: str
    count: int
    digest: str
    rows: Mapping[str, str]


def read_held(settings: Settings, binding: str) -> Held | None:
    """What waits, as the owner has said last; None where nothing does. Raises Outage, or OperatorError for no such binding."""
    return held_of(read_status(settings, binding))


def read_all_held(settings: Settings) -> list[Held]:
    """What waits in any binding, by its name; raises Outage, or OperatorError for a status that can't be read."""
    return [held for status in read_statuses(settings) if (held := held_of(status)) is not None]


def held_of(status: Status) -> Held | None:
    """What a status says of rows that wait."""
    details: Mapping[str, Any] = json.loads(status.details)
    if not status.held or not details.get("held_digest"):
        return None
    return Held(status.binding, status.spreadsheet_id, status.held, details["held_digest"], details["held_rows"])


def confirm(settings: Settings, held: Held, clock: Clock) -> None:
    """Tells the owner that these rows, and no others, may go on; raises Outage if Kafka does not take it."""
    send(settings, clock, held.spreadsheet_id, held.binding, SignalKind.CONFIRM, held.digest)
