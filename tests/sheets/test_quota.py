"""Waiting for quota: who goes first, what is taken together, and that a stop is heard."""

import threading

import pytest

from tabstream.clock import ManualClock, SystemClock
from tabstream.sheets.errors import SheetsOutage
from tabstream.sheets.pacing import Priority, QuotaPolicy, policy_of
from tabstream.sheets.quota import CallKind, Quota


def test_a_guarded_write_takes_its_read_and_its_write_together() -> None:
    quota = Quota(policy_of(60), ManualClock())
    with quota.acquire(reads=1, writes=1) as hold:
        assert (quota.used(CallKind.READ), quota.used(CallKind.WRITE)) == (1, 1)
        assert hold.spend(CallKind.READ)
        assert not hold.spend(CallKind.READ)
    assert (quota.used(CallKind.READ), quota.used(CallKind.WRITE)) == (1, 0)


def test_reads_and_writes_are_counted_apart() -> None:
    quota = Quota(QuotaPolicy(per_minute=1, burst=1, reserve=0), ManualClock())
    with quota.acquire(reads=1) as hold:
        hold.spend(CallKind.READ)
    with quota.acquire(writes=1) as hold:
        assert hold.spend(CallKind.WRITE)


def test_a_stop_ends_the_waiting() -> None:
    quota = Quota(QuotaPolicy(per_minute=1, burst=1, reserve=0), ManualClock())
    quota.acquire(reads=1)
    stop = threading.Event()
    stop.set()
    with pytest.raises(SheetsOutage, match="stopped while waiting for quota"):
        quota.acquire(reads=1, stop=stop)


def test_a_live_call_overtakes_background_calls_that_wait() -> None:
    quota = Quota(QuotaPolicy(per_minute=1, burst=1, reserve=0), SystemClock())
    first = quota.acquire(reads=1)
    order: list[str] = []
    threads = []
    for name, priority in (("rebuild", Priority.BACKGROUND), ("change", Priority.LIVE)):
        asked = threading.Event()
        threads.append(threading.Thread(target=_take, args=(quota, name, priority, order, asked)))
        threads[-1].start()
        assert asked.wait(10)
        _until_waiting(quota, len(threads))
    first.release()
    for thread in threads:
        thread.join(10)
    assert order == ["change", "rebuild"]


def test_many_threads_never_exceed_the_limit() -> None:
    quota = Quota(QuotaPolicy(per_minute=5, burst=5, reserve=0, window_ms=200), SystemClock())
    sent: list[float] = []
    clock = SystemClock()

    def work() -> None:
        for _ in range(4):
            with quota.acquire(writes=1) as hold:
                hold.spend(CallKind.WRITE)
                sent.append(clock.monotonic())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(sent) == 16
    assert quota.used(CallKind.WRITE) <= 5


def _take(quota: Quota, name: str, priority: Priority, order: list[str], asked: threading.Event) -> None:
    asked.set()
    with quota.acquire(reads=1, priority=priority):
        order.append(name)


def _until_waiting(quota: Quota, number: int) -> None:
    done = threading.Event()
    while quota.waiting < number:
        done.wait(0.005)
