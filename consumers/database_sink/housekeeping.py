"""What is tidied up in the background: outbox rows that have been streamed, registers that nobody needs any more."""

import threading

import psycopg
import structlog

from tabstream import metrics
from tabstream.errors import Outage
from tabstream.postgres.connection import Connection, connect
from tabstream.postgres.statements import statement

_log = structlog.get_logger(__name__)

EVERY_SECONDS = 60.0
ROWS_AT_ONCE = 5_000
# The outbox topic keeps the results; in the table they have been streamed within seconds.
KEPT_RESULTS_SECONDS = 3_600.0
# Longer than an observation can be under way; what was dealt with is not read again anyway, that is progress's business.
KEPT_REGISTERS_SECONDS = 90 * 86_400.0

_RULES = {
    "clean_results": KEPT_RESULTS_SECONDS,
    "clean_cell_registers": KEPT_REGISTERS_SECONDS,
    "clean_row_registers": KEPT_REGISTERS_SECONDS,
}


class Housekeeper(threading.Thread):
    """Tidies up now and then until `stop` is set; an outage only delays it."""

    def __init__(self, database_url: str, stop: threading.Event) -> None:
        super().__init__(name="housekeeper", daemon=True)
        self._url = database_url
        self._halt = stop

    def run(self) -> None:
        """Runs until `stop` is set."""
        while not self._halt.wait(EVERY_SECONDS):
            try:
                with connect(self._url, "tabstream database-sink housekeeping", autocommit=True) as connection:
                    tidy(connection)
            except (Outage, psycopg.Error) as problem:
                metrics.OUTAGES.labels("database").inc()
                _log.warning("nothing tidied up", problem=str(problem))


def tidy(connection: Connection) -> int:
    """Deletes what is old enough, in portions; returns how many rows went."""
    gone = 0
    for name, age_seconds in _RULES.items():
        while count := connection.execute(statement(name), (age_seconds, ROWS_AT_ONCE)).rowcount:
            gone += count
            if count < ROWS_AT_ONCE:
                break
    return gone
