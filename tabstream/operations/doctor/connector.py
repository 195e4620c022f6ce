"""What is judged of the Debezium connector. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connectors.source import differences, explain
from tabstream.kafka.connect import ConnectorState
from tabstream.operations.doctor.findings import APPLY, Finding, Group, ok, wrong

CHECKS = ("reachable", "state", "configuration")
_CONNECTOR = Group.CONNECTOR
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """The connector by its name; `now` is None where there is none, and `wanted` what applying would make of it."""

    name: str
    state: ConnectorState
    now: Mapping[str, str] | None
    wanted: Mapping[str, str]

    @property
    def reselects(self) -> bool:
        """Whether it asks the database for the large values that a change leaves out."""
        return self.now is not None and "reselect" in self.now.get("post.processors", "")


def judge(facts: Facts) -> Iterator[Finding]:
    """Whether it runs, and is as `connectors apply` would make it."""
    yield ok(_CONNECTOR, "reachable", "Kafka Connect answers")
    if facts.now is None:
        yield wrong(_CONNECTOR, "state", f"there is no connector {facts.name!r}", APPLY)
        return
    yield _state(facts)
    found = differences(facts.now, facts.wanted)
    if not found:
        yield ok(_CONNECTOR, "configuration", "as `tabstream connectors apply` makes it")
        return
    said = [f"{d.key} is {d.now!r}, not {d.wanted!r}" for d in found[:_SHOWN]]
    said += [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    yield wrong(_CONNECTOR, "configuration", "; ".join(said), APPLY)


def _state(facts: Facts) -> Finding:
    state = facts.state
    if state.running:
        return ok(_CONNECTOR, "state", f"{facts.name!r} and its task run")
    if state.failed:
        return wrong(_CONNECTOR, "state", f"{facts.name!r} has failed: {explain(state.trace)}", APPLY)
    tasks = ", ".join(state.tasks) or "no task"
    return wrong(_CONNECTOR, "state", f"{facts.name!r} is {state.state} with {tasks}", APPLY)
