"""Calls are told by kind and method."""

from tabstream.operations.benchmark.calls import summary
from tabstream.operations.demo.emulator import Call


def test_calls_are_counted_by_kind_and_method() -> None:
    calls = [Call(1, 0.0, "read", "get", 200, "sink"), Call(2, 0.0, "write", "batchUpdate", 200, "sink")]
    assert summary([*calls, calls[0]]) == "2 reads (get 2), 1 write (batchUpdate 1)"
    assert summary([]) == "0 reads, 0 writes"
