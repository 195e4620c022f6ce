"""The cell register: what was last decided on a cell, and what an observation of it means.

Rule 1, repeat: base and value are those of the last decision, and the mark does not show that decision yet. It is answered
again and nothing is applied. Rule 2, stale: it was read before the last decided one had been read. It is dropped and will
be seen again; what was overwritten unseen will not be, so for that a mere reading of what overwrote it does not count.
Rule 3, touch: the value is its own base. It only takes back a value of this sheet that was applied and not yet shown, and
only where the mark is the one that this value was seen against: a write of ours has not come between. Else it is but a
reading. Rule 4: anything else is new.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tabstream.core.cells import CellValue, Digest, digest
from tabstream.core.edits import Outcome

# Sightings of this many (base, value, number) are remembered for each cell; a cell seldom has more than two under way.
MAX_SIGHTINGS = 16


class Standing(StrEnum):
    """What an observation is to the register."""

    REPEAT = "repeat"
    STALE = "stale"
    READING = "touch"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One cell as it was seen: canonical value, the mark's digest and number, and when it was read (Google's clock).

    `overwritten` tells one that a write of ours has overwritten unseen: only the copy made on the way shows it.
    """

    column: str
    base: Digest
    value: CellValue
    number: int
    read_begin_ms: int
    read_end_ms: int
    overwritten: bool = False

    @property
    def digest(self) -> Digest:
        """The value's digest."""
        return digest(self.value)

    @property
    def is_touch(self) -> bool:
        """True where the cell is as its mark says."""
        return self.digest == self.base

    @property
    def identity(self) -> str:
        """What makes two sightings the same act seen twice, as far as a cell can tell."""
        return f"{self.base}:{self.digest}:{self.number}"


@dataclass(frozen=True, slots=True)
class LastDecision:
    """The last decision: what was seen (digests), when its read ended, and what became of it. Number 0: none yet."""

    base: Digest
    value: Digest
    read_end_ms: int
    number: int
    outcome: Outcome
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CellRegister:
    """All that is remembered of one cell. `applied_base` and `applied_shown` are what the mark said where the value that was
    applied last was seen. `first_seen` gives each sighting's first read, in ms, by its identity."""

    last: LastDecision | None = None
    applied_value: Digest | None = None
    applied_number: int = 0
    applied_base: Digest | None = None
    applied_shown: int = 0
    first_seen: Mapping[str, int] = field(default_factory=dict)

    def standing(self, seen: Sighting, theirs: Digest | None) -> Standing:
        """What the sighting is; `theirs` is the digest of the database's value now, None where there is no row."""
        last = self.last
        if last and (last.base, last.value) == (seen.base, seen.digest) and seen.number < last.number:
            return Standing.REPEAT
        if last and seen.read_begin_ms < last.read_end_ms and not self._is_news(seen, last):
            return Standing.STALE
        if seen.is_touch and not self._takes_back(seen, theirs):
            return Standing.READING
        return Standing.NEW

    def _is_news(self, seen: Sighting, last: LastDecision) -> bool:
        """True for what was overwritten, and never seen before, where since then only what overwrote it was read."""
        only_read = last.base == last.value and last.base != seen.base
        return seen.overwritten and only_read and seen.identity not in self.first_seen

    def _takes_back(self, seen: Sighting, theirs: Digest | None) -> bool:
        unwritten = (seen.base, seen.number) == (self.applied_base, self.applied_shown)
        return unwritten and self.is_own_unshown(seen.number, theirs)

    def is_own_unshown(self, number: int, theirs: Digest | None) -> bool:
        """True where the database holds what this sheet applied last, and a mark of this number did not show it yet."""
        return theirs is not None and self.applied_value == theirs and number < self.applied_number

    def has_applied(self, seen: Sighting, theirs: Digest) -> bool:
        """True where this value was the last to be decided, and the database holds what it made of it, not shown yet."""
        last = self.last
        applied = last is not None and (last.value, last.number) == (seen.digest, self.applied_number)
        return applied and self.is_own_unshown(seen.number, theirs)

    def sighted(self, seen: Sighting) -> "CellRegister":
        """The register with the sighting's first read taken note of."""
        if seen.identity in self.first_seen:
            return self
        kept = list(self.first_seen.items())[-(MAX_SIGHTINGS - 1) :]
        return replace(self, first_seen={**dict(kept), seen.identity: seen.read_begin_ms})

    def read(self, seen: Sighting) -> "CellRegister":
        """The register after a mere reading: nothing was decided, but older observations are stale now."""
        number = self.last.number if self.last else 0
        last = LastDecision(seen.base, seen.digest, seen.read_end_ms, number, Outcome.SAME)
        return replace(self, last=last)

    def decided(self, seen: Sighting, number: int, outcome: Outcome, reason: str | None) -> "CellRegister":
        """The register after a decision; an applied value counts as the sheet's own until another is."""
        last = LastDecision(seen.base, seen.digest, seen.read_end_ms, number, outcome, reason)
        if outcome is not Outcome.APPLIED:
            return replace(self, last=last)
        applied = replace(self, last=last, applied_value=seen.digest, applied_number=number)
        return replace(applied, applied_base=seen.base, applied_shown=seen.number)

    def stored_as(self, value: CellValue) -> "CellRegister":
        """The register of an applied value that the database has made another of: `yes` is TRUE there."""
        return replace(self, applied_value=digest(value))


EMPTY_REGISTER = CellRegister()
