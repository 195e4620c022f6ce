"""Who is in a consumer group now."""

from collections.abc import Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tabstream.config import Settings
from tabstream.errors import Outage
from tabstream.kafka import clients
from tabstream.kafka.reader import require_answer

_SECONDS = 15.0


class GroupsUnknown(Outage):
    """Kafka does not say who is in a group."""

    remedy = "start Kafka, correct TABSTREAM_BOOTSTRAP_SERVERS, or let this user ask for the group"


def members(settings: Settings, admin: AdminClient, groups: Sequence[str]) -> dict[str, list[str]]:
    """The hosts of the members of each group that has any. Raises GroupsUnknown, or BrokerAway where nobody answers."""
    require_answer(settings)
    found = {}
    for name, future in admin.describe_consumer_groups(list(groups), request_timeout=_SECONDS).items():
        try:
            hosts = sorted(str(member.host).lstrip("/") for member in future.result(_SECONDS).members)
        except (KafkaException, TimeoutError) as problem:
            raise GroupsUnknown(f"kafka does not say who is in the group {name!r}: {clients.why(admin, problem)}") from problem
        if hosts:
            found[name] = hosts
    return found
