"""However calls are asked for, Google's limit is kept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabstream.sheets.pacing import Meter, Priority, QuotaPolicy, policy_of

MINUTE_MS = 60_000

policies = st.builds(policy_of, st.integers(1, 300), st.floats(0.1, 1.0))
steps = st.lists(
    st.tuples(
        st.integers(0, 20_000),  # time that passes
        st.integers(1, 4),  # calls asked for
        st.integers(0, 4),  # calls sent of those
        st.integers(0, 40_000),  # time between asking and sending
        st.sampled_from(Priority),
        st.integers(0, 30).map(lambda n: n == 0),  # a refusal
    ),
    max_size=150,
)


@given(policies, steps)
@settings(max_examples=150, deadline=None)
def test_no_minute_has_more_calls_than_the_limit(
    policy: QuotaPolicy, asked: list[tuple[int, int, int, int, Priority, bool]]
) -> None:
    meter, now, sent = Meter(policy), 0, []
    for passed, wanted, used, delay, priority, refuse in asked:
        now += passed
        calls = min(wanted, policy.per_minute)
        if refuse:
            meter.refused(now, None)
        if meter.wait_ms(now, calls, priority) != 0:
            continue
        meter.take(now, calls)
        now += delay
        for _ in range(min(used, calls)):
            meter.spend(now)
            sent.append(now)
        meter.give_back(now, calls - min(used, calls))
    for i, start in enumerate(sent):
        assert sum(1 for at in sent[i:] if at < start + MINUTE_MS) <= policy.per_minute


@given(policies, st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_whoever_waits_as_long_as_told_may_go(policy: QuotaPolicy, refusals: int) -> None:
    meter, now = Meter(policy), 0
    for _ in range(refusals):
        meter.refused(now, 500)
    for _ in range(2 * policy.per_minute):
        for _ in range(4):
            wait = meter.wait_ms(now, 1, Priority.LIVE)
            assert wait is not None
            now += wait
        assert meter.wait_ms(now, 1, Priority.LIVE) == 0
        meter.take(now, 1)
        meter.spend(now)


def test_a_burst_leaves_at_once_and_the_rest_is_spread_over_the_minute() -> None:
    meter = Meter(QuotaPolicy())
    waits = []
    now = 0
    for _ in range(60):
        wait = meter.wait_ms(now, 1, Priority.LIVE)
        assert wait is not None
        waits.append(wait)
        now += wait
        meter.take(now, 1)
        meter.spend(now)
    assert waits[:20] == [0] * 20
    assert all(1_000 < wait < 2_000 for wait in waits[20:])


def test_a_background_call_leaves_some_to_live_ones() -> None:
    meter = Meter(QuotaPolicy(burst=20, reserve=5))
    taken = 0
    while meter.wait_ms(0, 1, Priority.BACKGROUND) == 0:
        meter.take(0, 1)
        meter.spend(0)
        taken += 1
    assert taken == 15
    assert meter.wait_ms(0, 5, Priority.LIVE) == 0


def test_after_a_refusal_nothing_leaves_as_long_as_google_asked_and_then_less_for_a_while() -> None:
    meter = Meter(QuotaPolicy())
    meter.refused(0, 5_000)
    assert meter.wait_ms(0, 1, Priority.LIVE) is not None
    assert (meter.wait_ms(4_999, 1, Priority.LIVE) or 0) > 0
    sent = 0
    for now in range(0, MINUTE_MS, 100):
        if meter.wait_ms(now, 1, Priority.LIVE) == 0:
            meter.take(now, 1)
            meter.spend(now)
            sent += 1
    assert sent <= 30
    assert meter.used(10 * MINUTE_MS) == 0
    assert meter.share == 1.0


def test_after_a_refusal_calls_go_on_slowly_whatever_was_sent_before() -> None:
    meter, now = Meter(QuotaPolicy()), 0
    for _ in range(45):
        now += meter.wait_ms(now, 1, Priority.LIVE) or 0
        meter.take(now, 1)
        meter.spend(now)
    meter.refused(now, None)
    waited = meter.wait_ms(now, 1, Priority.LIVE)
    assert waited is not None
    assert 2_000 <= waited < 5_000


def test_calls_that_are_given_back_can_be_taken_again() -> None:
    meter = Meter(QuotaPolicy(per_minute=2, burst=2, reserve=0))
    meter.take(0, 2)
    assert meter.wait_ms(0, 1, Priority.LIVE) is None
    meter.give_back(0, 2)
    assert meter.wait_ms(0, 2, Priority.LIVE) == 0


def test_more_calls_at_once_than_a_minute_has_are_refused() -> None:
    with pytest.raises(ValueError, match="61 calls at once are more than the 60 of a minute"):
        Meter(QuotaPolicy()).wait_ms(0, 61, Priority.LIVE)


def test_a_policy_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="burst 70 must be over the reserve 5 and at most 60 calls a minute"):
        QuotaPolicy(burst=70)


@pytest.mark.parametrize(("per_minute", "share", "limit"), [(60, 1.0, 60), (60, 0.5, 30), (1, 1.0, 1), (60, 0.001, 1)])
def test_a_share_divides_the_limit(per_minute: int, share: float, limit: int) -> None:
    assert policy_of(per_minute, share).per_minute == limit


def test_urgent_calls_draw_in_advance_but_never_beyond_the_limit() -> None:
    meter = Meter(policy_of(30))
    for _ in range(10):
        meter.take(0, 1)
        meter.spend(0)
    assert meter.wait_ms(0, 1, Priority.LIVE) != 0
    in_advance = 0
    while meter.wait_ms(0, 1, Priority.URGENT) == 0:
        meter.take(0, 1)
        meter.spend(0)
        in_advance += 1
    assert in_advance == 10
    meter.drain(0)
    assert meter.wait_ms(0, 1, Priority.URGENT) == meter.wait_ms(0, 1, Priority.LIVE)


def test_a_drained_meter_has_a_few_calls_in_hand_and_sends_nothing_in_advance_for_a_window() -> None:
    meter = Meter(policy_of(30))
    meter.drain(0)
    for _ in range(4):
        assert meter.wait_ms(0, 1, Priority.LIVE) == 0
        meter.take(0, 1)
        meter.spend(0)
    wait = meter.wait_ms(0, 1, Priority.URGENT)
    assert wait == meter.wait_ms(0, 1, Priority.LIVE)
    assert wait is not None and wait > 1_000
    assert meter.wait_ms(61_000, 20, Priority.URGENT) == 0


def spent(calls: int) -> Meter:
    """A meter of sixty calls a minute that has just sent so many."""
    meter = Meter(QuotaPolicy(per_minute=60, burst=60, reserve=1))
    meter.take(0, calls)
    for _ in range(calls):
        meter.spend(0)
    return meter


def test_a_smaller_policy_does_not_stop_the_calls_before_others_can_have_used_what_they_were_given() -> None:
    meter = spent(25)
    meter.resize(0, policy_of(60, 1 / 3))
    assert meter.wait_ms(10_000, 1, Priority.URGENT) == 0
    assert meter.wait_ms(50_000, 1, Priority.URGENT) == 61_000 - 50_000


def test_a_smaller_policy_holds_at_once_where_the_quota_was_used_up() -> None:
    meter = spent(47)
    meter.resize(0, policy_of(60, 1 / 3))
    assert meter.wait_ms(10_000, 1, Priority.URGENT) == 61_000 - 10_000
