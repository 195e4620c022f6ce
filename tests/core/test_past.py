"""What a topic tells of its past, held against a model of Kafka's log cleaner."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.past import Past, UpTo

LAG_MS = 50
KEEP_TOMBSTONES_MS = 40


@dataclass(frozen=True)
class Message:
    """A change's value is its commit time, as JSON."""

    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None


def log(*rows: tuple[str, int | None, int]) -> list[Message]:
    """(key, commit time or None for a tombstone, time stamp) of one partition."""
    return [
        Message(0, n, at, key.encode(), None if value is None else str(value).encode())
        for n, (key, value, at) in enumerate(rows)
    ]


def past(messages: Sequence[Message], up_to: UpTo) -> Past:
    made = Past(up_to, lambda value: int(json.loads(value)))
    for message in messages:
        made.take(message)
    return made


def shown(made: Past) -> dict[bytes, bytes]:
    return {key: raw[0] for key, raw in made.newest.items() if raw[0] is not None}


def cleaned(messages: Sequence[Message], now_ms: int) -> list[Message]:
    """The log as the cleaner leaves it: of what is old enough, the newest of each key, and no old tombstone."""
    reach = next((n for n, m in enumerate(messages) if m.at_ms > now_ms - LAG_MS), len(messages))
    newest = {m.key: m.offset for m in messages[:reach]}
    kept = [m for m in messages[:reach] if newest[m.key] == m.offset]
    kept = [m for m in kept if m.value is not None or m.at_ms > now_ms - LAG_MS - KEEP_TOMBSTONES_MS]
    return [*kept, *messages[reach:]]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Message], list[int]]:
    """Messages in the order of time, and when the cleaner runs."""
    at, messages = 0, []
    for offset in range(draw(st.integers(1, 25))):
        at += draw(st.integers(0, 30))
        key, value = draw(st.sampled_from([b"a", b"b", b"c"])), draw(st.sampled_from([None, str(at).encode()]))
        messages.append(Message(0, offset, at, key, value))
    return messages, sorted(draw(st.lists(st.integers(0, at + 200), max_size=3)))


@given(histories(), st.integers(0, 400))
def test_a_moment_that_counts_as_whole_is_told_as_it_was(history: tuple[list[Message], list[int]], cut_ms: int) -> None:
    messages, runs = history
    left: list[Message] = []
    fed, now_ms = 0, 0
    for now_ms in [*runs, 1_000 if not runs else max(runs[-1], messages[-1].at_ms)]:
        arrived = next((n for n, m in enumerate(messages) if m.at_ms > now_ms), len(messages))
        left = [*left, *messages[fed:arrived]]
        fed = arrived
        if now_ms in runs:
            left = cleaned(left, now_ms)
    for up_to in (UpTo(ms=min(cut_ms, now_ms)), UpTo(offset=cut_ms % len(messages))):
        found = past(left, up_to)
        if found.is_whole(now_ms - LAG_MS, [0]):
            assert shown(found) == shown(past(messages[:fed], up_to))


def test_a_moment_within_the_compaction_lag_is_whole_though_a_key_stands_once() -> None:
    found = past(log(("a", 10, 10), ("b", 100, 100)), UpTo(ms=60))
    assert found.is_whole(60, [0])
    assert shown(found) == {b"a": b"10"}


def test_an_earlier_moment_is_not_whole_where_every_key_stands_once() -> None:
    found = past(log(("a", 10, 10), ("b", 100, 100)), UpTo(ms=60))
    assert not found.is_whole(61, [0])
    assert found.reaches_back_to(61) == 61


def test_two_versions_of_a_key_tell_that_nothing_behind_them_was_compacted() -> None:
    found = past(log(("a", 10, 10), ("a", 20, 20), ("b", 100, 100)), UpTo(ms=50))
    assert found.is_whole(90, [0])
    assert found.reaches_back_to(90) == 20
    assert shown(found) == {b"a": b"20"}


def test_a_change_counts_by_its_commit_not_by_its_arrival() -> None:
    late = log(("a", 10, 10), ("a", 40, 70), ("b", 60, 71))
    assert shown(past(late, UpTo(ms=50))) == {b"a": b"40"}


def test_a_tombstone_counts_with_the_delete_before_it() -> None:
    late = log(("a", 10, 10), ("a", 40, 70), ("a", None, 71), ("b", 60, 72))
    assert shown(past(late, UpTo(ms=50))) == {}


def test_an_offset_counts_itself() -> None:
    found = past(log(("a", 10, 10), ("a", 20, 20), ("a", 30, 30)), UpTo(offset=1))
    assert shown(found) == {b"a": b"20"}
    assert found.last == {0: 1}
    assert found.after == {0: 2}


def test_partitions_are_cut_each_by_itself() -> None:
    messages = [Message(p, n, n * 10, f"{p}".encode(), str(n * 10).encode()) for n in range(3) for p in range(2)]
    assert past(messages, UpTo(ms=10)).last == {0: 1, 1: 1}


def test_a_message_without_a_key_is_passed_over() -> None:
    assert past([Message(0, 0, 0, None, b"1")], UpTo(ms=10)).newest == {}


def test_a_topic_reaches_back_no_further_than_it_begins() -> None:
    assert past(log(("a", 500, 500), ("b", 600, 600)), UpTo(ms=700)).reaches_back_to(90) == 500
