"""What the server's operator can set: latency, quotas, faults on purpose, who may do what; and the log of calls."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_LOG_SIZE = 200_000

Role = Literal["none", "reader", "writer"]


class Settings(BaseModel):
    """Quotas, and how long a call takes: half of the latency passes before it is applied, half after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quotas: bool = True
    read_per_minute: int = Field(default=60, ge=1)
    write_per_minute: int = Field(default=60, ge=1)
    latency_ms: float = Field(default=0, ge=0, le=600_000)
    api_fires_change: bool = False


class Fault(BaseModel):
    """An answer that goes wrong, `before` or `after` the call was applied.

    `status` 0 cuts the connection without an answer. `method` (`batchUpdate`, `get`, ...) and `spreadsheet_id` narrow it down;
    `delay_ms` passes before the answer; the first `skip` calls that match are spared.
    """

    model_config = ConfigDict(extra="forbid")

    status: Annotated[int, Field(ge=0, le=599)]
    when: Literal["before", "after"] = "before"
    count: int = Field(default=1, ge=1)
    skip: int = Field(default=0, ge=0)
    method: str | None = None
    spreadsheet_id: str | None = None
    message: str | None = None
    delay_ms: float = Field(default=0, ge=0, le=600_000)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API. `at_ms`: when it was applied, milliseconds since 1970."""

    number: int
    at_ms: float
    kind: str
    method: str
    status: int
    spreadsheet_id: str | None
    user: str
    requests: int
    bytes: int
    milliseconds: float


def role_name(spreadsheet_id: str, user: str) -> str:
    """The name under which the role of one user is kept."""
    return f"{spreadsheet_id} {user}"


class Control:
    """Thread-safe. Faults and the log end with the process."""

    def __init__(self, settings: Settings, roles: dict[str, Role] | None = None) -> None:
        self.settings = settings
        self.roles: dict[str, Role] = dict(roles or {})
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._calls: deque[Call] = deque(maxlen=_LOG_SIZE)
        self._numbers = 0

    def role(self, spreadsheet_id: str, user: str) -> Role:
        """What a user (see Call) may do with a spreadsheet: their own role, else everybody's."""
        return self.roles.get(role_name(spreadsheet_id, user)) or self.roles.get(spreadsheet_id, "writer")

    def change(self, changes: dict[str, Any]) -> Settings:
        """Some settings replaced; raises pydantic's ValidationError for what can't be."""
        with self._lock:
            self.settings = Settings.model_validate({**self.settings.model_dump(), **changes})
        return self.settings

    def add_fault(self, fault: Fault) -> None:
        """One more, after those that are there."""
        with self._lock:
            self._faults.append(fault)

    def clear_faults(self) -> None:
        """No more faults."""
        with self._lock:
            self._faults.clear()

    def faults(self) -> list[Fault]:
        """Those that have not happened yet, `count` the times that are left."""
        with self._lock:
            return [fault.model_copy() for fault in self._faults]

    def take_fault(self, method: str, spreadsheet_id: str | None) -> Fault | None:
        """The fault that hits this call, if any; it is used up by one."""
        with self._lock:
            for fault in self._faults:
                if fault.method not in (None, method) or fault.spreadsheet_id not in (None, spreadsheet_id):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.count -= 1
                if not fault.count:
                    self._faults.remove(fault)
                return fault
        return None

    def log(self, **call: Any) -> None:
        """Remembers a call."""
        with self._lock:
            self._numbers += 1
            self._calls.append(Call(self._numbers, **call))

    def calls(self, since: int = 0) -> list[Call]:
        """The calls numbered above `since`, the oldest first."""
        with self._lock:
            missing = self._numbers - since
            if missing <= 0:
                return []
            return list(self._calls)[-missing:]
