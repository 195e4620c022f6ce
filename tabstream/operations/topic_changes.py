"""Bringing topics to what tabstream needs of them."""

from collections.abc import Mapping, Sequence

from tabstream.config import Settings
from tabstream.errors import OperatorError
from tabstream.kafka.topic_settings import Lack, TopicNow, bring_to, describe, lacks
from tabstream.kafka.topics import own_topics, results_topic, table_topic

_IN_SYNC = "min.insync.replicas"


def changes(
    settings: Settings, tables: Sequence[str], names: Sequence[str], min_insync_replicas: int | None
) -> dict[str, tuple[Lack, ...]]:
    """What each topic lacks, for those of `names`, or all; raises OperatorError for one that is not there, TopicsUnknown."""
    known = {
        topic.name: topic
        for topic in (*own_topics(results_topic(settings)), *(table_topic(settings.topic_prefix, table) for table in tables))
    }
    now = describe(settings, known).topics
    for name in names:
        if name not in now:
            raise OperatorError(f"there is no topic {name!r} of tabstream", f"choose of: {', '.join(now) or 'none'}")
    chosen = names or list(now)
    return {name: lacks(known[name], now[name]) + _in_sync(now[name], min_insync_replicas) for name in chosen}


def bring(settings: Settings, wanted: Mapping[str, Sequence[Lack]]) -> None:
    """Changes it; raises OperatorError where Kafka refuses, TopicsUnknown."""
    for topic, lacking in wanted.items():
        if lacking:
            bring_to(settings, topic, lacking)


def _in_sync(now: TopicNow, wanted: int | None) -> tuple[Lack, ...]:
    found = now.settings.get(_IN_SYNC, "")
    return () if wanted is None or found == str(wanted) else (Lack(_IN_SYNC, found, str(wanted)),)
