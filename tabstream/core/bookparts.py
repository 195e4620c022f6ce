"""What a book is made of: keys, results, new rows, and what is under way."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tabstream.core.cells import Digest, RowKey
from tabstream.core.marks import Mark
from tabstream.core.results import EditResult
from tabstream.core.tab import ObservedRow


@dataclass(slots=True)
class Entry:
    """A key: the positions of its newest message and of the one that its row shows, and where its row was last seen (0-based).
    `lsn` is where the newest message stands in the write-ahead log, None while it was not decoded, `shown_lsn` where the event
    or result that its row shows does, 0 where that is not known."""

    partition: int = 0
    offset: int = -1
    shown_offset: int = -1
    deleted: bool = False
    shown: bool = False
    row: int | None = None
    lsn: int | None = None
    shown_lsn: int = 0

    def stands_at(self, offset: int) -> None:
        """Its row was read, and the mark says this position. A mark older than the one that was written was brought back by a
        person: what had been shown since is not shown any more."""
        if offset < self.shown_offset:
            self.shown_lsn = 0
        self.shown_offset = offset


@dataclass(slots=True)
class PendingResult:
    """A result not yet shown, with its offset in the topic of edit results."""

    offset: int
    result: EditResult


@dataclass(slots=True)
class OpenClaim:
    """A transaction of the database sink whose answers are still to come: the claim's offset, and the keys not answered."""

    offset: int
    keys: set[str]


@dataclass(slots=True)
class Token:
    """A person's new row: since when its content stands, and what was submitted of it. `gone`: the row was deleted before
    its answer came."""

    row: int
    content: Digest
    since_ms: int
    submitted: Digest | None = None
    submitted_ms: int = 0
    rejected: Digest | None = None
    answer: PendingResult | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """An observation under way to the database sink."""

    base: Digest
    value: Digest
    number: int
    at_ms: int


@dataclass(slots=True)
class Mistakes:
    """What a write hit that was not meant: by key the mark that its row had; by the name of the mark that it got the row that
    was hit, as it was: another key's, a person's own, or a blank one, and what of it an
    earlier mistake had left there; what the rows hold whose tokens were cleared; by its old
    key the new key of a row that got it in vain, as another row was hit; and the tokens of new rows that did so. `seen` names
    the marks that the write has met, whoever's: what they told is over."""

    marks: dict[RowKey, Mark] = field(default_factory=dict)
    rows: dict[str, ObservedRow] = field(default_factory=dict)
    left: dict[str, Mapping[str, Digest]] = field(default_factory=dict)
    tokens: dict[str, Digest] = field(default_factory=dict)
    renames: dict[RowKey, RowKey] = field(default_factory=dict)
    keyless: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
