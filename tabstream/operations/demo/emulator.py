"""The stand-in's control API: the log of API calls, quotas, and faults on purpose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tabstream.errors import OperatorError

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Sheets API; `at_ms` in milliseconds since 1970, `kind` read or write."""

    number: int
    at_ms: float
    kind: str
    method: str
    status: int
    user: str


class Emulator:
    """The stand-in, as its operator sees it."""

    def __init__(self, sheets_url: str) -> None:
        self._http = httpx.Client(base_url=f"{sheets_url}/control", timeout=_SECONDS)

    def close(self) -> None:
        """Gives the connection back."""
        self._http.close()

    def calls(self, since: int = 0) -> Sequence[Call]:
        """The calls numbered above `since` that the stand-in remembers, oldest first."""
        answer = self._checked(self._http.get("/calls", params={"since": since}))
        return [
            Call(int(c["number"]), float(c["at_ms"]), str(c["kind"]), str(c["method"]), int(c["status"]), str(c["user"]))
            for c in answer["calls"]
        ]

    def last_call(self) -> int:
        """The number of the newest call; 0 before the first."""
        calls = self.calls()
        return calls[-1].number if calls else 0

    def fail_next_write(self, status: int, when: str) -> None:
        """The next batchUpdate answers with this status, `before` or `after` it was applied."""
        fault = {"status": status, "when": when, "count": 1, "method": "batchUpdate"}
        self._checked(self._http.post("/faults", json=fault))

    def settings(self, quotas: bool, latency_ms: float) -> None:
        """Quotas per minute on or off, and how long each call takes beyond its work."""
        self._checked(self._http.put("/settings", json={"quotas": quotas, "latency_ms": latency_ms}))

    def used(self, apart_from: str = "") -> int:
        """The most calls of one kind that any user but this one made in the last minute."""
        usage = self._checked(self._http.get("/usage"))
        return max((count for users in usage.values() for user, count in users.items() if user != apart_from), default=0)

    def faults_left(self) -> int:
        """How many faults have not happened yet."""
        faults = self._checked(self._http.get("/faults"))["faults"]
        return sum(int(fault["count"]) for fault in faults)

    def _checked(self, answer: httpx.Response) -> Mapping[str, Any]:
        if answer.is_error:
            raise OperatorError(
                f"the stand-in refused {answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}",
                "look at: tabstream local logs emulator",
            )
        found: Mapping[str, Any] = answer.json() if answer.content else {}
        return found
