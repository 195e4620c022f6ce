"""What the owner of a spreadsheet knows of one bound tab: keys, positions, changes and answers not yet shown.

State without I/O: values in, values out, time as an argument. `tabstream.core.tabplan` decides on it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tabstream.core.binding import Binding, TableShape
from tabstream.core.bookparts import Entry, Mistakes, OpenClaim, PendingResult, Report, Token
from tabstream.core.cells import Digest, RowKey, digest
from tabstream.core.changes import Desired
from tabstream.core.edits import NEW_ROW_PREFIX, Outcome, SeenCell
from tabstream.core.guard import held_digest
from tabstream.core.marks import Mark
from tabstream.core.results import REPLAYED, Claim, EditResult, Truncated, row_values
from tabstream.core.snapshots import Snapshot

REPORT_AGAIN_MS = 3_000
LOST_REPORT_MS = 5_000
CONFIRM_MISSING_MS = 1_500


@dataclass(slots=True)
class Book:
    """All that is known of one bound tab."""

    binding: Binding
    shape: TableShape
    entries: dict[RowKey, Entry] = field(default_factory=dict)
    changes: dict[RowKey, Desired] = field(default_factory=dict)
    shown: dict[RowKey, Desired] = field(default_factory=dict)
    dirty: dict[RowKey, int] = field(default_factory=dict)
    results: dict[RowKey, list[PendingResult]] = field(default_factory=dict)
    claims: dict[int, OpenClaim] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    keyed: dict[str, Token] = field(default_factory=dict)
    suspects: dict[RowKey, int] = field(default_factory=dict)
    deleting: dict[RowKey, int] = field(default_factory=dict)
    reports: dict[tuple[str, str], Report] = field(default_factory=dict)
    recheck: set[RowKey] = field(default_factory=set)
    renames: dict[RowKey, RowKey] = field(default_factory=dict)
    truncated_to: dict[int, int] = field(default_factory=dict)
    retyped: frozenset[str] = frozenset()
    rewritten: set[RowKey] = field(default_factory=set)
    snapshot: Snapshot = field(default_factory=Snapshot)
    emptied: Truncated | None = None
    waiting: set[RowKey] = field(default_factory=set)
    wants_whole: bool = False
    parked: dict[RowKey, str] = field(default_factory=dict)
    held: dict[RowKey, str] = field(default_factory=dict)
    confirmed: set[RowKey] = field(default_factory=set)
    incomplete: int = 0
    copies: int = 0
    doubtful: bool = False
    mistakes: Mistakes = field(default_factory=Mistakes)
    ahead: dict[RowKey, int] = field(default_factory=dict)
    """People's new rows that have their keys already, before the table's events of them: by key the offset of the answer."""
    rebuilding: set[RowKey] = field(default_factory=set)
    """Keys that an operator's fold of the topic does not have: their rows are taken away, not taken for new ones."""
    asked: set[RowKey] = field(default_factory=set)
    """Keys that an operator's rebuild has named, and that are not settled since."""
    lacking: dict[RowKey, int] = field(default_factory=dict)
    """Keys whose rows stand in the tab and in the table, while the topic tells nothing of them: since when that is known."""
    unanswered: dict[RowKey, dict[str, SeenCell]] = field(default_factory=dict)
    """Cells of rows that hold a person's own value: nobody has seen there what the database has had since their `base`."""

    def fold(self, key: RowKey, partition: int, offset: int, deleted: bool) -> None:
        """Takes note of a message at or below the watermark: its key was shown."""
        entry = self.entries.setdefault(key, Entry())
        entry.partition, entry.offset, entry.lsn = partition, offset, None
        entry.deleted = deleted or offset <= self.truncated_to.get(partition, -1)
        entry.shown, entry.shown_offset = not entry.deleted, offset

    def change(self, desired: Desired) -> None:
        """Takes the newest message of a key, which is not shown yet. A tombstone says no more than the delete before it."""
        entry = self.entries.setdefault(desired.key, Entry())
        if desired.is_tombstone and entry.deleted:
            if desired.key not in self.dirty:
                entry.partition, entry.offset = desired.partition, desired.offset
                return
            before = self.changes.get(desired.key)
            desired = desired if before is None else before._replace(partition=desired.partition, offset=desired.offset)
        entry.partition, entry.offset = desired.partition, desired.offset
        entry.deleted = desired.values is None
        entry.lsn = entry.lsn if desired.lsn is None else desired.lsn  # a tombstone has none of its own
        self.changes[desired.key] = desired
        self.dirty[desired.key] = desired.offset
        self.ahead.pop(desired.key, None)
        self.lacking.pop(desired.key, None)
        self.snapshot.saw(desired)
        self.waiting.discard(desired.key)
        self.waiting.difference_update(old for old in self.renames if self.new_key(old) == desired.key)
        self.parked.pop(desired.key, None)
        if self.emptied is not None and desired.values is not None and self.emptied.took(desired.lsn, desired.committed_ms):
            self._take_away(desired.key, entry, self.emptied)

    def renamed(self, old: RowKey, new: RowKey) -> None:
        """The primary key of a row was changed: its delete and its create belong together."""
        self.renames[old] = new
        self.waiting.discard(old)

    def new_key(self, old: RowKey) -> RowKey | None:
        """The key that a changed key has become, over several changes; None for one that was not changed."""
        new, seen = self.renames.get(old), {old}
        while new in self.renames and new not in seen:
            seen.add(new)
            new = self.renames[new]
        return new

    def doubt(self, keys: Iterable[RowKey], mistakes: Mistakes) -> None:
        """The rows of these keys may have been hit by mistake: they are planned again. One that is not found any more was
        overwritten, not deleted."""
        self.mistakes.marks |= mistakes.marks
        self.mistakes.rows = {n: r for n, r in self.mistakes.rows.items() if n not in mistakes.seen} | mistakes.rows
        self.mistakes.left |= mistakes.left
        self.mistakes.tokens |= mistakes.tokens
        for key in {*mistakes.marks, *mistakes.renames.values()} & self.entries.keys():
            self.entries[key].shown = False
        self.renames |= mistakes.renames
        for name in mistakes.keyless & self.keyed.keys():
            self._take_key_back(name, self.keyed[name])
        for key in keys:
            entry = self.entries.get(key)
            if entry is not None and key not in self.lacking:
                self.dirty.setdefault(key, entry.offset)
                if entry.deleted:
                    self.changes.setdefault(key, Desired(key, None, entry.partition, entry.offset))

    def _take_key_back(self, name: str, token: Token) -> None:
        self.tokens.setdefault(name, token)
        row_answer = None if token.answer is None else token.answer.result.row_answer
        entry = None if row_answer is None else self.entries.get(row_answer.key or "")
        if entry is not None:
            entry.shown = False

    def claim(self, offset: int, claim: Claim) -> None:
        """Notes a transaction of the database sink whose answers are still to come."""
        self.claims[claim.xid] = OpenClaim(offset, set(claim.keys))

    def result(self, offset: int, result: EditResult) -> None:
        """Takes an edit result that is not shown yet."""
        pending = PendingResult(offset, result)
        for xid in [xid for xid, claim in self.claims.items() if result.row_key in claim.keys]:
            self.claims[xid].keys.discard(result.row_key)
            if not self.claims[xid].keys:
                del self.claims[xid]
                self.waiting.clear()
        self._settle_reports(result)
        if result.row_key.startswith(NEW_ROW_PREFIX):
            self.wants_whole = self.wants_whole or result.row_key not in self.tokens
            token = self.tokens.setdefault(result.row_key, Token(-1, "", 0))
            if token.answer is None or not _repeats(result, token.answer.result):
                token.answer = pending
        else:
            self.results.setdefault(result.row_key, []).append(pending)
            self.waiting.discard(result.row_key)

    def truncated(self, truncated: Truncated) -> None:
        """The table was emptied: what did not change later is gone."""
        self.emptied = truncated
        for key, entry in self.entries.items():
            change = self.changes.get(key)
            if not entry.deleted and (change is None or truncated.took(change.lsn, change.committed_ms)):
                self._take_away(key, entry, truncated)

    def lacks(self, keys: Iterable[RowKey], now_ms: int) -> None:
        """The topic tells nothing of these keys, yet the table has them: their rows in the tab are theirs, as they stand."""
        for key in keys:
            self.lacking[key] = now_ms
            self.entries.setdefault(key, Entry(shown=True))
            self.rebuilding.discard(key)
            self.asked.discard(key)

    def left_out(self) -> list[RowKey]:
        """The keys that the newest snapshot has not brought: they are gone, or still to come. The database knows."""
        if not self.snapshot.open:
            return []
        leaves_out = self.snapshot.leaves_out
        return [k for k, e in self.entries.items() if not e.deleted and leaves_out(e.partition, e.offset)]

    def passed_over(self) -> list[RowKey]:
        """The keys in partitions to which the newest snapshot has brought nothing yet: all that were there may be gone."""
        first = self.snapshot.first
        return [k for k, e in self.entries.items() if not e.deleted and e.partition not in first] if self.snapshot.open else []

    def missing(self, now_ms: int) -> list[RowKey]:
        """The keys whose rows have been missing in the tab for long enough to count as deleted there."""
        return [key for key, since in self.suspects.items() if now_ms - since >= CONFIRM_MISSING_MS]

    def alive(self) -> list[RowKey]:
        """The keys that the topic says the table has."""
        return [key for key, entry in self.entries.items() if not entry.deleted]

    def vanished(self, gone: Collection[RowKey]) -> None:
        """The database has none of these keys. Where no other is left out, the snapshot is done with.

        Those that are older than all that are left are gone for whoever reads the topic again, too.
        """
        for key in gone:
            self._gone(key, self.entries[key], self.snapshot.lsn)
        left = {
            p: min(e.offset for e in self.entries.values() if not e.deleted and e.partition == p) for p in self._partitions()
        }
        for entry in (self.entries[key] for key in gone):
            if entry.offset < left.get(entry.partition, entry.offset + 1):
                self.truncated_to[entry.partition] = max(self.truncated_to.get(entry.partition, -1), entry.offset)
        if self.snapshot.open and not self.left_out():
            self.snapshot.open = False
            for partition, first in self.snapshot.first.items():
                if first > 0:
                    self.truncated_to[partition] = max(self.truncated_to.get(partition, -1), first - 1)

    def _partitions(self) -> set[int]:
        return {entry.partition for entry in self.entries.values() if not entry.deleted}

    def _take_away(self, key: RowKey, entry: Entry, truncated: Truncated) -> None:
        self.truncated_to[entry.partition] = max(self.truncated_to.get(entry.partition, -1), entry.offset)
        self._gone(key, entry, truncated.lsn)

    def _gone(self, key: RowKey, entry: Entry, lsn: int | None) -> None:
        entry.deleted = True
        self.ahead.pop(key, None)
        self.lacking.pop(key, None)
        self.changes[key] = Desired(key, None, entry.partition, entry.offset, lsn)
        self.dirty[key] = entry.offset

    def _settle_reports(self, result: EditResult) -> None:
        for answer in result.cells:
            report = self.reports.get((result.row_key, answer.column))
            if report and (report.base, report.value) == (answer.base, digest(answer.value)):
                del self.reports[result.row_key, answer.column]
        if result.row_answer is not None:
            self.reports.pop((result.row_key, ""), None)
            self.deleting.pop(result.row_key, None)

    def desired(self, key: RowKey) -> Desired | None:
        """What the key's row should show: the newer of the table's event and the row in its last result.

        None where the event is needed to tell and is not in the book. Results that are read again after a restart may be
        older than what the tab shows.
        """
        entry = self.entries.get(key)
        change = self.changes.get(key)
        pending = self.results.get(key)
        newest = pending[-1].result if pending else None
        if newest is None or entry is None:
            return change
        # Without a position of its own, a change may be older or newer than the result; the topic's last word is right.
        if change is not None and (change.lsn is None or change.lsn >= newest.lsn):
            return change
        if change is None and entry.offset >= 0 and (entry.lsn is None or entry.lsn >= newest.lsn):
            return Desired(key, None, entry.partition, entry.offset) if entry.deleted else None
        values = None if newest.row is None else row_values(newest.row, self.shape)
        return Desired(key, values, entry.partition, entry.offset, newest.lsn)

    def is_older(self, desired: Desired) -> bool:
        """True for an event from before the result that the key's row shows: another one is on the way, or says the same."""
        entry = self.entries.get(desired.key)
        return entry is not None and desired.lsn is not None and desired.lsn < entry.shown_lsn

    def learn(self, desired: Desired) -> None:
        """Takes a message that was read again: the key's newest, or the one that its row showed last."""
        entry = self.entries.get(desired.key)
        taken_away = entry is not None and entry.deleted and desired.values is not None  # by a truncate, which has no message
        if entry is not None and not taken_away and (desired.partition, desired.offset) == (entry.partition, entry.offset):
            self.changes[desired.key] = desired
            entry.lsn = entry.lsn if desired.lsn is None else desired.lsn
        if entry is not None and (desired.partition, desired.offset) == (entry.partition, entry.shown_offset):
            self.shown[desired.key] = desired

    def shown_last(self, key: RowKey) -> Desired | None:
        """What the key's row shows, where that is older than what it should show and was read again."""
        shown, entry = self.shown.get(key), self.entries[key]
        is_it = shown is not None and (shown.partition, shown.offset) == (entry.partition, entry.shown_offset)
        return shown if is_it and key in self.dirty else None

    def waits_for_answer(self, desired: Desired) -> bool:
        """True for an unknown key whose transaction has answers to come, or may have: it may be a person's own new row."""
        return bool(self.claims) if desired.tx_id is None else desired.tx_id in self.claims

    def deleted_here(self, key: RowKey) -> bool:
        """True where a result says that the row was deleted because a person deleted it. A replay deletes what the restored
        database had brought back to the tab: a row that stands there is no person's act."""
        answers = [p.result.row_answer for p in self.results.get(key, ()) if p.result.row_answer is not None]
        return any(a.outcome is Outcome.DELETED and a.reason != REPLAYED for a in answers)

    def restored(self, key: RowKey) -> int:
        """The number of the decision that a row deleted by a person stays; 0 where there is none."""
        answers = [p.result.row_answer for p in self.results.get(key, ()) if p.result.row_answer is not None]
        return max((a.number for a in answers if a.outcome is Outcome.RESTORED), default=0)

    def rebuild(self, keys: Iterable[RowKey]) -> int:
        """Has the rows of these keys shown anew, as the topic has them. Deletes of them that were not sent are dropped; how
        many those are."""
        wanted = set(keys) - self.ahead.keys() - self.lacking.keys()  # of these the topic has not told yet
        self.asked |= wanted
        dropped = [key for key in wanted if self.suspects.pop(key, None) is not None]
        for key in wanted:
            self.parked.pop(key, None)
        for key in wanted & self.entries.keys():
            self.entries[key].shown = False
            self.entries[key].shown_lsn = 0  # the event counts, though it is older than a result that was shown
        self.rebuilding |= wanted - self.entries.keys()
        self.doubt(wanted, Mistakes())
        return len(dropped)

    def confirm(self, held: Digest) -> bool:
        """Lets the held rows pass, if it is them that the digest names."""
        named = bool(self.held) and held == held_digest(self.held)
        if named:
            self.confirmed |= self.held.keys()
        return named

    def mark_of(self, key: RowKey, mark: Mark | None) -> Mark | None:
        """The mark without the cells of columns whose type has changed since the row was written: they are written anew."""
        if mark is None or not self.retyped or key in self.rewritten:
            return mark
        return mark.without(self.retyped)

    def hides(self, key: RowKey, cells: Iterable[SeenCell]) -> None:
        """Cells of the key's row, all there are, hold a person's own values. Each counts as it was when that began."""
        before = self.unanswered.pop(key, {})
        if now := {cell.column: before.get(cell.column, cell) for cell in cells}:
            self.unanswered[key] = now

    def report(self, key: str, cells: Iterable[SeenCell], values: Mapping[str, Digest], now_ms: int) -> list[SeenCell]:
        """Keeps only cells that are not under way already, and remembers them as such."""
        fresh = []
        for cell in cells:
            known = self.reports.get((key, cell.column))
            value = values[cell.column]
            same_act = known is not None and (known.base, known.value, known.number) == (cell.base, value, cell.number)
            if known is None or not same_act or now_ms - known.at_ms >= REPORT_AGAIN_MS:
                self.reports[key, cell.column] = Report(cell.base, value, cell.number, now_ms)
                fresh.append(cell)
        return fresh

    def report_row(self, key: str, now_ms: int) -> bool:
        """The same for an act on a whole row; True where it is to be sent."""
        known = self.reports.get((key, ""))
        if known is not None and now_ms - known.at_ms < REPORT_AGAIN_MS:
            return False
        self.reports[key, ""] = Report("", "", 0, now_ms)
        return True

    def settled(self, key: RowKey, desired: Desired | None) -> None:
        """The key's change and answers are shown, or need nothing."""
        entry = self.entries.get(key)
        if self.retyped:
            self.rewritten.add(key)
        if desired is not None and entry is not None:
            entry.shown_offset = desired.offset
            entry.shown_lsn = desired.lsn or 0
            entry.shown = entry.shown and desired.values is not None
            if entry.offset <= desired.offset:
                self.changes.pop(key, None)
                self.dirty.pop(key, None)
        self.results.pop(key, None)
        self.renames.pop(key, None)
        self.mistakes.marks.pop(key, None)
        self.rebuilding.discard(key)
        self.asked.discard(key)

    def is_idle(self) -> bool:
        """True where a look at single rows would find nothing to do."""
        keys = any(k not in self.waiting and k not in self.parked for k in (*self.dirty, *self.results))
        return not (keys or self.recheck or self.tokens_to_read())

    def age(self, now_ms: int) -> None:
        """What was reported long ago and not answered is looked at again."""
        for (key, column), report in self.reports.items():
            if now_ms - report.at_ms >= LOST_REPORT_MS:
                entry = self.entries.get(key)
                if column and entry is not None and entry.row is not None:
                    self.recheck.add(key)
                else:
                    self.wants_whole = True

    def rows_to_read(self, limit: int) -> dict[RowKey, int]:
        """The keys, at most `limit`, that the next flush must look at and that have a row."""
        wanted: dict[RowKey, int] = {}
        for key in [*self.results, *self.recheck, *self.dirty]:
            entry = self.entries.get(key)
            if entry is not None and entry.row is not None and key not in self.parked and key not in self.waiting:
                wanted[key] = entry.row
            if len(wanted) >= limit:
                break
        return wanted

    def tokens_to_read(self) -> dict[str, int]:
        """The new rows whose answer has come, with the row where each was last seen."""
        return {name: token.row for name, token in self.tokens.items() if token.answer is not None and token.row >= 0}

    def shift(self, start: int, count: int) -> None:
        """Rows were inserted before row `start` (count > 0), or deleted from it on (count < 0)."""
        if not count:
            return
        for entry in self.entries.values():
            if entry.row is not None and entry.row >= start:
                entry.row += count
        for token in self.tokens.values():
            if token.row >= start:
                token.row += count

    def last_row(self) -> int:
        """The lowest row (0-based) that a key was seen in; 0, the header, where there is none."""
        return max((entry.row for entry in self.entries.values() if entry.row is not None), default=0)

    def apply_rows(self, rows: Mapping[str, int], tokens: Mapping[str, RowKey | None], renamed: Iterable[RowKey] = ()) -> None:
        """Rows were written: `rows` tells where each key stands, `tokens` which new rows have their key now, `renamed` are
        keys whose rows have another key now."""
        for old in renamed:
            self.entries[old].row, self.entries[old].shown = None, False
        for key, row in rows.items():
            if key not in self.tokens:
                entry = self.entries.setdefault(key, Entry())
                entry.row, entry.shown = row, True
        self.keyed = {name: self.tokens[name] for name, key in tokens.items() if key is not None and name in self.tokens}
        self.finished(tokens)

    def finished(self, tokens: Iterable[str]) -> None:
        """Nothing more is to be done for these new rows."""
        for token in [self.tokens.pop(name) for name in tokens if name in self.tokens]:
            key = self._key_ahead(token)
            if token.answer is not None and key is not None:
                self.ahead[key] = token.answer.offset

    def _key_ahead(self, token: Token) -> RowKey | None:
        """The key of a new row that the database has inserted, and of which no event of the table has told yet."""
        result = None if token.answer is None else token.answer.result
        key = None if result is None or result.row is None or result.row_answer is None else result.row_answer.key
        return key if key is not None and self.entries.get(key, Entry()).offset < 0 else None

    def added(self, keys: Sequence[RowKey], start: int) -> None:
        """Rows were inserted before row `start`, one for each key."""
        self.shift(start, len(keys))
        for i, key in enumerate(keys):
            entry = self.entries.setdefault(key, Entry())
            entry.row, entry.shown = start + i, True
            self.suspects.pop(key, None)
            self.unanswered.pop(key, None)

    def removed(self, key: RowKey, row: int) -> None:
        """A row was deleted."""
        entry = self.entries.get(key)
        if entry is not None:
            entry.row, entry.shown = None, False
        self.shift(row + 1, -1)

    def reject_token(self, token: str) -> None:
        """The new row's refusal is shown: it is submitted again only with other content."""
        known = self.tokens.get(token)
        if known is not None:
            known.answer, known.rejected = None, known.submitted

    def watermark(
        self, consumed: Mapping[int, int], shown: AbstractSet[RowKey] = frozenset(), *, ends_doubt: bool = False
    ) -> dict[int, int]:
        """Per partition the offset up to which the tab shows the topic.

        `consumed` are the next offsets to read; `shown` are keys that count as shown already. A row that is only in doubt was
        shown: whoever reads the topic next must take it for deleted, not for new, where it is gone.
        """
        marks = {partition: following - 1 for partition, following in consumed.items()}
        for key, offset in list(self.dirty.items()):  # others look at it while the owner works
            entry = self.entries[key]
            only_in_doubt = entry.shown and entry.shown_offset == offset and (ends_doubt or not self.doubtful)
            if key not in self.parked and key not in shown and not only_in_doubt:
                marks[entry.partition] = min(marks.get(entry.partition, offset - 1), offset - 1)
        return self.snapshot.limit(marks.items())

    def results_watermark(
        self, consumed: int, shown: AbstractSet[RowKey] = frozenset(), tokens: AbstractSet[str] = frozenset()
    ) -> int:
        """The offset up to which the tab shows the results; `consumed` is the next offset to read. A claim is read again
        until it is answered, the answer to a new row until the table's events tell of its key: nothing else says that it was
        shown, should a person delete it."""
        waiting = [claim.offset for claim in list(self.claims.values())] + list(self.ahead.values())
        waiting += [p[0].offset for key, p in list(self.results.items()) if p and key not in shown]
        open_tokens = [t for n, t in list(self.tokens.items()) if n not in tokens or self._key_ahead(t) is not None]
        waiting += [t.answer.offset for t in open_tokens if t.answer is not None]
        return min([consumed, *waiting]) - 1


def _repeats(result: EditResult, earlier: EditResult) -> bool:
    """True for the same decision told again: it has the row as it is now, which the table's own events tell in order."""
    row, before = result.row_answer, earlier.row_answer
    return row is not None and before is not None and row.number == before.number
