"""The replication slot that the connector reads: whether anybody reads it, whether it moves, and what reaches it."""

import re
from dataclasses import dataclass

import psycopg
import tenacity

from tabstream.config import Settings
from tabstream.core.results import lsn_of
from tabstream.errors import BindingProblem
from tabstream.postgres.connection import Connection, connect
from tabstream.postgres.statements import statement

# The connector's heartbeats move the slot every few seconds, also while the tables are quiet.
STUCK_SECONDS = 120.0
_LET_GO_SECONDS = 15.0
_REMEDY = "look at: tabstream connectors status"


def slot_name(prefix: str) -> str:
    """The slot of the connector with this topic prefix; its name, and its publication's, are the same."""
    return "tabstream_" + re.sub(r"[^a-z0-9_]", "_", prefix.lower())


def slot_of(settings: Settings) -> str:
    """The slot that streams the tables: tabstream's, or that of a connector of the team's own."""
    return settings.replication_slot or slot_name(settings.topic_prefix)


class NotPublished(BindingProblem):
    """The table is not in the connector's publication: it was made, or made anew, after the connector was applied."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot as it stands: up to where its reader has confirmed, and how much of the write-ahead log is behind that.

    `kept_bytes` is what the server keeps for it; `wal_status` is the server's own word, `here` whether it is of this database.
    """

    name: str
    active: bool
    lost: bool
    confirmed: int
    behind_bytes: int
    kept_bytes: int = 0
    wal_status: str = ""
    here: bool = True


def read_slot(connection: Connection, name: str) -> Slot | None:
    """The slot of this name, None if there is none. Raises psycopg.Error."""
    row = connection.execute(statement("read_slot"), (name,)).fetchone()
    if row is None:
        return None
    active, lost, confirmed, behind, kept, status, here = row
    return Slot(name, active, lost, lsn_of(confirmed or "0/0"), int(behind or 0), int(kept or 0), status, here)


def drop_slot(url: str, name: str) -> None:
    """Drops the slot of this name, if there is one, as soon as its reader has let go of it. Raises psycopg.Error."""
    again = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(psycopg.errors.ObjectInUse),
        wait=tenacity.wait_fixed(0.2),
        stop=tenacity.stop_after_delay(_LET_GO_SECONDS),
        reraise=True,
    )
    with connect(url, "tabstream connectors", autocommit=True) as connection:
        again(connection.execute, statement("drop_slot"), (name,))


def require_published(connection: Connection, settings: Settings, schema: str, table: str) -> None:
    """Raises NotPublished unless the publication has the table and that of edit results: their changes would never come."""
    name = settings.publication or slot_name(settings.topic_prefix)
    for needed in ((schema, table), ("tabstream", "edit_result")):
        if connection.execute(statement("published"), (name, *needed)).fetchone() is None:
            full = ".".join(needed)
            remedy = f"ALTER PUBLICATION {name} ADD TABLE {full}; and add it to table.include.list of the connector"
            ours = (
                "run: tabstream connectors apply; where a connector of your own streams it, set TABSTREAM_PUBLICATION and "
                "TABSTREAM_REPLICATION_SLOT instead (docs/howto/existing-topics.md)"
            )
            raise NotPublished(f"the changes of table {full!r} are not streamed", remedy if settings.publication else ours)


def slot_problem(slot: Slot | None, name: str, still_seconds: float) -> tuple[str, str] | None:
    """What is wrong and what to do; `still_seconds` is for how long the slot has been at the same place."""
    if slot is None:
        return f"there is no replication slot {name!r}: nothing streams the tables", "run: tabstream connectors apply"
    if slot.lost:
        return (
            f"the replication slot {name!r} has lost its place in the write-ahead log",
            "drop it, then: tabstream connectors apply",
        )
    if not slot.active:
        return f"nobody reads the replication slot {name!r}: the connector does not run", _REMEDY
    if still_seconds > STUCK_SECONDS and slot.behind_bytes:
        return f"the replication slot {name!r} has not moved for {still_seconds:.0f} s", _REMEDY
    return None
