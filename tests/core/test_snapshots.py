"""The newest snapshot of a table in its topic, and where it begins."""

from tabstream.core.changes import Desired
from tabstream.core.snapshots import Snapshot
from tests.core.tabs import desired


def found(number: int, offset: int, lsn: int, at_ms: int = 0, partition: int = 0) -> Desired:
    """A row as a snapshot found it."""
    row = desired(number, "a", None, offset, lsn)._replace(of_snapshot=True, committed_ms=at_ms)
    return row._replace(partition=partition)


def seen(*rows: Desired) -> Snapshot:
    """A snapshot that has seen these rows."""
    made = Snapshot()
    for row in rows:
        made.saw(row)
    return made


def test_a_change_is_no_snapshot() -> None:
    assert not seen(desired(1, "a", None, 5)).open


def test_the_first_row_counts_in_whatever_order_they_come() -> None:
    made = seen(found(2, 8, 100), found(1, 7, 100), found(3, 4, 100, partition=1))
    assert made.open
    assert made.first == {0: 7, 1: 4}
    assert [made.leaves_out(0, offset) for offset in (6, 7)] == [True, False]
    assert not made.leaves_out(2, 0), "nothing is known of a partition that it has no row in"


def test_the_newest_of_two_snapshots_counts() -> None:
    for rows in ([found(1, 1, 100, 10), found(1, 9, 50, 20)], [found(1, 9, 50, 20), found(1, 1, 100, 10)]):
        assert (seen(*rows).lsn, seen(*rows).first) == (50, {0: 9})


def test_one_that_is_dealt_with_is_not_opened_again() -> None:
    made = Snapshot(lsn=100)
    made.saw(found(5, 20, 100))
    assert not made.open


def test_the_watermark_stays_before_an_open_one() -> None:
    made = seen(found(1, 7, 100))
    assert made.limit([(0, 9), (1, 3)]) == {0: 6, 1: 3}
    made.open = False
    assert made.limit([(0, 9)]) == {0: 9}
