"""A snapshot of the whole table in its topic: what it leaves out is gone, though no message says so.

Debezium snapshots anew where it has lost its place in the write-ahead log: rows that were deleted meanwhile have no
tombstone. All rows of one snapshot carry the LSN at which it was taken.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tabstream.core.changes import Desired


@dataclass(slots=True)
class Snapshot:
    """The newest snapshot that was met. `first` gives for each partition the offset of its first row.

    `open` holds until each key whose newest message is older has either come again or is known to be gone. `increment` holds
    once a row of an incremental snapshot has come.
    """

    lsn: int | None = None
    at_ms: int = -1
    first: dict[int, int] = field(default_factory=dict)
    open: bool = False
    increment: bool = False

    def saw(self, row: Desired) -> None:
        """Takes note of a change, if it is a row of a snapshot that was not dealt with yet."""
        self.increment = self.increment or row.of_increment
        if not row.of_snapshot or row.lsn is None:
            return
        if row.lsn == self.lsn:
            if self.open:
                self.first[row.partition] = min(row.offset, self.first.get(row.partition, row.offset))
        elif (row.committed_ms or 0) >= self.at_ms:
            self.lsn, self.at_ms, self.open = row.lsn, row.committed_ms or 0, True
            self.first = {row.partition: row.offset}

    def leaves_out(self, partition: int, offset: int) -> bool:
        """True for a key whose newest message is older than the snapshot."""
        return offset < self.first.get(partition, -1)

    def limit(self, marks: Iterable[tuple[int, int]]) -> dict[int, int]:
        """Offsets by partition, held back before an open snapshot, so that a restart meets it again."""
        return {p: min(offset, self.first.get(p, offset + 1) - 1) if self.open else offset for p, offset in marks}
