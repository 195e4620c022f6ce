"""Edits on their way to a transaction: what arrived, what waits, and what is taken next.

Pure bookkeeping. A transaction takes a unit: arrivals in the order of the topic, of which at most one is decided for each
row. A row that can't be decided now (locked, or its binding has a problem) is parked: its edits are set aside in order,
later ones wait behind them, and the other rows go on.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from tabstream.core.edits import Edit, EditKind
from tabstream.postgres.progress import Partition, Position

RowName: TypeAlias = tuple[str, str]
"""A binding's name and a row key or token."""

UNIT_EDITS = 500
WAITS_BEHIND = "waits for an earlier edit of the same row"

_FIRST_RETRY_SECONDS = 0.05
_LAST_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message. `edit` is None for one that is dealt with already (a dead letter).

    `retried` tells one that was set aside before; `park` is why it is set aside now; `refusal` is a reason to reject it
    without trying. `again` tells one that was dealt with before, in a state of the database that may be gone.
    """

    position: Position
    message: bytes
    edit: Edit | None
    retried: bool = False
    park: str | None = None
    refusal: str | None = None
    again: bool = False

    @property
    def row(self) -> RowName | None:
        """The row that the edit is about."""
        return None if self.edit is None else (self.edit.binding, self.edit.row_key)

    @property
    def partition(self) -> Partition:
        """Topic id and partition."""
        return self.position[0], self.position[1]


@dataclass(frozen=True, slots=True)
class Unit:
    """What one transaction deals with. `alone`: it is one edit, whose failure is its own."""

    arrivals: tuple[Arrival, ...]

    @property
    def decided(self) -> Sequence[Arrival]:
        """The arrivals to decide."""
        return [a for a in self.arrivals if a.edit is not None and a.park is None]

    @property
    def alone(self) -> bool:
        """True where a failure can only be this edit's."""
        return len(self.decided) <= 1

    def halves(self) -> tuple["Unit", "Unit"]:
        """Two units that come to the same."""
        middle = len(self.arrivals) // 2
        return Unit(self.arrivals[:middle]), Unit(self.arrivals[middle:])

    def marked(self, *, park: str | None = None, refusal: str | None = None) -> "Unit":
        """The unit with its edits parked, or refused, for this reason."""
        marked = (a if a.edit is None or a.park else replace(a, park=park, refusal=refusal) for a in self.arrivals)
        return Unit(tuple(marked))


@dataclass(slots=True)
class _Parked:
    positions: deque[Position]
    due: float
    tries: int = 0


@dataclass(slots=True)
class Backlog:
    """What has arrived and is not dealt with. Times are a monotonic clock's seconds."""

    expected: dict[Partition, int] = field(default_factory=dict)
    fresh: deque[Arrival] = field(default_factory=deque)
    parked: dict[RowName, _Parked] = field(default_factory=dict)

    def begin(self, partition: Partition, next_offset: int, parked: Sequence[tuple[Position, str, str]], now: float) -> None:
        """Takes charge of a partition: its progress and what is set aside on it."""
        self.expected[partition] = next_offset
        for position, binding, row_key in parked:
            self.parked.setdefault((binding, row_key), _Parked(deque(), now)).positions.append(position)

    def drop(self, partitions: Sequence[Partition]) -> None:
        """Lets go of partitions that another instance has now."""
        gone = set(partitions)
        for partition in gone:
            self.expected.pop(partition, None)
        self.fresh = deque(a for a in self.fresh if a.partition not in gone)
        self.parked = {row: p for row, p in self.parked.items() if p.positions[0][:2] not in gone}

    def arrived(self, arrivals: Sequence[Arrival]) -> None:
        """Adds messages in the order of the topic; those of partitions that are not ours are left out."""
        self.fresh.extend(a for a in arrivals if a.partition in self.expected)

    def take(self) -> Unit | None:
        """The next unit of new arrivals, None if there are none."""
        taken: list[Arrival] = []
        rows: set[RowName] = set()
        while self.fresh and len(taken) < UNIT_EDITS:
            arrival = self.fresh[0]
            row = arrival.row
            # A new row that was dealt with before is alone: an attempt with others that fails would take keys of the rows
            # after it, and what came after may be about that row, by the key that it got.
            if taken and (_inserts_again(arrival) or _inserts_again(taken[-1])):
                break
            if row is not None and row in self.parked:
                arrival = replace(arrival, park=WAITS_BEHIND)
            elif row is not None and row in rows:
                break
            elif row is not None:
                rows.add(row)
            taken.append(arrival)
            self.fresh.popleft()
        return Unit(tuple(taken)) if taken else None

    def due(self, now: float) -> list[Position]:
        """Of each row that is due, the edit that was set aside first; at most a unit's worth."""
        ready = [parked.positions[0] for parked in self.parked.values() if parked.due <= now]
        return ready[:UNIT_EDITS]

    def next_due(self) -> float | None:
        """When the next row is due."""
        return min((parked.due for parked in self.parked.values()), default=None)

    def moves(self, unit: Unit) -> Mapping[Partition, tuple[int, int]]:
        """How the unit moves the progress: expected and next offset of each partition. What lies behind it moves nothing."""
        ends: dict[Partition, int] = {}
        for arrival in unit.arrivals:
            if not arrival.retried:
                ends[arrival.partition] = arrival.position[2] + 1
        expected = self.expected
        return {partition: (expected[partition], end) for partition, end in ends.items() if end > expected[partition]}

    def settled(self, unit: Unit, parked: Sequence[Arrival], now: float) -> None:
        """Takes note of a committed unit; `parked` are those of its arrivals that are set aside."""
        for partition, (_, end) in self.moves(unit).items():
            self.expected[partition] = end
        waiting = {arrival.position for arrival in parked}
        for arrival in unit.arrivals:
            if arrival.retried:
                self._retried(arrival.position, arrival.position in waiting, now)
        for arrival in parked:
            if not arrival.retried and arrival.row is not None:
                first = _Parked(deque(), now + _FIRST_RETRY_SECONDS)
                self.parked.setdefault(arrival.row, first).positions.append(arrival.position)

    def _retried(self, position: Position, again: bool, now: float) -> None:
        row, parked = next((row, p) for row, p in self.parked.items() if p.positions[0] == position)
        if again:
            parked.tries += 1
            parked.due = now + min(_FIRST_RETRY_SECONDS * 2**parked.tries, _LAST_RETRY_SECONDS)
            return
        parked.positions.popleft()
        parked.tries, parked.due = 0, now
        if not parked.positions:
            del self.parked[row]


def taken_up(arrivals: Sequence[Arrival]) -> Unit:
    """Of edits that were set aside, those to take up now: a new row that was dealt with before is the first, and alone, as in
    `Backlog.take`. The others stay due."""
    first = next(filter(_inserts_again, arrivals), None)
    return Unit(tuple(arrivals) if first is None else (first,))


def _inserts_again(arrival: Arrival) -> bool:
    return arrival.again and arrival.edit is not None and arrival.edit.kind is EditKind.INSERT
