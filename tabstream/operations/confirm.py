"""What waits for a confirmation, and confirming it: the owner is told the digest of exactly the rows that were shown."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.errors import OperatorError
from tabstream.kafka.messages import Signal, SignalKind, Status
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.status_topic import decode, read_newest, status_decoder

_SECONDS = 10.0
_ACKNOWLEDGE_SECONDS = 30.0


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
    raw = read_newest(settings, _SECONDS)
    if binding not in raw:
        known = ", ".join(sorted(raw)) or "none"
        raise OperatorError(f"no sheet sink has reported a binding {binding!r}", f"choose one of: {known}")
    statuses, unreadable = decode({binding: raw[binding]}, status_decoder(settings))
    if binding in unreadable:
        raise OperatorError(f"the status of {binding!r} can't be read: {unreadable[binding]}", "use the sheet sink's version")
    return held_of(statuses[0])


def held_of(status: Status) -> Held | None:
    """What a status says of rows that wait."""
    details: Mapping[str, Any] = json.loads(status.details)
    if not status.held or not details.get("held_digest"):
        return None
    return Held(status.binding, status.spreadsheet_id, status.held, details["held_digest"], details["held_rows"])


def confirm(settings: Settings, held: Held, clock: Clock) -> None:
    """Tells the owner that these rows, and no others, may go on; raises Outage if Kafka does not take it."""
    signal = Signal(
        str(uuid.uuid4()), held.spreadsheet_id, SignalKind.CONFIRM, clock.now_ms(), held.binding, argument=held.digest
    )
    publisher = Publisher(settings)
    try:
        publisher.signal(signal).result(_ACKNOWLEDGE_SECONDS)
    finally:
        publisher.close()
