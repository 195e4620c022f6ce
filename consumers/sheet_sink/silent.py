"""Tables whose rows never come: nothing was ever written to their topic, and yet they have rows.

A connector whose task fails before its first message, or that leaves the table out, would look like an empty table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tabstream.clock import Clock
from tabstream.core.binding import Binding
from tabstream.postgres.connection import Connection
from tabstream.postgres.rows import has_rows

# A connector that has just been told of a table may have others to read first.
PATIENCE_SECONDS = 60.0
_OURS = "look at: tabstream connectors status"
_FOREIGN = "look at the connector that writes it: its task may have failed, or its table.include.list may lack the table"


@dataclass(frozen=True, slots=True)
class SilentTopic:
    """A binding, and its topic, to which nothing was ever written."""

    binding: Binding
    topic: str


class Silence:
    """`problems` is by binding what an operator has to know, with a remedy. `foreign`: the connector is the team's own."""

    def __init__(self, clock: Clock, *, foreign: bool) -> None:
        self.problems: Mapping[str, tuple[str, str]] = {}
        self._clock = clock
        self._remedy = _FOREIGN if foreign else _OURS
        self._since: dict[str, float] = {}

    def look(self, connection: Connection, topics: Iterable[SilentTopic]) -> None:
        """Looks whether the tables of these topics have rows, and for how long they have had some. Raises psycopg.Error."""
        now = self._clock.monotonic()
        missed = {t.binding.name: t for t in topics if has_rows(connection, t.binding.schema_name, t.binding.table_name)}
        self._since = {name: self._since.get(name, now) for name in missed}
        self.problems = {
            name: (
                f"nothing was ever written to topic {silent.topic!r}, yet table {silent.binding.table!r} has rows",
                self._remedy,
            )
            for name, silent in missed.items()
            if now - self._since[name] >= PATIENCE_SECONDS
        }
