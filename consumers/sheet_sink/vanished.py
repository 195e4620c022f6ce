"""Keys that the table does not have any more, though no message says so.

A new snapshot of the table leaves them out; but rows that it has not brought may still be to come. An incremental snapshot
may follow a time in which nothing of the table was streamed. A table or database that is another one than before may lack
any of them. The topic can't tell; the database can.
"""

import structlog

from consumers.sheet_sink.bound_tab import BoundTab
from consumers.sheet_sink.services import Services

_log = structlog.get_logger()
_AGAIN_MS = 5_000


def take_away_vanished(tab: BoundTab, services: Services, now_ms: int) -> None:
    """Has the book take away the rows of keys that the table does not have any more; raises Outage.

    Looks again every few seconds, until every key that the snapshot has not brought yet has come or is gone; once a few
    seconds after the last row of an incremental one.
    """
    if tab.book.snapshot.increment:
        tab.book.snapshot.increment, tab.check_every_key = False, True
        tab.check_snapshot_at_ms = now_ms + _AGAIN_MS
    if not tab.checks_snapshot(now_ms):
        return
    asked = tab.book.alive() if tab.check_every_key else [*tab.book.left_out(), *tab.book.passed_over()]
    there = services.are_there(tab.binding, tab.shape, asked) if asked else []
    gone = [key for key, is_there in zip(asked, there, strict=True) if not is_there]
    if gone:
        _log.warning("rows are gone from the table", binding=tab.binding.name, rows=len(gone))
    tab.book.vanished(gone)
    tab.check_every_key = False
    tab.check_snapshot_at_ms = now_ms + _AGAIN_MS
