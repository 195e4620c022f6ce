"""The estimate of Google's clock never excludes the truth, and gets sharper with every call."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.googletime import GoogleClock, clock_from_call, header_ms

START_MS = 1_795_000_000_000


@dataclass(frozen=True)
class SimulatedGoogle:
    """A clock that is `ahead_ms` ahead of ours at START_MS and runs `drift` faster."""

    ahead_ms: float
    drift: float

    def at(self, local_ms: float) -> float:
        return local_ms + self.ahead_ms + (local_ms - START_MS) * self.drift

    def header_at(self, local_ms: float) -> int:
        return int(self.at(local_ms) // 1000) * 1000


@dataclass(frozen=True)
class Call:
    pause_ms: int
    there_ms: int
    back_ms: int


CALLS = st.lists(
    st.builds(Call, st.integers(0, 600_000), st.integers(0, 30_000), st.integers(0, 30_000)), min_size=1, max_size=30
)
GOOGLES = st.builds(SimulatedGoogle, st.floats(-3_600_000, 3_600_000), st.floats(-150e-6, 150e-6))


def estimate(google: SimulatedGoogle, calls: list[Call]) -> GoogleClock:
    now, clock = START_MS, None
    for call in calls:
        sent = now + call.pause_ms
        answered = sent + call.there_ms
        now = answered + call.back_ms
        date = google.header_at(answered)
        clock = clock.after_call(sent, now, date) if clock else clock_from_call(sent, now, date)
    assert clock is not None
    return clock


@given(GOOGLES, CALLS, st.integers(-60_000, 60_000), st.integers(0, 10_000))
def test_the_interval_holds_googles_time_of_what_happened(
    google: SimulatedGoogle, calls: list[Call], since_ms: int, length_ms: int
) -> None:
    clock = estimate(google, calls)
    begin = clock.at_ms + since_ms
    end = begin + length_ms
    earliest, latest = clock.interval(begin, end)
    assert earliest <= google.at(begin)
    assert google.at(end) <= latest


@given(GOOGLES, CALLS)
def test_no_call_makes_the_estimate_worse_than_itself_alone(google: SimulatedGoogle, calls: list[Call]) -> None:
    clock = estimate(google, calls)
    last = calls[-1]
    alone = 1000 + (last.there_ms + last.back_ms) * (1 + 2 * 200e-6)
    assert clock.ahead_most_ms - clock.ahead_least_ms <= alone + 0.01


def test_calls_that_straddle_the_change_of_a_second_pin_the_clock_down() -> None:
    google = SimulatedGoogle(123.0, 0.0)
    calls = [Call(pause_ms, 10, 10) for pause_ms in range(937, 997)]
    clock = estimate(google, calls)
    assert clock.ahead_most_ms - clock.ahead_least_ms < 100


@given(GOOGLES, CALLS, st.sampled_from([-86_400_000, -10_000_000, 10_000_000, 86_400_000]))
def test_a_clock_that_was_set_is_believed_at_once(google: SimulatedGoogle, calls: list[Call], step_ms: int) -> None:
    clock = estimate(google, calls)
    moved = SimulatedGoogle(google.ahead_ms + step_ms, google.drift)
    sent = clock.at_ms + 1000
    clock = clock.after_call(sent, sent + 100, moved.header_at(sent + 50))
    earliest, latest = clock.interval(sent, sent + 100)
    assert earliest <= moved.at(sent)
    assert moved.at(sent + 100) <= latest
    assert latest - earliest < 1500


def test_an_http_date_is_read() -> None:
    assert header_ms("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777_000


@pytest.mark.parametrize("header", ["", "yesterday", "1994-11-06T08:49:37Z"])
def test_what_is_no_http_date_is_refused_bad(header: str) -> None:
    with pytest.raises(ValueError):
        header_ms(header)
