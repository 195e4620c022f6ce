"""The Debezium connector's configuration as it should be, and how it differs from what runs. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import unquote, urlsplit

from tabstream.config import Settings
from tabstream.core.binding import Bindings
from tabstream.errors import ConfigurationError
from tabstream.postgres.slots import slot_name

OWN_TABLES = ("tabstream.edit_result", "tabstream.heartbeat", "tabstream.debezium_signal")
_SECRETS = ("password",)


@dataclass(frozen=True, slots=True)
class Source:
    """What differs from one installation to the next. `tables` are schema.table; `registry` is the converter's URL."""

    database_url: str
    prefix: str
    registry: str
    tables: tuple[str, ...]

    @property
    def name(self) -> str:
        """The connector's name; slot and publication carry it too."""
        return slot_name(self.prefix)


def source_of(settings: Settings, bindings: Bindings) -> Source:
    """The source of all bound tables."""
    tables = tuple(sorted({f"{b.schema_name}.{b.table_name}" for b in bindings.bindings}))
    return Source(settings.database_url, settings.topic_prefix, converter_url(settings.schema_registry_url), tables)


def configuration(source: Source) -> dict[str, str]:
    """The connector's configuration; raises ConfigurationError if the database URL lacks a part."""
    url = urlsplit(source.database_url)
    if url.scheme not in ("postgresql", "postgres") or not url.hostname or not url.username or len(url.path) < 2:
        raise ConfigurationError(
            "TABSTREAM_DATABASE_URL must look like postgresql://user:password@host:5432/database for the connector"
        )
    values = {
        "database_host": url.hostname,
        "database_port": str(url.port or 5432),
        "database_user": unquote(url.username),
        "database_password": unquote(url.password or ""),
        "database_name": unquote(url.path[1:]),
        "prefix": source.prefix,
        "prefix_pattern": re.escape(source.prefix),
        "slot": source.name,
        "publication": source.name,
        "tables": ",".join(include_list(source.tables)),
        "registry": source.registry,
    }
    template: dict[str, str] = json.loads((files("connectors") / "postgres-source.json").read_text(encoding="utf-8"))
    return {key: _fill(text, values) for key, text in template.items()}


def include_list(tables: Iterable[str]) -> list[str]:
    """The regular expressions of Debezium's table.include.list: our own tables and the bound ones."""
    return [re.escape(table) for table in (*OWN_TABLES, *sorted(set(tables)))]


def converter_url(schema_registry_url: str) -> str:
    """The URL that Apicurio's converter takes, from the Confluent-compatible one that Python takes."""
    return schema_registry_url.split("/apis/", maxsplit=1)[0].rstrip("/") + "/apis/registry/v2"


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that differs; None where it is absent. Secrets are not shown."""

    key: str
    now: str | None
    wanted: str | None


def differences(now: Mapping[str, str], wanted: Mapping[str, str]) -> list[Difference]:
    """What applying would change, by key; Connect adds `name` by itself."""
    found = []
    for key in sorted((now.keys() | wanted.keys()) - {"name"}):
        if now.get(key) != wanted.get(key):
            found.append(Difference(key, _shown(key, now.get(key)), _shown(key, wanted.get(key))))
    return found


def explain(trace: str) -> str:
    """A failed task's trace in one line: its root cause, and what to do where that is known."""
    causes = re.findall(r"^(?:Caused by: )?([\w.$]+(?:Exception|Error))(?:: (.*))?$", trace, re.MULTILINE)
    root = causes[-1][1] or causes[-1][0] if causes else (trace.strip().splitlines() or ["no reason given"])[0]
    for pattern, remedy in _REMEDIES.items():
        if re.search(pattern, trace):
            return f"{root}: {remedy}"
    return root


_REMEDIES = {
    r"wal_level|logical decoding requires": "set wal_level = logical in postgresql.conf and restart PostgreSQL",
    r"password authentication failed": "check the user and the password in TABSTREAM_DATABASE_URL",
    r"permission denied|must be superuser|must be owner": "grant the connector's user REPLICATION and the bound tables",
    r"all replication slots are in use": "raise max_replication_slots in postgresql.conf, or drop slots that nobody uses",
    r"replication slot .* is active": "another connector uses the slot: stop it, or wait until its connection is closed",
    r"RecordTooLargeException": "a row is larger than Kafka's messages may be: make it smaller, or raise "
    "producer.override.max.request.size here and max.message.bytes of the topic",
    r"io\.apicurio\.registry\.rest\.client": "start the schema registry, or correct TABSTREAM_SCHEMA_REGISTRY_URL",
    r"Connection to .* refused|UnknownHostException": "start PostgreSQL, or correct the address in TABSTREAM_DATABASE_URL",
}


def _fill(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], text)


def _shown(key: str, value: str | None) -> str | None:
    if value is None:
        return None
    return "***" if any(word in key for word in _SECRETS) else re.sub(r"(?<=://)[^/@]+@", "***@", value)
