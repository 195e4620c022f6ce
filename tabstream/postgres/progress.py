"""How far the edits topic is dealt with, and the edits set aside, as the database keeps them.

Progress moves by compare-and-set in the transaction of the edits themselves: whoever else has moved it, wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import psycopg

from tabstream.errors import TabstreamError
from tabstream.postgres.connection import Connection, DatabaseUnavailable
from tabstream.postgres.statements import statement

Partition: TypeAlias = tuple[str, int]
"""A topic's id (not its name: one that is made again has another) and a partition of it."""

Position: TypeAlias = tuple[str, int, int]
"""Topic id, partition, offset."""


class LostProgress(TabstreamError):
    """Another instance has moved the progress: what was read since is its business. Read the progress again."""


@dataclass(frozen=True, slots=True)
class ParkedEdit:
    """A message to set aside, and why; `again` tells one that was dealt with before the database was set back."""

    position: Position
    binding: str
    row_key: str
    message: bytes
    reason: str
    again: bool = False


def read_progress(connection: Connection, partition: Partition) -> int:
    """The next offset of the partition; 0 for one that is new."""
    connection.execute(statement("begin_progress"), partition)
    row = connection.execute(statement("read_progress"), partition).fetchone()
    return 0 if row is None else int(row[0])


def advance(connection: Connection, moves: Mapping[Partition, tuple[int, int]]) -> None:
    """Moves each partition from the expected next offset to a new one; raises LostProgress."""
    if not moves:
        return
    columns = (
        [topic_id for topic_id, _ in moves],
        [partition for _, partition in moves],
        [expected for expected, _ in moves.values()],
        [next_offset for _, next_offset in moves.values()],
    )
    try:
        moved = connection.execute(statement("advance_progress"), columns).fetchall()
    except psycopg.errors.LockNotAvailable as problem:
        raise LostProgress("another instance is moving the progress at this moment") from problem
    if len(moved) != len(moves):
        raise LostProgress("another instance has moved the progress")


def is_behind(connection: Connection, reached: Mapping[Partition, int]) -> bool:
    """True where the database's progress is less than was reached; raises DatabaseUnavailable."""
    try:
        for partition, offset in reached.items():
            row = connection.execute(statement("read_progress"), partition).fetchone()
            if (0 if row is None else int(row[0])) < offset:
                return True
    except psycopg.Error as problem:
        raise DatabaseUnavailable(f"the progress can't be read: {str(problem).strip()}") from problem
    return False


def park(connection: Connection, edits: Sequence[ParkedEdit]) -> None:
    """Sets edits aside."""
    if edits:
        columns = (
            *_positions([edit.position for edit in edits]),
            [edit.binding for edit in edits],
            [edit.row_key for edit in edits],
            [edit.message for edit in edits],
            [edit.reason for edit in edits],
            [edit.again for edit in edits],
        )
        connection.execute(statement("park"), columns)


def unpark(connection: Connection, positions: Sequence[Position]) -> None:
    """Takes edits up again; raises LostProgress if one is not there any more."""
    if positions and len(connection.execute(statement("unpark"), _positions(positions)).fetchall()) != len(positions):
        raise LostProgress("another instance has taken up a parked edit")


def list_parked(connection: Connection, partition: Partition) -> list[tuple[Position, str, str]]:
    """What is set aside on a partition, in the order of the topic: position, binding, row key."""
    rows = connection.execute(statement("list_parked"), partition).fetchall()
    return [((*partition, int(offset)), binding, row_key) for offset, binding, row_key in rows]


def read_parked(connection: Connection, positions: Sequence[Position]) -> Mapping[Position, tuple[bytes, bool]]:
    """The messages set aside at these positions, the oldest first, and whether they were dealt with before."""
    rows = connection.execute(statement("read_parked"), _positions(positions)).fetchall()
    return {(topic_id, partition, offset): (bytes(message), again) for topic_id, partition, offset, message, again in rows}


def _positions(positions: Sequence[Position]) -> list[list[object]]:
    return [[position[n] for position in positions] for n in range(3)]
