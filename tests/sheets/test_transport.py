"""A request leaves once, and an answer belongs to its own request."""

import threading
from collections.abc import Iterator

import pytest

from tabstream.sheets.transport import NotSent, Transport
from tests.sheets.scripted_google import Reply, ScriptedGoogle


@pytest.fixture
def google() -> Iterator[ScriptedGoogle]:
    server = ScriptedGoogle()
    yield server
    server.close()


def test_a_late_answer_is_not_taken_for_that_of_the_next_request(google: ScriptedGoogle) -> None:
    release = threading.Event()
    google.replies += [Reply({"of": "first"}, hang=release), Reply({"of": "second"})]
    transport = Transport(timeout_seconds=0.2)
    with pytest.raises(TimeoutError):
        transport.request(f"{google.url}/first")
    release.set()
    _, content = transport.request(f"{google.url}/second")
    assert content == b'{"of": "second"}'
    transport.close()


def test_a_connection_dropped_without_an_answer_is_not_used_to_send_again(google: ScriptedGoogle) -> None:
    google.replies += [Reply(), Reply(drop=True), Reply()]
    transport = Transport(timeout_seconds=10)
    transport.request(f"{google.url}/first")
    with pytest.raises(ConnectionError):
        transport.request(f"{google.url}/second", "POST", body=b"{}")
    assert [call.path for call in google.calls] == ["/first", "/second"]
    transport.close()


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "http://no-such-host.invalid/"])
def test_without_a_connection_nothing_was_sent(address: str) -> None:
    with pytest.raises(NotSent, match="no connection to"):
        Transport(timeout_seconds=10).request(address)
