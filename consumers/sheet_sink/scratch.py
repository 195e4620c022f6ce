"""The scratch tab `_tabstream`: the rows as they were at the very moment of the last write.

Its first cell describes the batch; each block below holds the copied header of a tab and then the copied rows. The first
column says whose row each was meant to be, the second whose it was to become, the next two name the marks that were read and
written there; then the copies begin. So whoever
reads it knows which rows were hit by mistake, also after the death of the one that wrote it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tabstream.core.cells import EMPTY_CELL, ObservedCell, RowKey

SCRATCH_SHEET_ID = 1_413_829_197
SCRATCH_ROWS = 2_400
SCRATCH_COLUMNS = 26
COPIES_COLUMN = 4
CLEARED = "cleared"
"""The name of the mark that was written where one was taken away."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where a binding's copies stand: the header at `start` (0-based), `count` rows below, of which the last were deleted."""

    binding: str
    start: int
    count: int
    removed: int


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What the scratch tab holds: the batch that wrote it, its blocks, and when (Google's clock) the read before it ended."""

    batch: str
    blocks: tuple[Block, ...]
    since_ms: int = 0

    @property
    def height(self) -> int:
        """Rows of the scratch tab in use."""
        return max((block.start + block.count + 1 for block in self.blocks), default=1)


def encode_descriptor(descriptor: Descriptor) -> str:
    """The text of the scratch tab's first cell."""
    blocks = [[b.binding, b.start, b.count, b.removed] for b in descriptor.blocks]
    data = {"batch": descriptor.batch, "blocks": blocks, "since_ms": descriptor.since_ms, "copies": COPIES_COLUMN}
    return json.dumps(data, separators=(",", ":"))


def decode_descriptor(text: object) -> Descriptor | None:
    """The inverse; None where the cell holds something else, or copies begin in another column: another version wrote it."""
    try:
        data = json.loads(str(text))
        if data["copies"] != COPIES_COLUMN:
            return None
        blocks = tuple(Block(str(name), *(int(number) for number in numbers)) for name, *numbers in data["blocks"])
        return Descriptor(str(data["batch"]), blocks, int(data["since_ms"]))
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Copied:
    """A copied row: where it stands in the scratch tab, whose it was meant to be (a key, a
    new row's token, or "" for nobody's), whose it was to become, the names of the marks that were `read` there and `written`
    ("" for none), whether it was deleted."""

    at: int
    meant: RowKey
    becomes: RowKey
    read: str
    written: str
    removed: bool
    cells: Sequence[ObservedCell]


def block_rows(block: Block, rows: Mapping[int, Sequence[ObservedCell]]) -> tuple[Sequence[ObservedCell], list[Copied]]:
    """The copied header and the copied rows of a block, out of the scratch tab's rows by index."""
    found = []
    for number in range(block.count):
        at = block.start + 1 + number
        row = rows.get(at, ())
        told = [str(cell.value or "") for cell in (*row[:COPIES_COLUMN], *[EMPTY_CELL] * COPIES_COLUMN)[:COPIES_COLUMN]]
        meant, becomes, read, written = told
        removed = number >= block.count - block.removed
        found.append(Copied(at, meant, becomes, read, written, removed, row[COPIES_COLUMN:]))
    return rows.get(block.start, ())[COPIES_COLUMN:], found
