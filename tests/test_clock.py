"""The clock that tests move by hand."""

import pytest

from tabstream.clock import ManualClock, SystemClock


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(now_ms=1000)
    clock.advance(1.5)
    assert (clock.now_ms(), clock.monotonic()) == (2500, 1.5)


def test_a_manual_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="can't go back by -1 seconds"):
        ManualClock().advance(-1)


def test_the_system_clock_does_not_go_back() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
