"""What the local stack runs: commands, environments, what each needs first, and how each is asked whether it is ready."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg

from tabstream.local.programs import Programs
from tabstream.local.state import State

_JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
_PROBE_SECONDS = 2.0
HOST = "127.0.0.1"
DATABASE = "app"
USER = "postgres"


class NotReady(Exception):
    """The probe's answer while a service comes up; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the stack; a `task` runs to its end once, before those that need it."""

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...]
    probe: Callable[[], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    user: str | None = None
    task: bool = False


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of the stack's parts."""

    state: State
    ports: Mapping[str, int]

    def url(self, name: str) -> str:
        """http://host:port of a part."""
        return f"http://{HOST}:{self.ports[name]}"

    @property
    def database_url(self) -> str:
        """The local database, or the server that was named."""
        if self.state.external_database_file.exists():
            return self.state.external_database_file.read_text(encoding="utf-8").strip()
        password = quote(self.state.database_password_file.read_text(encoding="utf-8").strip(), safe="")
        return f"postgresql://{USER}:{password}@{HOST}:{self.ports['postgres']}/{DATABASE}"

    @property
    def bootstrap_servers(self) -> str:
        """Kafka."""
        return f"{HOST}:{self.ports['kafka']}"

    @property
    def schema_registry_url(self) -> str:
        """The registry's Confluent-compatible API."""
        return f"{self.url('registry')}/apis/ccompat/v7"

    def settings(self) -> dict[str, str]:
        """The TABSTREAM_ variables that every process of the stack gets."""
        return {
            "TABSTREAM_DATABASE_URL": self.database_url,
            "TABSTREAM_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "TABSTREAM_SCHEMA_REGISTRY_URL": self.schema_registry_url,
            "TABSTREAM_CONNECT_URL": self.url("connect"),
            "TABSTREAM_SHEETS_URL": self.url("emulator"),
            "TABSTREAM_BINDINGS_FILE": str(self.state.bindings_file),
            "TABSTREAM_PRODUCER_SECRET_FILE": str(self.state.producer_secret_file),
            "TABSTREAM_PRODUCER_HOST": HOST,
            "TABSTREAM_PRODUCER_PORT": str(self.ports["producer"]),
            "TABSTREAM_SWEEP_SECONDS": os.environ.get("TABSTREAM_SWEEP_SECONDS", "15"),
            "TABSTREAM_LOG_FORMAT": "json",
        }


def services(state: State, ports: Mapping[str, int], programs: Programs) -> list[Service]:
    """All services in the order in which they are shown; `needs` is the order in which they start."""
    at = Addresses(state, ports)
    found = [] if state.external_database_file.exists() else [_postgres(at, programs)]
    base = () if state.external_database_file.exists() else ("postgres",)
    found += [
        _kafka(at, programs),
        _registry(at, programs),
        _connect(at, programs),
        _python(at, "emulator", ("-m", "sheets_emulator", *_emulator_options(at)), ()),
        Service(
            "connector",
            (sys.executable, "-m", "tabstream.cli", "connectors", "apply"),
            ("kafka", "registry", "connect", *base),
            lambda: None,
            at.settings(),
            task=True,
        ),
        _python(at, "producer", _run("producer"), ("kafka", "registry", "connector")),
        _python(at, "sheet-sink", _run("sheet-sink"), ("kafka", "registry", "emulator", "connector", *base)),
        _python(at, "database-sink", _run("database-sink"), ("kafka", "registry", "connector", *base)),
    ]
    return found


def _run(name: str) -> tuple[str, ...]:
    return ("-m", "tabstream.cli", "run", name)


def _emulator_options(at: Addresses) -> tuple[str, ...]:
    return ("--host", HOST, "--port", str(at.ports["emulator"]), "--data-dir", str(at.state.emulator))


def _python(at: Addresses, name: str, command: tuple[str, ...], needs: tuple[str, ...]) -> Service:
    environment = at.settings()
    if name in ("sheet-sink", "database-sink"):
        environment |= {"TABSTREAM_METRICS_HOST": HOST, "TABSTREAM_METRICS_PORT": str(at.ports[name])}
    return Service(name, (sys.executable, *command), needs, _http(f"{at.url(name)}/healthz"), environment)


def _postgres(at: Addresses, programs: Programs) -> Service:
    def probe() -> None:
        try:
            psycopg.connect(at.database_url, connect_timeout=2).close()
        except psycopg.Error as problem:
            raise NotReady(str(problem)) from problem

    settings = programs.configuration / "deploy" / "postgres" / "postgresql.conf"
    command = (
        str(programs.postgres / "postgres"),
        *("-D", str(at.state.postgres / "data")),
        *("-p", str(at.ports["postgres"])),
        *("-c", f"listen_addresses={HOST}"),
        *("-c", "unix_socket_directories="),
        *(f"--{name}={value}" for name, value in read_settings(settings).items()),
    )
    return Service("postgres", command, (), probe, stop_signal=signal.SIGINT, user=programs.postgres_user)


def read_settings(path: Path) -> dict[str, str]:
    """The settings of a postgresql.conf, but for the addresses it listens on."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("#")[0].partition("=")
        if value and name.strip() != "listen_addresses":
            found[name.strip()] = value.strip().strip("'")
    return found


def _kafka(at: Addresses, programs: Programs) -> Service:
    environment = _java(programs, "-Xmx384m")
    command = (*environment, "-cp", f"{programs.jars / 'kafka'}/*", "kafka.Kafka", str(kafka_properties(at.state)))
    return Service("kafka", command, (), _listening(at.ports["kafka"]))


def kafka_properties(state: State) -> Path:
    """The broker's rendered configuration."""
    return state.kafka / "server.properties"


def connect_properties(state: State) -> Path:
    """The Connect worker's rendered configuration."""
    return state.kafka / "worker.properties"


def _connect(at: Addresses, programs: Programs) -> Service:
    command = (
        *_java(programs, "-Xmx512m"),
        *("-cp", f"{programs.jars / 'kafka'}/*", "org.apache.kafka.connect.cli.ConnectDistributed"),
        str(connect_properties(at.state)),
    )
    return Service("connect", command, ("kafka",), _http(f"{at.url('connect')}/connectors"))


def _registry(at: Addresses, programs: Programs) -> Service:
    environment = {
        "APICURIO_STORAGE_KIND": "kafkasql",
        "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS": at.bootstrap_servers,
        "QUARKUS_HTTP_HOST": HOST,
        "QUARKUS_HTTP_PORT": str(at.ports["registry"]),
        "QUARKUS_MANAGEMENT_HOST": HOST,
        "QUARKUS_MANAGEMENT_PORT": str(at.ports["registry-management"]),
        "QUARKUS_LOG_LEVEL": "WARN",
    }
    command = (*_java(programs, "-Xmx320m"), "-jar", str(programs.jars / "registry" / "quarkus-run.jar"))
    return Service("registry", command, ("kafka",), _http(f"{at.schema_registry_url}/subjects"), environment)


def _java(programs: Programs, memory: str) -> tuple[str, ...]:
    log = programs.configuration / "deploy" / "java" / "log4j2.properties"
    return (str(programs.java), memory, *_JVM, f"-Dlog4j2.configurationFile={log}")


def _http(url: str) -> Callable[[], None]:
    def probe() -> None:
        try:
            answer = httpx.get(url, timeout=_PROBE_SECONDS)
        except httpx.HTTPError as problem:
            raise NotReady(f"{url} does not answer: {problem!r}") from problem
        if answer.status_code != 200:
            raise NotReady(f"{url} answers {answer.status_code}")

    return probe


def _listening(port: int) -> Callable[[], None]:
    def probe() -> None:
        try:
            socket.create_connection((HOST, port), _PROBE_SECONDS).close()
        except OSError as problem:
            raise NotReady(f"nobody listens on port {port}") from problem

    return probe
