"""What is judged of topics. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tabstream.kafka.topic_settings import Cluster, Lack, TopicNow, lacks
from tabstream.kafka.topics import EDITS, SIGNALS, Topic
from tabstream.operations.doctor.findings import APPLY, Finding, Group, Step, hand, ok, shell, skipped, warning, wrong

CHECKS = ("reachable", "topic", "replication")
_KAFKA = Group.KAFKA
# Without these, rows are lost: a table's topic that forgets, or an answer's that keeps the newest only.
_GRAVE = "cleanup.policy"
_MANY_BROKERS = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """The cluster, and the topics as they should be. `single` are those of which only the first partition is read."""

    cluster: Cluster
    wanted: Sequence[Topic]
    single: frozenset[str] = frozenset()


def judge(facts: Facts) -> Iterator[Finding]:
    """Each topic, and how well they are replicated."""
    yield ok(_KAFKA, "reachable", _count(facts.cluster.brokers, "broker"))
    for topic in facts.wanted:
        now = facts.cluster.topics.get(topic.name)
        if now is None:
            yield wrong(_KAFKA, "topic", "there is no such topic", APPLY, subject=topic.name)
        else:
            yield _topic(topic, now, topic.name in facts.single)
    if facts.cluster.hidden:
        yield from skipped(_KAFKA, ["settings", "replication"], "this client may not read the settings of topics")
    else:
        yield from _replications(facts)


def _topic(wanted: Topic, now: TopicNow, single: bool) -> Finding:
    if single and now.partitions > wanted.partitions:
        found = f"it has {now.partitions} partitions, of which only the first is read"
        anew = hand(f"delete the topic {wanted.name!r}, then run: {APPLY.text}")
        return wrong(_KAFKA, "topic", found, anew, subject=wanted.name)
    missing = lacks(wanted, now)
    if not missing:
        policy = now.settings.get(_GRAVE, wanted.settings.get(_GRAVE, ""))
        return ok(_KAFKA, "topic", f"{policy}, {_count(now.partitions, 'partition')}", subject=wanted.name)
    found = "; ".join(map(_said, missing))
    steps = [shell("tabstream", "connectors", "topics", wanted.name)]
    if wanted.name in (EDITS, SIGNALS) and any(lack.setting == "partitions" for lack in missing):
        steps.append(hand("restart the sheet sinks and database sinks"))
    make = wrong if any(lack.setting == _GRAVE for lack in missing) else warning
    return make(_KAFKA, "topic", found, *steps, subject=wanted.name)


def _said(lack: Lack) -> str:
    if lack.setting == "partitions":
        return f"{lack.now} partitions, so that at most {lack.now} instances share the work"
    wanted = lack.wanted if lack.setting == _GRAVE else f"at least {lack.wanted}"
    return f"{lack.setting} is {lack.now}, and should be {wanted}"


def _replications(facts: Facts) -> Iterator[Finding]:
    brokers = facts.cluster.brokers
    there = {topic.name: facts.cluster.topics[topic.name] for topic in facts.wanted if topic.name in facts.cluster.topics}
    found = [problem for name, now in there.items() if (problem := _replication(name, now, brokers)) is not None]
    yield from found
    if there and not found:
        least = min(now.replicas for now in there.values())
        said = f"every topic has {_count(least, 'replica')} or more, of {_count(brokers, 'broker')}"
        yield ok(_KAFKA, "replication", said)


def _replication(name: str, now: TopicNow, brokers: int) -> Finding | None:
    needed = int(now.settings.get("min.insync.replicas", "1"))
    said = f"{_count(now.replicas, 'replica')}, {needed} must have a message before it counts as written"
    if needed > now.replicas:
        return wrong(_KAFKA, "replication", f"{said}: nothing can be written", _set(name, now.replicas), subject=name)
    if now.replicas < _MANY_BROKERS <= brokers:
        give = f"give it {_MANY_BROKERS} replicas, by kafka-reassign-partitions.sh"
        step = hand(f"{give}, and set TABSTREAM_TOPIC_REPLICATION_FACTOR for topics to come")
        return warning(_KAFKA, "replication", f"{said}: the loss of a broker may lose messages", step, subject=name)
    if now.replicas > 1 and needed == now.replicas:
        step = _set(name, now.replicas - 1)
        return warning(_KAFKA, "replication", f"{said}: writing stops when one broker does", step, subject=name)
    if now.replicas >= _MANY_BROKERS and needed < now.replicas - 1:
        step = _set(name, now.replicas - 1)
        return warning(_KAFKA, "replication", f"{said}: a message may be lost with one broker", step, subject=name)
    return None


def _set(name: str, replicas: int) -> Step:
    return shell("tabstream", "connectors", "topics", name, "--min-insync-replicas", str(replicas))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
