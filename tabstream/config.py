"""The configuration of every process: environment variables that start with `TABSTREAM_`.

Each variable can be given as a file instead: the file that `TABSTREAM_DATABASE_URL_FILE` names is read, without its
last line break, where `TABSTREAM_DATABASE_URL` is not set. `TABSTREAM_KAFKA__SECURITY__PROTOCOL` and its like reach
every Kafka client as `security.protocol`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tabstream.errors import ConfigurationError

_PREFIX = "TABSTREAM_"
_KAFKA_PREFIX = "TABSTREAM_KAFKA__"
_FILE_SUFFIX = "_FILE"
# What keeps messages from being lost, doubled or read too early, and what has a variable of its own.
_FIXED_KAFKA = {
    "bootstrap.servers": "set TABSTREAM_BOOTSTRAP_SERVERS",
    "metadata.broker.list": "set TABSTREAM_BOOTSTRAP_SERVERS",
    **dict.fromkeys(
        (
            "acks",
            "auto.offset.reset",
            "enable.auto.commit",
            "enable.auto.offset.store",
            "enable.idempotence",
            "enable.partition.eof",
            "group.id",
            "group.instance.id",
            "group.protocol",
            "isolation.level",
            "message.max.bytes",
            "partition.assignment.strategy",
            "partitioner",
            "request.required.acks",
            "transactional.id",
        ),
        "leave it out: tabstream relies on its own",
    ),
}


@dataclass(frozen=True, slots=True)
class RegistryAddress:
    """Where the schema registry is; `url` may hold user:password@, and is not shown."""

    url: str = field(repr=False)
    ca_file: Path | None = None


class Settings(BaseSettings):
    """All settings of all processes. A process asks for what it can't do without by `require`."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: str = Field(
        default="", repr=False, description="the postgresql:// URL of the database that holds the bound tables"
    )
    bootstrap_servers: str = Field(default="localhost:9092", description="Kafka's addresses, separated by commas")
    schema_registry_url: str = Field(
        default="http://localhost:8081/apis/ccompat/v7",
        repr=False,
        description="the registry's Confluent-compatible API; it may hold user:password@",
    )
    schema_registry_ca_file: Path | None = Field(
        default=None, description="the certificates (PEM) that the registry's own is signed with; the system's if empty"
    )
    connect_url: str = Field(default="http://localhost:8083", repr=False, description="Kafka Connect's REST API")
    sheets_url: str = Field(default="", description="address of the Sheets API; empty for Google's own")
    google_credentials_file: Path | None = Field(default=None, description="the service account's JSON key")
    google_credentials_folder: Path | None = Field(
        default=None, description="a folder of several service accounts' JSON keys, which share the spreadsheets"
    )
    bindings_file: Path | None = Field(default=None, description="the YAML file that names tables and tabs")
    topic_prefix: str = Field(default="db", pattern=r"^[A-Za-z0-9._-]+$", description="Debezium's topic.prefix")
    table_topic: str = Field(
        default="{prefix}.{schema}.{table}", description="the topic of a table that a connector of your own streams"
    )
    results_topic: str = Field(default="", description="the topic of tabstream.edit_result; empty for what table_topic gives")
    replication_slot: str = Field(default="", description="the slot of a connector of your own; empty for tabstream's")
    publication: str = Field(default="", description="the publication of a connector of your own; empty for tabstream's")
    topic_replication_factor: int = Field(
        default=-1, ge=-1, description="replicas of our own topics; -1 for the broker's default"
    )

    producer_secret_file: Path | None = Field(
        default=None, description="the file with the secret that the Apps Script signs with"
    )
    producer_host: str = Field(default="127.0.0.1", description="address that the producer listens on")
    producer_port: int = Field(default=8090, ge=0, le=65535, description="port that the producer listens on")
    producer_max_body_bytes: int = Field(default=2_000_000, gt=0, description="a larger POST is refused with 413")
    producer_clock_skew_seconds: float = Field(
        default=300, gt=0, description="how far a POST's time stamp may be off, either way"
    )
    producer_publish_seconds: float = Field(
        default=10, gt=0, description="a POST that Kafka has not acknowledged by then gets 503"
    )

    metrics_host: str = Field(default="127.0.0.1", description="address of /metrics, /healthz and /readyz of the sinks")
    metrics_port: int = Field(default=9400, ge=0, le=65535, description="port of /metrics, /healthz and /readyz of the sinks")

    sweep_seconds: float = Field(default=60, gt=0, description="how often a tab is read for edits that no trigger reported")
    settle_seconds: float = Field(default=1, ge=0, description="how long typing in a new row must rest before it is submitted")
    quota_per_minute: int = Field(default=60, gt=0, description="calls a minute of each kind (read, write) that Google allows")
    quota_share: float = Field(
        default=1.0, gt=0, le=1, description="the share of quota_per_minute that all instances together may use"
    )
    fence: bool = Field(default=True, description="make every write a compare-and-set; off: one sheet sink only")
    pre_image: bool = Field(default=True, description="copy the rows that a write overwrites, and look at the copies")
    drive_check: bool = Field(default=True, description="ask Drive for the spreadsheet's version before a sweep reads it")

    audit_seconds: float = Field(default=3_600, gt=0, description="how often the standing audit proves each binding")
    audit_quota_share: float = Field(
        default=0.1, gt=0, le=1, description="what the standing audit may take of this instance's share of the quota"
    )

    log_format: Literal["json", "console"] = Field(default="json", description="json for machines, console for people")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least level that is logged"
    )
    kafka: Mapping[str, str] = Field(default_factory=dict, repr=False, description="librdkafka properties, passed through")

    @field_validator("table_topic")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        left = re.sub(r"\{(prefix|schema|table)\}", "", value)
        if "{table}" not in value or not re.fullmatch(r"[A-Za-z0-9._-]*", left):
            raise ValueError("must be a topic's name with {table} in it; {schema} and {prefix} may be there too")
        return value

    @field_validator("schema_registry_url", "connect_url", "sheets_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value or value.startswith("mock://"):
            return value
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        try:
            whole = bool(urlsplit(value).hostname) and urlsplit(value).port != 0
        except ValueError:
            whole = False
        if not whole:
            raise ValueError("must be http:// or https:// with a host, and a port from 1 to 65535 if any")
        return value.rstrip("/")

    @field_validator("bootstrap_servers")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        for address in value.split(","):
            try:
                at = urlsplit(f"//{address.strip().rpartition('://')[2]}")
                whole = bool(at.hostname) and at.port != 0 and at.username is None and not at.path
            except ValueError:
                whole = False
            if not whole:
                raise ValueError("must be host:port, several separated by commas, with ports from 1 to 65535")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over variables, variables over files."""
        return init_settings, _KafkaSource(settings_cls), env_settings, _FileSource(settings_cls)

    @property
    def registry(self) -> RegistryAddress:
        """The schema registry's address."""
        return RegistryAddress(self.schema_registry_url, self.schema_registry_ca_file)

    def require(self, *names: str) -> None:
        """Raises ConfigurationError if one of these settings is empty, naming all that are."""
        fields, missing = type(self).model_fields, [name for name in names if getattr(self, name) in ("", None)]
        if missing:
            told = (f"{_PREFIX}{name.upper()} is not set: it is {fields[name].description}" for name in missing)
            raise ConfigurationError("; ".join(told))

    def required_path(self, name: str) -> Path:
        """The setting of this name, a path; raises ConfigurationError if it is empty."""
        self.require(name)
        return Path(getattr(self, name))


def load_settings() -> Settings:
    """The settings of this process's environment; raises ConfigurationError naming the variable and what is allowed."""
    try:
        return Settings()
    except ValidationError as problem:
        raise ConfigurationError("; ".join(_explain(dict(error)) for error in problem.errors())) from None


def _explain(error: Mapping[str, Any]) -> str:
    name = str(error["loc"][0])
    field = Settings.model_fields.get(name)
    shown = "" if field is None or not field.repr else f" is {str(error['input'])!r}:"
    meaning = "" if field is None else f" ({field.description})"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{_PREFIX}{name.upper()}{shown} {message[:1].lower()}{message[1:]}{meaning}"


class _FileSource(PydanticBaseSettingsSource):
    """Reads `TABSTREAM_X` from the file that `TABSTREAM_X_FILE` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The value in the file that the field's `_FILE` variable names, or None."""
        path = os.environ.get(f"{_PREFIX}{field_name.upper()}{_FILE_SUFFIX}")
        return (_read(path, field_name) if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        """The fields that come from files."""
        found = {n: self.get_field_value(f, n)[0] for n, f in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class _KafkaSource(PydanticBaseSettingsSource):
    """Gathers `TABSTREAM_KAFKA__A__B` as the librdkafka property `a.b`; such a variable may end in `_FILE` too."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: the properties are gathered as a whole."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """All properties under the one field `kafka`, if there are any."""
        properties = {}
        for name, value in os.environ.items():
            if name.startswith(_KAFKA_PREFIX):
                key = name.removeprefix(_KAFKA_PREFIX).removesuffix(_FILE_SUFFIX)
                text = _read(value, f"kafka__{key}") if name.endswith(_FILE_SUFFIX) else value
                name_of_kafka = key.replace("__", ".").lower()
                if name_of_kafka in _FIXED_KAFKA:
                    raise ConfigurationError(f"{name} can't be set: {_FIXED_KAFKA[name_of_kafka]}")
                properties[name_of_kafka] = text
        return {"kafka": properties} if properties else {}


def _read(path: str, field_name: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as problem:
        variable = f"{_PREFIX}{field_name.upper()}{_FILE_SUFFIX}"
        raise ConfigurationError(f"{variable} names {path!r}, which can't be read: {problem}") from None
