"""Who is in a consumer group now."""

from collections.abc import Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tabstream.errors import Outage

_SECONDS = 15.0


class GroupsUnknown(Outage):
    """Kafka does not say who is in a group."""


def members(admin: AdminClient, groups: Sequence[str]) -> dict[str, list[str]]:
    """The hosts of the members of each group that has any. Raises GroupsUnknown."""
    found = {}
    for name, future in admin.describe_consumer_groups(list(groups), request_timeout=_SECONDS).items():
        try:
            hosts = sorted(str(member.host).lstrip("/") for member in future.result(_SECONDS).members)
        except (KafkaException, TimeoutError) as problem:
            raise GroupsUnknown(f"kafka does not say who is in the group {name!r}: {problem}") from problem
        if hosts:
            found[name] = hosts
    return found
