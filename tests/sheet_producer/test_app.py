"""A signed POST is answered once Kafka has it; every other is refused with a reason, and counted."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from sheet_producer.app import Producer, build
from sheet_producer.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.edits import edit_from_record
from tabstream.kafka import clients, own_schemas
from tabstream.kafka.avro import Decoder
from tabstream.kafka.messages import SignalKind, signal_from_record
from tabstream.kafka.topics import EDITS, SIGNALS
from tabstream.process import application
from tests.kafka.registry_server import RegistryServer
from tests.sheet_producer.posts import EDITED, WRITTEN, mark, post, row
from tests.sheets_emulator.running import until

SECRET = b"tulip-tulip-tulip"
BINDINGS = """
version: 1
spreadsheets:
  crm: {id: 1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg}
bindings:
  - name: leads
    table: public.leads
    spreadsheet: crm
    tab: Leads
"""
SPREADSHEET = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg"


@pytest.fixture
def settings(tmp_path: Path, bootstrap_servers: str, registry: RegistryServer) -> Settings:
    (tmp_path / "bindings.yaml").write_text(BINDINGS)
    (tmp_path / "secret").write_bytes(SECRET)
    return Settings(
        bootstrap_servers=bootstrap_servers,
        schema_registry_url=registry.url,
        bindings_file=tmp_path / "bindings.yaml",
        producer_secret_file=tmp_path / "secret",
        producer_publish_seconds=3,
        producer_max_body_bytes=50_000,
    )


@pytest.fixture
def producer(settings: Settings) -> Iterator[Producer]:
    producer = build(settings)
    stop = threading.Event()
    thread = threading.Thread(target=producer.run, args=(stop,))
    thread.start()
    yield producer
    stop.set()
    thread.join()


@pytest.fixture
def http(producer: Producer) -> Iterator[TestClient]:
    with TestClient(application(producer, threading.Event())) as http:
        yield http


def send(http: Any, body: dict[str, Any] | bytes, off_ms: int = 0, secret: bytes = SECRET) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    timestamp = str(SystemClock().now_ms() + off_ms)
    headers = {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: sign(secret, timestamp, raw)}
    return http.post("/edits", content=raw, headers=headers)


def edit_post(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return post(list(rows) or [EDITED], spreadsheet_id=SPREADSHEET, **changes)


def messages(settings: Settings, topic: str, schema: str) -> list[Any]:
    """All messages of a topic, decoded."""
    decoder = Decoder(settings.registry, own_schemas.load(schema))
    reader: Consumer = clients.consumer(settings, "reader", enable_partition_eof=True)
    partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
    reader.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    ends, found = 0, []
    while ends < len(partitions):
        message = reader.poll(10)
        assert message is not None
        if message.error() is not None:
            ends += 1
        else:
            found.append(decoder.decode(message.value() or b""))
    reader.close()
    return found


def counted(status: int) -> float:
    return REGISTRY.get_sample_value("tabstream_posts_total", {"status": str(status)}) or 0


def test_an_edit_is_in_kafka_when_the_answer_comes(http: TestClient, settings: Settings) -> None:
    answer = send(http, edit_post(id="one"))
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "poked": False})
    edits = [edit_from_record(record) for record in messages(settings, EDITS, "edit")]
    (edit,) = [edit for edit in edits if edit.source_id == "one"]
    assert (edit.binding, edit.row_key, edit.cells[0].value) == ("leads", "[17]", "Ada L.")


def test_what_is_not_sure_is_a_poke_in_kafka(http: TestClient, settings: Settings) -> None:
    answer = send(http, edit_post(EDITED, row(5, [None, "new", None], None), id="two"))
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "poked": True})
    signals = [signal_from_record(record) for record in messages(settings, SIGNALS, "signal")]
    (poke,) = [poke for poke in signals if poke.id == "two"]
    assert (poke.kind, poke.spreadsheet_id, poke.binding) == (SignalKind.POKE, SPREADSHEET, "leads")


def test_the_same_post_twice_is_accepted_twice(http: TestClient) -> None:
    assert [send(http, edit_post(id="three")).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("body", "arguments", "status", "reason"),
    [
        (edit_post(), {"secret": b"other"}, 401, "the signature does not match the body, time stamp and secret"),
        (edit_post(), {"off_ms": -301_000}, 401, "the time stamp is 301 s off; at most 300 s are allowed"),
        (b"{", {}, 400, "invalid JSON"),
        (edit_post(version=3), {}, 400, "version: input should be 1"),
        (edit_post(tab="x" * 60_000), {}, 413, "the body is larger than 50000 bytes"),
    ],
)
def test_a_post_that_is_refused_says_why_and_is_counted_bad(
    http: TestClient, body: Any, arguments: dict[str, Any], status: int, reason: str
) -> None:
    before = counted(status)
    answer = send(http, body, **arguments)
    assert answer.status_code == status
    assert answer.json()["reason"].startswith(reason)
    assert counted(status) == before + 1


def test_a_post_without_a_signature_is_refused_bad(http: TestClient) -> None:
    answer = http.post("/edits", json=edit_post())
    assert (answer.status_code, answer.json()) == (401, {"reason": "the header X-Tabstream-Timestamp is missing"})


def test_a_body_of_unknown_length_is_refused_once_it_is_too_large_bad(http: TestClient) -> None:
    answer = http.post("/edits", content=(b"x" * 10_000 for _ in range(6)))
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")


def test_a_mark_that_no_message_can_hold_is_refused_bad(http: TestClient) -> None:
    forged = mark(WRITTEN, number=2**70)
    assert send(http, edit_post(row(4, [17.0, "x", 3.5], forged))).status_code == 400


def test_a_registry_that_is_down_is_503_until_it_is_back_bad(settings: Settings, registry: RegistryServer) -> None:
    registry.fault = (503, {})
    producer = build(settings)
    stop = threading.Event()
    thread = threading.Thread(target=producer.run, args=(stop,))
    thread.start()
    with TestClient(application(producer, stop)) as http:
        answer = send(http, edit_post())
        assert answer.status_code == 503
        assert answer.json()["reason"].startswith("the schema registry gives no answer")
        assert http.get("/readyz").status_code == 503
        registry.fault = None
        assert send(http, edit_post()).status_code == 200
        wait_until_ready(http)
        stop.set()
        thread.join()
        assert send(http, edit_post()).json() == {"reason": "the producer is stopping"}


def test_a_broker_that_is_down_is_503_bad(settings: Settings) -> None:
    producer = build(settings.model_copy(update={"bootstrap_servers": "127.0.0.1:1", "producer_publish_seconds": 0.3}))
    stop = threading.Event()
    thread = threading.Thread(target=producer.run, args=(stop,))
    thread.start()
    with TestClient(application(producer, stop)) as http:
        answer = send(http, edit_post())
        assert answer.status_code == 503
        assert "kafka" in answer.json()["reason"]
    stop.set()
    thread.join()


def test_nothing_of_secret_or_signature_is_logged_bad(http: TestClient, capfd: pytest.CaptureFixture[str]) -> None:
    raw = json.dumps(edit_post()).encode()
    timestamp = str(SystemClock().now_ms())
    signature = sign(b"other", timestamp, raw)
    http.post("/edits", content=raw, headers={TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signature})
    out, err = capfd.readouterr()
    assert signature not in out + err
    assert SECRET.decode() not in out + err


def wait_until_ready(http: Any) -> None:
    for _ in range(500):
        if http.get("/readyz").status_code == 200:
            return
        threading.Event().wait(0.02)
    raise AssertionError(http.get("/readyz").json())


def test_a_request_in_flight_is_finished_after_sigterm(settings: Settings) -> None:
    environment = {
        "TABSTREAM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "TABSTREAM_SCHEMA_REGISTRY_URL": settings.schema_registry_url,
        "TABSTREAM_BINDINGS_FILE": str(settings.bindings_file),
        "TABSTREAM_PRODUCER_SECRET_FILE": str(settings.producer_secret_file),
        "TABSTREAM_PRODUCER_PORT": "0",
    }
    code = "import typer; from tabstream.cli.run import run; typer.run(run)"
    command = [sys.executable, "-c", code, "producer"]
    with (
        subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True) as process,
        ExitStack() as on_error,
    ):
        on_error.callback(process.kill)
        assert process.stdout is not None
        lines = (json.loads(line) for line in process.stdout)
        port = next(line["port"] for line in lines if line["event"] == "started")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            wait_until_ready(http)
            raw = json.dumps(edit_post(id="last")).encode()

            def body() -> Iterator[bytes]:
                yield raw[:10]
                while "tabstream_posts_in_flight 1.0" not in httpx.get(f"http://127.0.0.1:{port}/metrics").text:
                    pass
                process.send_signal(signal.SIGTERM)
                yield raw[10:]

            timestamp = str(SystemClock().now_ms())
            headers = {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: sign(SECRET, timestamp, raw)}
            answer = http.post("/edits", content=body(), headers=headers)
        assert answer.status_code == 200
        assert process.wait(30) == 0
    assert any(record["source_id"] == "last" for record in messages(settings, EDITS, "edit"))


def test_a_tab_that_is_bound_while_the_producer_runs_is_taken_from_then_on(
    http: TestClient, settings: Settings, producer: Producer
) -> None:
    other = edit_post(tab="Others")
    assert send(http, other).json() == {"accepted": 0, "poked": True}
    file = settings.required_path("bindings_file")
    file.write_text(BINDINGS.replace("tab: Leads", "tab: Others"))
    producer.reload()
    until(lambda: True if send(http, other).json()["accepted"] == 1 else None)


def test_a_wrong_bindings_file_is_a_warning_of_a_producer_that_is_ready(
    http: TestClient, settings: Settings, producer: Producer
) -> None:
    settings.required_path("bindings_file").write_text(BINDINGS.replace("table:", "tabel:"))
    producer.reload()
    until(lambda: http.get("/readyz").json()["warnings"] or None)
    until(lambda: True if http.get("/readyz").json()["ready"] else None)
    assert "unknown key 'tabel'" in http.get("/readyz").json()["warnings"][0]
    assert send(http, edit_post()).json()["accepted"] == 1
