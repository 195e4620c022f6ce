"""Keys that the table does not have any more, though no message says so.

A new snapshot of the table leaves them out; but rows that it has not brought may still be to come. An incremental snapshot
may follow a time in which nothing of the table was streamed. A table or database that is another one than before may lack
any of them. The topic can't tell; the database can.
"""

from collections.abc import Sequence
from contextlib import suppress

import structlog

from consumers.sheet_sink.bound_tab import BoundTab
from consumers.sheet_sink.services import Services
from tabstream.core.cells import RowKey
from tabstream.errors import Outage

_log = structlog.get_logger()
_AGAIN_MS = 5_000
_PARTIAL_MS = 300_000


def take_away_vanished(tab: BoundTab, services: Services, now_ms: int) -> None:
    """Has the book take away the rows of keys that the table does not have any more; raises Outage.

    Looks again every few seconds, until every key that the snapshot has not brought yet has come or is gone, or none has come
    for minutes; once a few seconds after the last row of an incremental one.
    """
    if tab.book.snapshot.increment:
        tab.book.snapshot.increment, tab.check_every_key = False, True
        tab.check_snapshot_at_ms = now_ms + _AGAIN_MS
    if not tab.checks_snapshot(now_ms):
        return
    asked = tab.book.alive() if tab.check_every_key else [*tab.book.left_out(), *tab.book.passed_over()]
    tab.book.vanished(_gone(tab, services, asked))
    tab.check_every_key = False
    tab.check_snapshot_at_ms = now_ms + _AGAIN_MS
    _close_partial(tab, now_ms)


def _close_partial(tab: BoundTab, now_ms: int) -> None:
    """A snapshot of a part of the table never brings the other rows: the table has them, and that is enough."""
    left = len(tab.book.left_out())
    if not left or left != tab.left_out:
        tab.left_out, tab.left_out_since_ms = left, now_ms
    elif now_ms - tab.left_out_since_ms >= _PARTIAL_MS:
        _log.info("a snapshot has brought a part of the table", binding=tab.binding.name, left_out=left)
        tab.book.snapshot.open = False
        tab.doubted = True  # the watermark still stands before the snapshot


def forget_vanished(tab: BoundTab, services: Services, now_ms: int) -> None:
    """Has the book forget rows that have been missing in the tab for long enough, if the table does not have them either: they
    were taken away by an owner who knew that, and not deleted by a person. While the database is out of reach they count as
    deleted by a person: what was seen is told. What an open snapshot has left out is looked up anyway."""
    missing = [] if tab.book.snapshot.open else tab.book.missing(now_ms)
    if missing:
        with suppress(Outage):
            tab.book.vanished(_gone(tab, services, missing))


def _gone(tab: BoundTab, services: Services, keys: Sequence[RowKey]) -> list[RowKey]:
    there = services.are_there(tab.binding, tab.shape, keys) if keys else []
    gone = [key for key, is_there in zip(keys, there, strict=True) if not is_there]
    if gone:
        _log.warning("rows are gone from the table", binding=tab.binding.name, rows=len(gone))
    return gone
