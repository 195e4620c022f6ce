"""Everything that the connector needs, made in one go: topics, the schema in the database, triggers, the connector itself."""

from collections.abc import Callable

from connectors import apply as applying
from connectors.publication import has_key
from connectors.source import Source
from tabstream.config import Settings
from tabstream.errors import OperatorError
from tabstream.kafka.connect import Connect
from tabstream.kafka.topics import ensure_topics, own_topics, results_topic, table_topic
from tabstream.postgres.schema import install, watch_truncate

Say = Callable[[str], None]


def install_source(settings: Settings, source: Source, connect: Connect, say: Say) -> None:
    """Makes what is missing, and returns once every task of the connector runs. Raises OperatorError, Outage."""
    topics = {table: table_topic(settings.topic_prefix, table) for table in source.tables}
    made = ensure_topics(settings, own_topics(results_topic(settings)) + tuple(topics.values()))
    if made:
        say(f"topics created: {', '.join(made)}")
    install(settings.database_url)
    existing = []
    for table in source.tables:
        try:
            watch_truncate(settings.database_url, table)
            if has_key(settings.database_url, table):
                existing.append(table)
            else:
                say(f"[yellow]{table} is not published: it has no primary key; add one and apply again[/yellow]")
        except OperatorError as problem:
            say(f"[yellow]{problem.problem}: {problem.remedy}[/yellow]")
    applying.apply(source, connect, existing, say, [table for table, topic in topics.items() if topic.name in made])
    say(f"connector {source.name} runs")
