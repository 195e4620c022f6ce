"""Makes the connector that runs the one that is wanted, and waits until it runs."""

import contextlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from connectors.publication import is_published, publish, published_tables
from connectors.source import Difference, Source, configuration, differences, explain
from tabstream.errors import OperatorError, Outage
from tabstream.kafka.connect import Connect, ConnectorState, ConnectSilent, ConnectUnreachable
from tabstream.postgres.connection import connect as connected
from tabstream.postgres.slots import drop_slot
from tabstream.postgres.snapshots import ask_for_snapshot

_RUNNING_SECONDS = 90
_UNREACHABLE_SECONDS = 60
_RESTART_SECONDS = 15


class NotRunningYet(Outage):
    """The connector has not come up yet."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What applying changes."""

    created: bool
    differences: tuple[Difference, ...]


def plan(source: Source, connect: Connect) -> Planned:
    """What `apply` would change. Raises ConnectUnreachable; a cluster that takes it in silence is asked once."""
    asking = _retrying(_UNREACHABLE_SECONDS, ConnectUnreachable, but=ConnectSilent)
    now = asking(connect.configuration, source.name)
    return Planned(now is None, tuple(differences(now or {}, configuration(source))))


def apply(
    source: Source, connect: Connect, existing: Sequence[str], say: Callable[[str], None], new_topics: Collection[str] = ()
) -> Planned:
    """Applies the configuration and waits until every task runs.

    `existing` are the bound tables that the database has. Those that are not published yet are announced to a connector
    that runs by a signal, for an incremental snapshot; so are those whose topics are new (`new_topics`), and have none of
    the rows that were streamed before. Raises OperatorError with the reason and a remedy if a task fails,
    ConnectUnreachable if nobody answers.
    """
    planned = plan(source, connect)
    if planned.created:
        say("creating the connector")
        publish(source.database_url, source.name, existing)
        _patiently(lambda: connect.put(source.name, configuration(source)))
        wait_until_running(source.name, connect)
        return planned
    missing = set(existing) - published_tables(source.database_url, source.name)
    published = is_published(source.database_url, source.name)
    if planned.differences or missing or not published:
        say("changing the connector" if planned.differences else "restarting the connector")
        _stop(source, connect)
        if not published:
            say("making the publication, and the slot anew: what was written without it can't be decoded")
            drop_slot(source.database_url, source.name)
            publish(source.database_url, source.name, existing)
            missing, new_topics = set(), ()
        _patiently(lambda: connect.put(source.name, configuration(source)))
    _patiently(lambda: connect.resume(source.name))
    if _patiently(lambda: connect.state(source.name)).failed:
        say("starting again what had failed")
        _restart_failed(source.name, connect)
    wait_until_running(source.name, connect)
    if missing:
        say(f"publishing {', '.join(sorted(missing))}, and asking for a snapshot")
    publish(source.database_url, source.name, existing, ask_for_snapshot)
    if again := streamed_before(existing, missing, new_topics):
        say(f"asking for a snapshot of {', '.join(again)}: what was streamed before is not in a new topic")
        with connected(source.database_url, "tabstream connectors") as connection:
            ask_for_snapshot(connection, again)
    return planned


def streamed_before(existing: Collection[str], missing: Collection[str], new_topics: Collection[str]) -> list[str]:
    """The tables with new topics that were published before: nothing else has them snapshotted."""
    return sorted(set(existing) & set(new_topics) - set(missing))


def _stop(source: Source, connect: Connect) -> None:
    """The tasks have ended before the configuration changes: what is signalled afterwards reaches the new ones only."""

    def check() -> None:
        state = connect.state(source.name)
        if not state.stopped:
            raise NotRunningYet(f"connector {source.name!r} is {state.state} with tasks {list(state.tasks)}")

    _patiently(lambda: connect.stop(source.name))
    try:
        _retrying(_RUNNING_SECONDS, NotRunningYet, ConnectUnreachable)(check)
    except NotRunningYet as problem:
        raise OperatorError(f"{problem} and does not stop", "restart Kafka Connect, then apply again") from problem


def _restart_failed(name: str, connect: Connect) -> None:
    """What failed while something else was away, such as the registry at a common start, may run now. Returns once the old
    failure is no longer reported; whether it runs is seen afterwards."""
    old = connect.state(name).trace

    def check() -> None:
        state = connect.state(name)
        if state.failed and state.trace == old:
            raise NotRunningYet(f"connector {name!r} still reports that it has failed")

    _patiently(lambda: connect.restart_failed(name))
    with contextlib.suppress(NotRunningYet):
        _retrying(_RESTART_SECONDS, NotRunningYet, ConnectUnreachable)(check)


def wait_until_running(name: str, connect: Connect) -> None:
    """Returns once the connector and all tasks run; raises OperatorError if they fail or don't come up in time."""

    def check() -> ConnectorState:
        state = connect.state(name)
        if state.failed:
            reason = explain(state.trace)
            raise OperatorError(f"connector {name!r} has failed: {reason}", "once it is cured: tabstream connectors apply")
        if not state.running:
            raise NotRunningYet(f"connector {name!r} is {state.state} with tasks {list(state.tasks)}")
        return state

    try:
        _retrying(_RUNNING_SECONDS, NotRunningYet, ConnectUnreachable)(check)
    except NotRunningYet as problem:
        raise OperatorError(
            f"{problem} after {_RUNNING_SECONDS} s", "look at the log of Kafka Connect, then apply again"
        ) from problem


T = TypeVar("T")


def _patiently(call: Callable[[], T]) -> T:
    return _retrying(_UNREACHABLE_SECONDS, ConnectUnreachable)(call)


def _retrying(seconds: float, *kinds: type[Outage], but: type[Outage] | tuple[()] = ()) -> tenacity.Retrying:
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda problem: isinstance(problem, kinds) and not isinstance(problem, but)),
        wait=tenacity.wait_exponential(multiplier=0.1, max=1),
        stop=tenacity.stop_after_delay(seconds),
        reraise=True,
    )
