"""Rows of which the topic tells nothing, though the table has them.

A topic that was deleted and made anew, or that has lost messages, does not say that a row is gone; the database does. Until
the topic tells of such a row it stays as it is.
"""

from collections.abc import Sequence

import structlog

from consumers.sheet_sink.bound_tab import BoundTab
from consumers.sheet_sink.services import Services
from tabstream.core.identity import Identity
from tabstream.core.tab import ObservedRow
from tabstream.core.tabplan import recognise, unheard_of

_log = structlog.get_logger()


def recognise_all(tab: BoundTab, rows: Sequence[ObservedRow], services: Services, now_ms: int) -> Identity:
    """The identity of all rows of a whole read, with those that only tab and table have; raises Outage."""
    found = recognise(tab.book, rows)
    unheard = unheard_of(tab.book, found)
    there = services.are_there(tab.binding, tab.shape, unheard) if unheard else []
    lacking = [key for key, is_there in zip(unheard, there, strict=True) if is_there]
    if not lacking:
        return found
    _log.warning("the topic lacks rows of the table", binding=tab.binding.name, topic=tab.topics.table, rows=len(lacking))
    tab.book.lacks(lacking, now_ms)
    return recognise(tab.book, rows)
