"""What feed and owner hand over between their threads."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from consumers.sheet_sink.inbox import Inbox, RawMessage, RawResult
from tests.sheets_emulator.running import until


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as found:
        yield found


def message(key: str, offset: int, value: bytes | None = b"v", partition: int = 0) -> RawMessage:
    return RawMessage(key.encode(), value, partition, offset)


def test_only_the_newest_message_of_a_key_is_kept_and_all_are_counted() -> None:
    inbox, never = Inbox(threading.Event()), threading.Event()
    for offset in range(5):
        inbox.change(message("a", offset), never)
    inbox.change(message("b", 5, None), never)
    inbox.change(message("c", 9, partition=1), never)
    taken = inbox.take()
    assert {key: raw.offset for key, raw in taken.changes.items()} == {b"a": 4, b"b": 5, b"c": 9}
    assert taken.changes[b"b"].value is None
    assert (taken.messages, taken.consumed) == (7, {0: 6, 1: 10})


def test_what_was_taken_is_gone_and_the_position_stays() -> None:
    inbox = Inbox(threading.Event())
    inbox.change(message("a", 3), threading.Event())
    inbox.result(RawResult(b"r", 7))
    assert inbox.waiting == 2
    inbox.take()
    again = inbox.take()
    assert (inbox.waiting, again.changes, again.results, again.messages) == (0, {}, [], 0)
    assert (again.consumed, again.results_consumed) == ({0: 4}, 8)


def test_a_folded_message_keeps_only_whether_the_row_is_there() -> None:
    inbox = Inbox(threading.Event())
    inbox.fold(message("a", 0, b"large"))
    inbox.fold(message("b", 1, b"large"))
    inbox.fold(message("b", 2, None))
    folded = inbox.take().folded
    assert {key: (raw.value is None, raw.offset) for key, raw in folded.items()} == {b"a": (False, 0), b"b": (True, 2)}
    assert folded[b"a"].value == b""


def test_both_sides_of_a_changed_key_are_told() -> None:
    inbox = Inbox(threading.Event())
    inbox.change(RawMessage(b"old", None, 0, 1, (b"new", True)), threading.Event())
    inbox.change(RawMessage(b"new", b"v", 0, 2, (b"old", False)), threading.Event())
    assert inbox.take().renamed == {b"old": (b"new", True), b"new": (b"old", False)}


def test_an_owner_who_sleeps_is_woken() -> None:
    wake = threading.Event()
    inbox = Inbox(wake)
    inbox.fold(message("a", 0))
    assert not wake.is_set(), "what is shown already is no work"
    for act in (
        lambda: inbox.change(message("a", 1), threading.Event()),
        lambda: inbox.result(RawResult(b"", 0)),
        inbox.caught_up,
        lambda: inbox.fail(ValueError()),
    ):
        wake.clear()
        act()
        assert wake.is_set()


def test_a_full_inbox_makes_the_feed_wait_until_the_owner_takes(pool: ThreadPoolExecutor) -> None:
    inbox, stop = Inbox(threading.Event(), limit=2), threading.Event()
    inbox.bound()
    inbox.change(message("a", 0), stop)
    inbox.change(message("b", 1), stop)
    third = pool.submit(inbox.change, message("c", 2), stop)
    assert list(inbox.take().changes) == [b"a", b"b"]
    third.result(5)
    assert list(inbox.take().changes) == [b"c"]


def test_a_feed_that_is_to_end_does_not_wait(pool: ThreadPoolExecutor) -> None:
    inbox, stop = Inbox(threading.Event(), limit=1), threading.Event()
    inbox.bound()
    inbox.change(message("a", 0), stop)
    second = pool.submit(inbox.change, message("b", 1), stop)
    stop.set()
    second.result(5)


def test_before_the_owner_drains_it_the_inbox_takes_all() -> None:
    inbox = Inbox(threading.Event(), limit=1)
    for offset in range(10):
        inbox.change(message(str(offset), offset), threading.Event())
    assert inbox.waiting == 10


def test_results_are_waited_for_to_their_end(pool: ThreadPoolExecutor) -> None:
    inbox = Inbox(threading.Event())
    assert not inbox.wait_for_results(3, 0.01)
    waiting = pool.submit(inbox.wait_for_results, 3, 10)
    until(lambda: True if waiting.running() else None)
    inbox.result(RawResult(b"r", 1))
    assert not waiting.done()
    inbox.end_of_results(3)  # the end is a transaction's marker, no message
    assert waiting.result(5)
    assert inbox.wait_for_results(2, 0)


def test_a_position_never_goes_back() -> None:
    inbox = Inbox(threading.Event())
    inbox.end_of_partition(0, 9)
    inbox.end_of_partition(0, 4)
    inbox.end_of_results(5)
    inbox.result(RawResult(b"", 1))
    taken = inbox.take()
    assert (taken.consumed, taken.results_consumed) == ({0: 9}, 5)


def test_the_owner_meets_what_the_feed_failed_with(pool: ThreadPoolExecutor) -> None:
    inbox = Inbox(threading.Event())
    waiting = pool.submit(inbox.wait_for_results, 3, 10)
    inbox.fail(ValueError("offset gone"))
    assert waiting.result(5), "nobody waits for a feed that has ended"
    with pytest.raises(ValueError, match="offset gone"):
        inbox.take()


def test_complete_once_the_ends_were_read() -> None:
    inbox = Inbox(threading.Event())
    assert not inbox.complete
    inbox.caught_up()
    assert inbox.complete


def test_a_tombstone_leaves_the_event_of_its_delete_and_moves_it_on() -> None:
    inbox, never = Inbox(threading.Event()), threading.Event()
    inbox.change(message("a", 3, b"deleted"), never)
    inbox.change(message("a", 4, None), never)
    (raw,) = inbox.take().changes.values()
    assert (raw.value, raw.offset) == (b"deleted", 4)


def test_a_row_whose_delete_is_folded_and_whose_tombstone_is_not_is_folded_as_deleted() -> None:
    inbox, never = Inbox(threading.Event()), threading.Event()
    inbox.fold(message("a", 3, b"deleted"))
    inbox.change(message("a", 4, None), never)
    inbox.change(message("a", 5, b"made again"), never)
    taken = inbox.take()
    assert taken.folded[b"a"].value is None
    assert taken.changes[b"a"].offset == 5


def test_a_topic_is_silent_if_nothing_was_written_to_it_whether_the_owner_has_taken_it_or_not() -> None:
    inbox, other = Inbox(threading.Event()), Inbox(threading.Event())
    assert not inbox.silent, "it was not read yet"
    for read in (inbox, other):
        read.end_of_partition(0, 0)
    other.end_of_partition(1, 7)
    for read in (inbox, other):
        read.caught_up()
    assert (inbox.silent, other.silent) == (True, False)
    inbox.take()
    assert inbox.silent
    inbox.change(message("a", 0), threading.Event())
    assert not inbox.silent
