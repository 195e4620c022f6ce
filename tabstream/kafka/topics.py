"""The topics that tabstream writes to itself, and how they are set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.errors import Outage
from tabstream.kafka import clients
from tabstream.kafka.reader import require_answer

EDITS = "tabstream.edits"
SIGNALS = "tabstream.signals"
STATUS = "tabstream.status"
DEAD_LETTERS = "tabstream.dead-letters"

_DAY_MS = 86_400_000
_LARGEST_BYTES = 8_388_608  # a row of very large cells
_TIMEOUT_SECONDS = 15.0


class TopicsNotMade(Outage):
    """The broker does not answer, or refuses to create a topic."""

    remedy = "start Kafka, correct TABSTREAM_BOOTSTRAP_SERVERS, or let this user do what was refused"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is created; an existing one is left as it is."""

    name: str
    partitions: int
    settings: Mapping[str, str] = field(default_factory=dict)


def topic_of(settings: Settings, binding: Binding) -> str:
    """The topic that carries the changes of a binding's table."""
    return binding.topic or _named(settings, binding.schema_name, binding.table_name)


def results_topic(settings: Settings) -> str:
    """The topic of edit results, which the connector of the tables streams from its table."""
    return settings.results_topic or _named(settings, "tabstream", "edit_result")


def _named(settings: Settings, schema: str, table: str) -> str:
    return settings.table_topic.format(prefix=settings.topic_prefix, schema=schema, table=table)


def own_topics(results: str) -> tuple[Topic, ...]:
    """All topics of tabstream's own; `results` is the name of the one of edit results."""
    delete = {"cleanup.policy": "delete", "max.message.bytes": str(_LARGEST_BYTES)}
    return (
        Topic(EDITS, 6, {**delete, "retention.ms": str(365 * _DAY_MS)}),
        Topic(results, 1, {**delete, "retention.ms": str(7 * _DAY_MS)}),
        Topic(SIGNALS, 12, {**delete, "retention.ms": str(_DAY_MS)}),
        Topic(STATUS, 1, {"cleanup.policy": "compact", "segment.ms": str(3_600_000)}),
        Topic(DEAD_LETTERS, 1, {**delete, "retention.ms": str(30 * _DAY_MS)}),
    )


def table_topic(prefix: str, table: str) -> Topic:
    """The topic of a bound table (schema.table), with the settings that Debezium would create it with."""
    settings = {
        "cleanup.policy": "compact",
        "max.message.bytes": str(_LARGEST_BYTES),
        "min.compaction.lag.ms": str(_DAY_MS),
        "delete.retention.ms": str(7 * _DAY_MS),
    }
    return Topic(f"{prefix}.{table}", 1, settings)


def ensure_topics(settings: Settings, topics: tuple[Topic, ...]) -> list[str]:
    """Creates the topics that are missing, and returns their names. Raises TopicsNotMade, or BrokerAway."""
    require_answer(settings)
    admin = clients.admin(settings)
    wanted = [NewTopic(t.name, t.partitions, settings.topic_replication_factor, config=dict(t.settings)) for t in topics]
    made = []
    for name, future in admin.create_topics(wanted, request_timeout=_TIMEOUT_SECONDS).items():
        try:
            future.result(_TIMEOUT_SECONDS)
            made.append(name)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicsNotMade(f"topic {name!r} can't be created: {clients.why(admin, problem)}") from problem
        except TimeoutError as problem:
            raise TopicsNotMade(f"kafka does not answer: {clients.why(admin, problem)}") from problem
    return made
