"""Changes that go on beside a step end with it, and what they raise is not lost."""

import threading

import pytest

from tabstream.operations.demo.story.load import Load


def test_a_load_goes_on_until_its_end() -> None:
    enough = threading.Event()
    times: list[int] = []

    def act() -> None:
        times.append(1)
        if len(times) == 3:
            enough.set()

    with Load(act, 0.001):
        assert enough.wait(5)
    ended = len(times)
    assert threading.active_count() == 1 or not any(t.name == "load" for t in threading.enumerate())
    assert len(times) == ended


def test_what_a_load_raises_comes_out_at_its_end() -> None:
    def act() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"), Load(act, 0.001) as load:
        load.go_on(5)
