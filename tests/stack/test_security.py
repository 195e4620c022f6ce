"""Every client of Kafka and of the registry proves who it is, and says clearly where that fails. Starts a broker, no stack."""

import logging
import os
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from consumers.sheet_sink import feed as feeds
from tabstream.config import Settings, load_settings
from tabstream.errors import ConfigurationError, Outage
from tabstream.kafka import clients
from tabstream.kafka.avro import Decoder, Encoder
from tabstream.kafka.messages import State, Status
from tabstream.kafka.publisher import Publisher
from tabstream.kafka.reader import TopicReader
from tabstream.kafka.registry import RegistryUnavailable
from tabstream.kafka.retention import kept
from tabstream.kafka.status_topic import decode, read_newest
from tabstream.kafka.topics import STATUS, ensure_topics, own_topics
from tests.kafka.conftest import registry
from tests.kafka.registry_server import RegistryServer
from tests.stack.secure_broker import PASSWORD, SECRET, Authority, SecureBroker, secure_broker

__all__ = ["registry"]

WAYS = ("scram", "oauth", "mtls")
SECRETS = ("password", "secret")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    with secure_broker(tmp_path_factory.mktemp("broker")) as made:
        yield made


class Environment:
    """The variables of a client; secrets are in files."""

    def __init__(self, folder: Path, broker: SecureBroker, registry_url: str) -> None:
        self._folder = folder
        self._broker = broker
        self._registry_url = registry_url

    def variables(self, way: str, address: str | None = None, **changes: str | None) -> dict[str, str]:
        """Those of one way; `changes` are properties with _ for dots, None takes one away."""
        named = {name.replace("_", "."): value for name, value in changes.items()}
        properties = {name: value for name, value in {**self._broker.kafka[way], **named}.items() if value is not None}
        found = {"TABSTREAM_BOOTSTRAP_SERVERS": address or self._broker.address(way)}
        found["TABSTREAM_SCHEMA_REGISTRY_URL"] = self._registry_url
        for name, value in properties.items():
            variable = f"TABSTREAM_KAFKA__{name.upper().replace('.', '__')}"
            if name.endswith(SECRETS):
                file = self._folder / f"{uuid.uuid4()}"
                file.write_text(value + "\n")
                found[f"{variable}_FILE"] = str(file)
            else:
                found[variable] = value
        return found


@pytest.fixture
def environment(tmp_path: Path, broker: SecureBroker, registry: RegistryServer) -> Environment:
    return Environment(tmp_path, broker, registry.url)


def settings_of(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def command(variables: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TABSTREAM_")}
    return subprocess.run(
        [sys.executable, "-m", "tabstream.cli", *arguments],
        env={**inherited, **variables, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def status(binding: str) -> Status:
    return Status(binding, "S", "me", 0, State.RUNNING, 1)


@pytest.mark.parametrize("way", WAYS)
def test_every_client_proves_who_it_is(monkeypatch: pytest.MonkeyPatch, environment: Environment, way: str) -> None:
    variables = environment.variables(way)
    settings = settings_of(monkeypatch, variables)
    ensure_topics(settings, own_topics("results"))
    assert kept(settings, STATUS) is not None
    publisher = Publisher(settings)
    binding = f"by-{way}"
    publisher.status(status(binding)).result(20)
    publisher.reachable(20)
    assert publisher.close() == 0
    statuses, _ = decode(read_newest(settings, 20), Decoder(settings.registry))
    assert binding in {found.binding for found in statuses}
    with TopicReader(settings, 20) as reader:
        begins = {partition: has.first for partition, has in reader.bounds(STATUS).items()}
        assert binding.encode() in {record.key for record in reader.read(STATUS, begins)}
    topics = feeds.describe(clients.admin(settings), STATUS, "results")
    newest = feeds.newest(lambda: clients.consumer(settings, "g", enable_partition_eof=True), topics)
    assert binding.encode() in {message.key for message in newest}
    tailed = command(variables, "tail", "status", "--from", "beginning")
    assert tailed.returncode == 0, tailed.stderr
    assert binding in tailed.stdout


def test_tokens_come_from_the_endpoint(broker: SecureBroker) -> None:
    assert broker.tokens.given > 0


BAD = [
    (
        "scram",
        {"sasl_password": "not tulips"},
        "invalid credentials with SASL mechanism SCRAM-SHA-256",
        "TABSTREAM_KAFKA__SASL__",
    ),
    ("oauth", {"sasl_oauthbearer_client_secret": "not narcissus"}, "invalid_client", "TABSTREAM_KAFKA__SASL__"),
    ("mtls", {"ssl_ca_location": "{other}"}, "certificate", "TABSTREAM_KAFKA__SSL__CA__LOCATION"),
]


@pytest.mark.parametrize(("way", "changes", "problem", "remedy"), BAD, ids=[f"{way}-{next(iter(c))}" for way, c, _, _ in BAD])
def test_who_is_refused_is_told_why_and_what_to_do_bad(
    monkeypatch: pytest.MonkeyPatch,
    environment: Environment,
    tmp_path: Path,
    way: str,
    changes: dict[str, str],
    problem: str,
    remedy: str,
) -> None:
    other = Authority(tmp_path, "other").certificate
    changes = {name: value.format(other=other) for name, value in changes.items()}
    variables = environment.variables(way, **changes)
    settings = settings_of(monkeypatch, variables)
    secrets = [PASSWORD, SECRET, *(value for name, value in changes.items() if name.endswith(SECRETS))]
    publisher = Publisher(settings)
    admin = clients.admin(settings)
    told: list[str] = []

    def note(number: int) -> None:
        calls = [lambda: publisher.reachable(3), lambda: read_newest(settings, 3), lambda: feeds.describe(admin, "t", "r")]
        try:
            calls[number]()
        except Outage as outage:
            told.append(str(outage))

    monkeypatch.setattr(feeds, "_TIMEOUT_SECONDS", 3.0)
    threads = [threading.Thread(target=note, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    tailed = command(variables, "tail", "status")
    for thread in threads:
        thread.join()
    publisher.close(timeout_seconds=0)
    assert tailed.returncode == 1
    assert "Traceback" not in tailed.stderr
    for text in (*told, tailed.stderr):
        assert problem in text
        assert remedy in text
        assert not [secret for secret in secrets if secret in text]
    assert len(told) == 3
    assert not [secret for secret in secrets if secret in repr(settings) + tailed.stdout]


def test_a_client_without_its_certificate_is_refused_bad(environment: Environment) -> None:
    nothing = {"ssl_certificate_location": None, "ssl_key_location": None, "ssl_key_password": None}
    tailed = command(environment.variables("mtls", **nothing), "tail", "status")
    assert tailed.returncode == 1
    assert "certificate" in tailed.stderr
    assert "Traceback" not in tailed.stderr


@pytest.mark.parametrize(
    ("way", "changes", "problem"),
    [
        ("scram", {"sasl_pasword": "tulip"}, 'No such configuration property: "sasl.pasword"'),
        ("scram", {"security_protocol": "TLS"}, "security.protocol"),
        ("mtls", {"ssl_ca_location": "/nowhere.pem"}, "ssl.ca.location"),
        ("mtls", {"ssl_key_password": "not narcissus"}, "ssl.key"),
        ("oauth", {"sasl_oauthbearer_token_endpoint_url": None}, "sasl.oauthbearer.token.endpoint.url"),
        ("scram", {"enable_auto_commit": "true"}, "TABSTREAM_KAFKA__ENABLE__AUTO__COMMIT can't be set"),
        ("scram", {"bootstrap_servers": "b:1"}, "set TABSTREAM_BOOTSTRAP_SERVERS"),
    ],
)
def test_a_wrong_setting_of_kafka_ends_with_its_name_bad(
    environment: Environment, way: str, changes: dict[str, str | None], problem: str
) -> None:
    tailed = command(environment.variables(way, **changes), "tail", "status")
    assert tailed.returncode == 2, tailed.stderr
    assert problem in tailed.stderr
    assert "Traceback" not in tailed.stderr
    assert PASSWORD not in tailed.stderr
    assert SECRET not in tailed.stderr.replace("not narcissus", "")


@pytest.mark.parametrize("way", WAYS)
def test_what_librdkafka_logs_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, environment: Environment, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.DEBUG, "librdkafka")
    admin = clients.admin(settings_of(monkeypatch, environment.variables(way, debug="all")))
    assert admin.list_topics(timeout=20).brokers
    admin.poll(0.2)
    assert "sasl" in caplog.text.lower(), "everything was logged"
    assert PASSWORD not in caplog.text
    assert SECRET not in caplog.text


def test_the_registry_asks_for_a_password_over_tls(registry: RegistryServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("registry")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secured = RegistryServer(tls=context, user="alice:tulip")
    try:
        url = secured.url.replace("://", "://alice:tulip@")
        right = Settings(schema_registry_url=f"{url}/apis/ccompat/v7", schema_registry_ca_file=authority.certificate)
        schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "long"}]}
        message = Encoder(right.registry, "s", schema).encode({"x": 1})
        assert Decoder(right.registry).decode(message) == {"x": 1}
        native = b"\0" + message[1:5].rjust(8, b"\0") + message[5:]
        assert Decoder(right.registry).decode(native) == {"x": 1}
        for raw in (message, native):
            wrong = Settings(
                schema_registry_url=right.schema_registry_url.replace("tulip", "rose"),
                schema_registry_ca_file=authority.certificate,
            )
            with pytest.raises(RegistryUnavailable, match=r"refuses access \(401\).*TABSTREAM_SCHEMA_REGISTRY_URL") as refused:
                Decoder(wrong.registry).decode(raw)
            assert "rose" not in str(refused.value) + repr(wrong.registry)
            unknown = Settings(schema_registry_url=right.schema_registry_url)
            with pytest.raises(RegistryUnavailable, match="TABSTREAM_SCHEMA_REGISTRY_CA_FILE") as refused:
                Decoder(unknown.registry).decode(raw)
            assert "tulip" not in str(refused.value)
    finally:
        secured.stop()
    with pytest.raises(ConfigurationError, match=r"TABSTREAM_SCHEMA_REGISTRY_CA_FILE is '/nowhere.pem'"):
        Decoder(Settings(schema_registry_ca_file=Path("/nowhere.pem")).registry)


def test_a_team_s_own_properties_come_before_ours(monkeypatch: pytest.MonkeyPatch, environment: Environment) -> None:
    """A client id that the broker would see, and a time-out of the group, which ours would have set otherwise."""
    settings = settings_of(monkeypatch, environment.variables("mtls", session_timeout_ms="100"))
    consumer = clients.consumer(settings, "g")
    consumer.subscribe([STATUS])
    deadline = time.monotonic() + 20
    error = None
    while error is None and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        error = None if message is None else message.error()
    consumer.close()
    assert error is not None
    assert "session timeout" in error.str().lower()
