"""Asking the owner of a binding for something."""

import uuid

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.errors import Outage
from tabstream.kafka.messages import Signal, SignalKind
from tabstream.kafka.publisher import Publisher

_ACKNOWLEDGE_SECONDS = 10.0


def send(
    settings: Settings, clock: Clock, spreadsheet_id: str, binding: str, kind: SignalKind, argument: str | None = None
) -> None:
    """Sends a signal for one binding; raises Outage if Kafka does not take it."""
    signal = Signal(str(uuid.uuid4()), spreadsheet_id, kind, clock.now_ms(), binding, argument=argument)
    publisher = Publisher(settings)
    try:
        publisher.signal(signal).result(_ACKNOWLEDGE_SECONDS)
    except TimeoutError as problem:
        raise Outage(f"kafka at {settings.bootstrap_servers} has not taken the signal in time") from problem
    finally:
        publisher.close(timeout_seconds=1)
