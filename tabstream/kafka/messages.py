"""Signals to the owner of a spreadsheet, and what the owner says of its bindings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class SignalKind(StrEnum):
    """What the owner is asked to do."""

    POKE = "POKE"
    SWEEP = "SWEEP"
    AUDIT = "AUDIT"
    REBUILD = "REBUILD"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    CONFIRM = "CONFIRM"


@dataclass(frozen=True, slots=True)
class Signal:
    """One request to the owner. `binding` is None for every binding of the spreadsheet; rows are 0-based, half-open."""

    id: str
    spreadsheet_id: str
    kind: SignalKind
    at_ms: int
    binding: str | None = None
    argument: str | None = None
    sheet_id: int | None = None
    start_row: int | None = None
    end_row: int | None = None

    @property
    def kafka_key(self) -> bytes:
        """All signals of a spreadsheet go to its owner's partition."""
        return self.spreadsheet_id.encode()

    def to_record(self) -> dict[str, Any]:
        """The record of `schemas/signal.avsc`."""
        return asdict(self) | {"kind": self.kind.value}


def signal_from_record(record: Mapping[str, Any]) -> Signal:
    """The inverse of `Signal.to_record`; raises TypeError, KeyError or ValueError on a record of another shape."""
    return Signal(**{**record, "kind": SignalKind(record["kind"])})


class State(StrEnum):
    """What the owner does with a binding."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True)
class Status:
    """What the owner says of one binding; times in ms since 1970, `details` a JSON object for the next owner."""

    binding: str
    spreadsheet_id: str
    owner: str
    owned_since_ms: int
    state: State
    at_ms: int
    problem: str | None = None
    remedy: str | None = None
    rows: int = 0
    lag_messages: int = 0
    oldest_unshown_ms: int | None = None
    last_write_ms: int | None = None
    edits_waiting: int = 0
    incomplete: int = 0
    held: int = 0
    parked: int = 0
    details: str = "{}"

    @property
    def kafka_key(self) -> bytes:
        """The topic is compacted to the newest status of each binding."""
        return self.binding.encode()

    def to_record(self) -> dict[str, Any]:
        """The record of `schemas/status.avsc`."""
        return asdict(self) | {"state": self.state.value}


def status_from_record(record: Mapping[str, Any]) -> Status:
    """The inverse of `Status.to_record`; raises TypeError, KeyError or ValueError on a record of another shape."""
    return Status(**{**record, "state": State(record["state"])})
