"""How topics are set up, how they should be, and how they are brought to that."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    NewPartitions,
)
from confluent_kafka.admin import ConfigResource as _ConfigResource  # type: ignore[attr-defined]

from tabstream.config import Settings
from tabstream.errors import OperatorError, Outage
from tabstream.kafka import clients
from tabstream.kafka.topics import Topic

_SECONDS = 3.0
_FOR_EVER = -1


class TopicsUnknown(Outage):
    """The broker does not say how topics are set up, or refuses to change it."""

    remedy = "start Kafka, correct TABSTREAM_BOOTSTRAP_SERVERS, or let this user do what was refused"


@dataclass(frozen=True, slots=True)
class TopicNow:
    """A topic as it is; `settings` are all of its configuration, defaults too."""

    partitions: int
    replicas: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The brokers, and those of the asked topics that there are. `hidden`: this client may not see the settings."""

    brokers: int
    topics: Mapping[str, TopicNow]
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Lack:
    """A setting that is not enough. `partitions` counts as a setting."""

    setting: str
    now: str
    wanted: str


def lacks(wanted: Topic, now: TopicNow) -> tuple[Lack, ...]:
    """What the topic has too little of; more than is wanted is as good."""
    found = [Lack("partitions", str(now.partitions), str(wanted.partitions))] if now.partitions < wanted.partitions else []
    for name, value in wanted.settings.items():
        if name in now.settings and not _suffices(name, now.settings[name], value):
            found.append(Lack(name, now.settings[name], value))
    return tuple(found)


def describe(settings: Settings, names: Iterable[str], seconds: float = _SECONDS) -> Cluster:
    """How these topics are set up. Raises TopicsUnknown."""
    admin = clients.admin(settings)
    try:
        listed = admin.list_topics(timeout=seconds)
    except KafkaException as problem:
        reason = problem.args[0].str()
        raise TopicsUnknown(f"kafka at {settings.bootstrap_servers} gives no answer: {reason}") from problem
    there = [name for name in names if name in listed.topics]
    try:
        configs = _configs(admin, there, seconds)
    except (KafkaException, TimeoutError):
        configs = {}
    topics = {
        name: TopicNow(len(parts), max((len(p.replicas) for p in parts.values()), default=0), configs.get(name, {}))
        for name in there
        for parts in [listed.topics[name].partitions]
    }
    return Cluster(len(listed.brokers), topics, hidden=bool(there) and not configs)


def bring_to(settings: Settings, topic: str, missing: Sequence[Lack]) -> None:
    """Changes what is missing, and nothing else. Raises TopicsUnknown, OperatorError where the broker refuses."""
    admin = clients.admin(settings)
    partitions = [NewPartitions(topic, int(lack.wanted)) for lack in missing if lack.setting == "partitions"]
    changes = [
        ConfigEntry(lack.setting, lack.wanted, incremental_operation=AlterConfigOpType.SET)
        for lack in missing
        if lack.setting != "partitions"
    ]
    futures = []
    if partitions:
        futures += list(admin.create_partitions(partitions, request_timeout=_SECONDS).values())
    if changes:
        resource = _ConfigResource(_ConfigResource.Type.TOPIC, topic, incremental_configs=changes)
        futures += list(admin.incremental_alter_configs([resource], request_timeout=_SECONDS).values())
    try:
        for future in futures:
            future.result(_SECONDS)
    except KafkaException as problem:
        reason = problem.args[0].str()
        raise OperatorError(f"kafka refuses to change topic {topic!r}: {reason}", "run it as somebody who may") from problem
    except TimeoutError as problem:
        raise TopicsUnknown("kafka does not answer") from problem


def _suffices(name: str, now: str, wanted: str) -> bool:
    if name == "cleanup.policy":
        return now == wanted
    return int(now) == _FOR_EVER or int(now) >= int(wanted)


def _configs(admin: AdminClient, names: Sequence[str], seconds: float) -> dict[str, Mapping[str, str]]:
    resources = [_ConfigResource(_ConfigResource.Type.TOPIC, name) for name in names]
    if not resources:
        return {}
    found = admin.describe_configs(resources, request_timeout=seconds)
    return {
        resource.name: {name: str(entry.value) for name, entry in future.result(seconds).items()}
        for resource, future in found.items()
    }
