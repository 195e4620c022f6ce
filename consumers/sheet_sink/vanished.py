"""Keys that a new snapshot of the table has left out: gone from the table, unless their rows are still to come.

The topic can't tell the two apart before the snapshot has ended; the database can.
"""

import psycopg
import structlog

from consumers.sheet_sink.bound_tab import BoundTab
from consumers.sheet_sink.services import Services
from tabstream.core.cells import RowKey
from tabstream.core.rowmerge import BoundTable, key_texts
from tabstream.errors import Outage
from tabstream.postgres.rows import Rows

_log = structlog.get_logger()
_KEYS_AT_ONCE = 5_000
_AGAIN_MS = 5_000


def take_away_vanished(tab: BoundTab, services: Services, now_ms: int) -> None:
    """Has the book take away the rows of keys that the table does not have any more; raises Outage.

    Looks again every few seconds, until every key that the snapshot has not brought yet has come or is gone.
    """
    if not tab.checks_snapshot(now_ms):
        return
    left_out = tab.book.left_out()
    gone = [key for key, is_there in zip(left_out, _are_there(tab, left_out, services), strict=True) if not is_there]
    if gone:
        _log.warning("a snapshot has left out rows that are gone", binding=tab.binding.name, rows=len(gone))
    tab.book.snapshot_checked(gone)
    tab.check_snapshot_at_ms = now_ms + _AGAIN_MS


def _are_there(tab: BoundTab, keys: list[RowKey], services: Services) -> list[bool]:
    if not keys:
        return []
    rows = Rows(BoundTable(tab.binding, tab.shape), commit_times=False)
    texts = [key_texts(key, tab.shape) for key in keys]
    found: list[bool] = []
    try:
        with services.database() as connection:
            for start in range(0, len(texts), _KEYS_AT_ONCE):
                found += [row is not None for row in rows.read(connection, texts[start : start + _KEYS_AT_ONCE])]
    except psycopg.Error as problem:
        raise Outage(f"the database can't be asked which rows are there: {problem}") from problem
    return found
