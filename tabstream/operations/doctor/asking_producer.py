"""Asks the producer, and the topic that its edits are in."""

import json
from collections.abc import Mapping
from pathlib import Path

import httpx

from sheet_producer.secret_file import SHORT_BYTES, SecretFile
from sheet_producer.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.binding import Bindings
from tabstream.core.edits import How
from tabstream.errors import ConfigurationError
from tabstream.kafka import own_schemas
from tabstream.kafka.avro import Decoder, UndecodableMessage
from tabstream.kafka.reader import TopicReader
from tabstream.kafka.topics import EDITS
from tabstream.operations.doctor.asking_google import open_to_others
from tabstream.operations.doctor.script import Producer, Script, Secret

_SECONDS = 3.0
_NEWEST = 300
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def read_secret(path: Path) -> tuple[Secret, bytes | None]:
    """What is to be said of the secret file, and the secret that scripts are told: its first."""
    try:
        secrets = SecretFile(path).secrets()
    except ConfigurationError as problem:
        return Secret(str(path), problem=str(problem)), None
    short = any(len(secret) < SHORT_BYTES for secret in secrets)
    return Secret(str(path), short=short, open_to_others=open_to_others(path)), secrets[0]


def ask_producer(settings: Settings, secret: bytes | None, clock: Clock) -> Producer:
    """Whether it is ready, and what it answers to a POST that is signed, and has no content to take in."""
    host = _EVERYWHERE.get(settings.producer_host, settings.producer_host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.producer_port}"
    stamp, body = str(clock.now_ms()), b"{}"
    headers = {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: sign(secret or b"", stamp, body)}
    try:
        with httpx.Client(base_url=url, timeout=_SECONDS, trust_env=False) as client:
            ready = client.get("/readyz")
            unready = _reasons(ready) if ready.status_code != httpx.codes.OK else ()
            answer = client.post("/edits", content=body, headers=headers)
    except httpx.HTTPError as problem:
        return Producer(url, None, str(problem) or repr(problem))
    return Producer(url, answer.status_code, str(_field(answer, "reason", "")), unready)


def ask_scripts(settings: Settings, bindings: Bindings) -> Mapping[str, Script | None]:
    """By the spreadsheet's name, what its script has sent last, as far as the newest edits tell. Raises Outage."""
    named = {binding.name: binding.spreadsheet for binding in bindings.bindings}
    newest: dict[str, Script | None] = dict.fromkeys(bindings.spreadsheets)
    decoder = Decoder(settings.registry, own_schemas.load("edit"))
    with TopicReader(settings, _SECONDS) as reader:
        if EDITS not in reader.topics():
            return newest
        begins = {part: max(at.first, at.following - _NEWEST) for part, at in reader.bounds(EDITS).items()}
        for record in reader.read(EDITS, begins):
            try:
                edit = decoder.decode(record.value or b"")
            except UndecodableMessage:
                continue
            if edit["how"] == How.TRIGGER and edit["binding"] in named:
                name = named[edit["binding"]]
                known = newest[name]
                if known is None or known.at_ms <= record.at_ms:
                    newest[name] = Script(record.at_ms, edit["script_version"])
    return newest


def _reasons(answer: httpx.Response) -> tuple[str, ...]:
    found = _field(answer, "reasons", None)
    return tuple(map(str, found)) if isinstance(found, list) else (f"it answers {answer.status_code}",)


def _field(answer: httpx.Response, name: str, missing: object) -> object:
    try:
        body = answer.json()
    except json.JSONDecodeError:
        return missing
    return body.get(name, missing) if isinstance(body, dict) else missing
