"""A binding that can't be opened pauses and is tried again, more and more seldom."""

from typing import Any

import pytest

from consumers.sheet_sink.roster import retry_ms
from tabstream.sheets.errors import FenceLost, InvalidRequest
from tests.simulation.world import World


@pytest.mark.parametrize(
    ("paused_ms", "expected"),
    [(0, 5_000), (4_000, 5_000), (20_000, 20_000), (60_000, 60_000), (86_400_000, 60_000)],
)
def test_the_pause_between_tries_grows_with_the_time_it_is_paused_up_to_a_minute(paused_ms: int, expected: int) -> None:
    assert retry_ms(paused_ms) == expected


@pytest.mark.parametrize(
    ("call", "refusal", "problem"),
    [
        ("get_by_filter", InvalidRequest(None, "Integer exceeds 64-bit range"), "google refused to open the tab: Integer"),
        ("batch_update", FenceLost("No protected range with id: 7"), "another instance has written meanwhile"),
    ],
)
def test_what_google_refuses_while_a_binding_is_opened_pauses_it_until_that_is_over(
    monkeypatch: pytest.MonkeyPatch, call: str, refusal: Exception, problem: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise refusal

    world = World(1)
    world.faulty = False
    sink = world.sheet_sink
    with monkeypatch.context() as patch:
        patch.setattr(sink.owner._client, call, refuse)
        sink.turn()
    assert sink.owner.roster.paused["leads"].problem.startswith(problem)
    world.clock.advance(10)
    sink.turn()
    assert list(sink.owner.roster.tabs) == ["leads"]
