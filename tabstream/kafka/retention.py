"""How long topics keep their messages."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource as _ConfigResource  # type: ignore[attr-defined]

from tabstream.config import Settings
from tabstream.core.history import Kept
from tabstream.kafka import clients

_SECONDS = 5.0


def kept(settings: Settings, topic: str) -> Kept | None:
    """The topic's settings; None where this client may not ask for them."""
    resource = _ConfigResource(_ConfigResource.Type.TOPIC, topic)
    admin = clients.admin(settings)  # without a name it would be gone before the answer
    try:
        found = admin.describe_configs([resource], request_timeout=_SECONDS)[resource].result(_SECONDS)
    except (KafkaException, TimeoutError):
        return None
    return _kept({name: entry.value for name, entry in found.items()})


def _kept(config: Mapping[str, Any]) -> Kept:
    policy = str(config["cleanup.policy"])
    retention_ms = int(config["retention.ms"])
    for_ever = retention_ms < 0 or "delete" not in policy
    return Kept("compact" in policy, None if for_ever else retention_ms, int(config["min.compaction.lag.ms"]))
