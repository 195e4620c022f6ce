"""A process shows its health from the start, drains when asked, and says how it ended."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tabstream.errors import ConfigurationError
from tabstream.process import serve
from tests.sample_process import Sample


@contextmanager
def sample(mode: str) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """The process in this mode and its log line `started`."""
    command = [sys.executable, "-m", "tests.sample_process", mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, event(process, "started")
        finally:
            process.kill()


def event(process: subprocess.Popen[str], name: str) -> Any:
    """The next log line with this event; other lines are passed over."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{") and (found := json.loads(line))["event"] == name:
            return found
    raise AssertionError(f"the process ended without saying {name!r}")


def test_a_process_that_waits_says_what_for() -> None:
    with sample("drain") as (_, started):
        url = f"http://127.0.0.1:{started['port']}"
        assert httpx.get(f"{url}/healthz").json() == {"process": "sample", "state": "running"}
        ready = httpx.get(f"{url}/readyz")
        assert (ready.status_code, ready.json()["reasons"]) == (503, ["waits for the broker"])
        assert 'tabstream_ready{process="sample"} 0.0' in httpx.get(f"{url}/metrics").text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_a_drain(number: signal.Signals) -> None:
    with sample("drain") as (process, _):
        process.send_signal(number)
        event(process, "ended")
        assert process.wait(10) == 0


def test_a_second_signal_ends_at_once() -> None:
    with sample("hang") as (process, _):
        process.send_signal(signal.SIGTERM)
        event(process, "draining")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM


def test_sighup_has_the_bindings_file_read_and_ends_nothing() -> None:
    with sample("drain") as (process, started):
        process.send_signal(signal.SIGHUP)
        event(process, "reload")
        assert httpx.get(f"http://127.0.0.1:{started['port']}/healthz").json()["state"] == "running"


def test_an_error_is_logged_and_ends_the_process_bad() -> None:
    with sample("fail") as (process, _):
        assert event(process, "ended by an error")["exception"][0]["exc_value"] == "no such thing"
        assert process.wait(10) == 1


def test_an_end_that_nobody_asked_for_is_an_error_bad() -> None:
    with sample("return") as (process, _):
        event(process, "ended without being asked to")
        assert process.wait(10) == 1


def test_a_taken_port_is_an_operators_mistake_bad() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match=r"can't listen on '127.0.0.1' port .* choose another port"):
            serve(Sample("drain"), "127.0.0.1", taken.getsockname()[1])
