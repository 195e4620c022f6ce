"""Kafka Connect's REST API, as far as the connector needs it.

https://docs.confluent.io/platform/current/connect/references/restapi.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tabstream.errors import OperatorError, Outage

_SECONDS = 30.0


class ConnectUnreachable(Outage):
    """Kafka Connect does not answer, or is busy with a rebalance."""

    remedy = "start Kafka Connect, or correct TABSTREAM_CONNECT_URL; where it is busy, run this again"


class ConnectSilent(ConnectUnreachable):
    """Kafka Connect takes a question and does not answer it, as it does while Kafka is away."""

    remedy = "start Kafka, or correct Kafka Connect's bootstrap.servers; where Kafka runs, look at Kafka Connect's log"


@dataclass(frozen=True, slots=True)
class ConnectorState:
    """`tasks` are the states of the tasks; `trace` is the stack trace of the first that failed."""

    state: str
    tasks: tuple[str, ...]
    trace: str = ""

    @property
    def running(self) -> bool:
        """True where the connector and every task run."""
        return self.state == "RUNNING" and bool(self.tasks) and all(task == "RUNNING" for task in self.tasks)

    @property
    def stopped(self) -> bool:
        """True where the connector is stopped and its last task has ended."""
        return self.state == "STOPPED" and not self.tasks

    @property
    def failed(self) -> bool:
        """True where the connector or a task has failed."""
        return "FAILED" in (self.state, *self.tasks)


class Connect:
    """One Connect cluster. All methods raise ConnectUnreachable where it does not answer, ConnectSilent where it has taken the
    question; `answer_seconds` is how long a connector's configuration may take, which needs nothing but Kafka."""

    def __init__(self, url: str, answer_seconds: float = 10.0) -> None:
        self._answer_seconds = answer_seconds
        self._client = httpx.Client(base_url=url)
        self._where = self._client.base_url.copy_with(userinfo=b"")

    def configuration(self, name: str) -> dict[str, str] | None:
        """The connector's configuration, None where there is no such connector."""
        answer = self._call("GET", f"/connectors/{name}/config", seconds=self._answer_seconds)
        if answer.status_code == 404:
            return None
        found: dict[str, str] = _checked(answer).json()
        return found

    def put(self, name: str, config: Mapping[str, str]) -> None:
        """Creates or changes the connector; raises OperatorError if Connect refuses the configuration."""
        _checked(self._call("PUT", f"/connectors/{name}/config", dict(config)))

    def state(self, name: str) -> ConnectorState:
        """The state of connector and tasks; without tasks while it is starting."""
        answer = self._call("GET", f"/connectors/{name}/status")
        if answer.status_code == 404:
            return ConnectorState("UNASSIGNED", ())
        body = _checked(answer).json()
        traces = [part.get("trace", "") for part in (body["connector"], *body["tasks"]) if part["state"] == "FAILED"]
        return ConnectorState(
            body["connector"]["state"], tuple(task["state"] for task in body["tasks"]), next(iter(traces), "")
        )

    def stop(self, name: str) -> None:
        """Ends the connector's tasks; its configuration and offsets stay."""
        _checked(self._call("PUT", f"/connectors/{name}/stop"))

    def resume(self, name: str) -> None:
        """Starts a stopped or paused connector."""
        _checked(self._call("PUT", f"/connectors/{name}/resume"))

    def forget_offsets(self, name: str) -> None:
        """Deletes the offsets of a stopped connector: one of the same name begins anew."""
        _checked(self._call("DELETE", f"/connectors/{name}/offsets"))

    def delete(self, name: str) -> None:
        """Deletes the connector."""
        _checked(self._call("DELETE", f"/connectors/{name}"))

    def restart_failed(self, name: str) -> None:
        """Starts again what has failed of connector and tasks."""
        _checked(self._call("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true"))

    def _call(self, method: str, path: str, body: Any = None, seconds: float = _SECONDS) -> httpx.Response:
        try:
            answer = self._client.request(method, path, json=body, timeout=seconds)
        except httpx.ReadTimeout as problem:
            said = f"kafka connect at {self._where} has not answered for {seconds:g} s, as where kafka is away"
            raise ConnectSilent(said) from problem
        except httpx.HTTPError as problem:
            raise ConnectUnreachable(f"kafka connect at {self._where} does not answer: {problem!r}") from problem
        if answer.status_code in (409, 500, 503):
            raise ConnectUnreachable(f"kafka connect is busy: {answer.text[:200]}")
        return answer


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        try:
            message = str(answer.json().get("message", answer.text))
        except ValueError:
            message = answer.text
        raise OperatorError(f"kafka connect refuses: {message}", "correct what it names and apply again")
    return answer
