"""Waiting until the tab shows the table for the first time."""

import time

import psycopg

from tabstream.errors import OperatorError
from tabstream.operations.demo.google import TAB
from tabstream.operations.demo.installing import Place
from tabstream.operations.demo.person import Person

_SECONDS = 90.0
_LONG_POLL_SECONDS = 5.0


def wait_for_first_fill(place: Place, seconds: float = _SECONDS) -> int:
    """Returns how many rows both sides show, once the tab has each key of the table; OperatorError if it takes too long."""
    person = Person(place.person_url, place.spreadsheet_id, TAB)
    deadline = time.monotonic() + seconds
    try:
        with psycopg.connect(place.database_url, autocommit=True) as connection:
            while True:
                grid = person.grid()
                column = grid.rows[0].index("lead_id") if grid.rows and "lead_id" in grid.rows[0] else None
                shown = {row[column] for row in grid.rows[1:] if len(row) > column} if column is not None else set()
                wanted = {str(key) for (key,) in connection.execute("SELECT lead_id FROM public.leads")}
                if column is not None and wanted <= shown:
                    return len(wanted)
                if time.monotonic() > deadline:
                    raise OperatorError(
                        f"the tab shows {len(shown & wanted)} of {len(wanted)} rows after {seconds:.0f} seconds",
                        "look at: tabstream local logs sheet-sink",
                    )
                person.changed_since(grid.version, _LONG_POLL_SECONDS)
    finally:
        person.close()
