"""What the last write overwrote: the scratch tab's rows, against what the owner had seen before it wrote.

A cell that differs from its mark, and from what the read before the write showed, was typed in between. It is reported as an
observation, so that the database sink decides on it. A row that is another key's was hit by mistake: both keys are looked at,
and what the write left there is put right without being taken for a person's edit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumers.sheet_sink.bound_tab import BoundTab
from consumers.sheet_sink.reading import Reading
from consumers.sheet_sink.rendering import Batch, SeenRows, fingerprint
from consumers.sheet_sink.scratch import CLEARED, Copied, block_rows
from tabstream.core.bookparts import Mistakes
from tabstream.core.cells import EMPTY_DIGEST, RowKey, digest
from tabstream.core.edits import NEW_ROW_PREFIX, EditKind
from tabstream.core.identity import row_content
from tabstream.core.marks import Mark, MarkedCell, NewRow
from tabstream.core.plan import before_mistake, left_by_mistake, seen_cell, seen_cells
from tabstream.core.tab import ObservedRow, read_layout, read_row
from tabstream.core.tabparts import Draft
from tabstream.errors import BindingProblem


@dataclass(slots=True)
class PreImage:
    """What the scratch tab should show; after `forget`, all of it is news. `planned` is the batch of `span` and `seen`."""

    batch: str | None = None
    height: int | None = None
    planned: str | None = None
    span: tuple[int, int] | None = None
    seen: dict[str, SeenRows] = field(default_factory=dict)
    reported: str | None = None

    def expect(self, batch: Batch, span: tuple[int, int], seen: Mapping[str, SeenRows]) -> None:
        """A batch was applied at `span` (Google's clock), planned on rows as `seen` by binding."""
        self.batch = self.planned = batch.id
        self.height = batch.descriptor.height
        self.span = span
        self.seen = dict(seen)

    def forget(self) -> None:
        """Nobody knows what was written last."""
        self.batch, self.height, self.planned, self.span, self.seen = None, None, None, None, {}

    def opened(self) -> None:
        """A binding was opened anew, and knows nothing of what the copies told: they tell it again."""
        self.batch, self.height, self.reported = None, None, None


@dataclass(slots=True)
class Overwritten:
    """What the last write overwrote of one tab: cells typed unseen, keys whose rows it may have hit by mistake and what
    stood in them, and the rows of the scratch tab that hold what it deleted by mistake. It was no earlier than `since_ms`
    (Google's clock)."""

    tab: BoundTab
    since_ms: int
    drafts: list[Draft] = field(default_factory=list)
    keys: set[RowKey] = field(default_factory=set)
    deleted: list[int] = field(default_factory=list)
    mistakes: Mistakes = field(default_factory=Mistakes)

    def __bool__(self) -> bool:
        return bool(self.drafts or self.keys or self.deleted or self.mistakes.seen & self.tab.book.mistakes.rows.keys())


def overwritten(reading: Reading, tabs: Mapping[str, BoundTab], expected: PreImage) -> list[Overwritten]:
    """What the last write overwrote unseen, by tab; empty if that was reported before."""
    rows, descriptor = reading.scratch(), reading.descriptor
    if descriptor is None or descriptor.batch == expected.reported:
        return []
    known = expected.seen if descriptor.batch == expected.planned else {}
    found: list[Overwritten] = []
    for block in descriptor.blocks:
        tab = tabs.get(block.binding)
        if tab is None:
            continue
        header, copies = block_rows(block, rows)
        met = Overwritten(tab, descriptor.since_ms)
        found.append(met)
        try:
            layout = read_layout(header, tab.shape, "_tabstream")
        except BindingProblem:
            met.keys.update(tab.book.entries)
            continue
        for copied in copies:
            _compare(met, copied, read_row(copied.at, copied.cells, layout, tab.shape), known.get(block.binding))
    return [met for met in found if met]


def _compare(met: Overwritten, copied: Copied, row: ObservedRow, known: SeenRows | None) -> None:
    if copied.written or copied.removed:
        met.mistakes.seen |= {row.mark_name}
    is_meant = _is_meant(copied, row)
    if is_meant and known is not None and (copied.meant, fingerprint(row)) in known.rows:
        return
    before = met.tab.book.mistakes.rows.get(row.mark_name)
    if before is not None:
        left = met.tab.book.mistakes.left.get(row.mark_name, {})
        if copied.written and not is_meant:
            met.mistakes.left[copied.written] = {
                name: digest(value) for name, value in row.values.items() if left_by_mistake(row, name, left)
            }
        row = before_mistake(row, before, left)
    if copied.removed:
        (_compare_removed if is_meant else _compare_removed_by_mistake)(met, copied, row, known)
    elif is_meant and (before is not None or not isinstance(row.mark, Mark)):
        _report_given(met, copied, row, known)
    elif is_meant and isinstance(row.mark, Mark):
        _compare_written(met, copied, row, row.mark, known)
    else:
        _compare_hit(met, copied, row, known)


def _is_meant(copied: Copied, row: ObservedRow) -> bool:
    """True for the very row that was read: its mark tells, or its key where it had none."""
    if copied.read or row.mark_name:
        return copied.read == row.mark_name
    return copied.meant in ("", row.key) or copied.meant.startswith(NEW_ROW_PREFIX)


def _compare_removed(met: Overwritten, copied: Copied, row: ObservedRow, known: SeenRows | None) -> None:
    """A row that was to go: what was typed in it is told, or brings it back where it is another one by that."""
    mark = row.mark
    if not isinstance(mark, Mark):
        seen = None if known is None else known.cells.get(copied.meant)
        if seen is not None and not row.blank and any(seen.get(name) != digest(value) for name, value in row.values.items()):
            met.deleted.append(copied.at)
    elif _is_typed_anew(row, mark):
        met.deleted.append(copied.at)
    elif row.key != mark.key:
        _doubt_torn(met, row, mark)
    else:
        _report(met, mark.key, row, mark, known)


def _compare_removed_by_mistake(met: Overwritten, copied: Copied, row: ObservedRow, known: SeenRows | None) -> None:
    """Another row than was meant: it comes back, unless it was to go all the same."""
    _take_back_key(met, copied)
    mark = row.mark
    if not isinstance(mark, Mark):
        met.deleted += [] if row.blank else [copied.at]
        return
    entry = met.tab.book.entries.get(mark.key)
    renamed = mark.key in met.tab.book.renames or mark.key in met.mistakes.renames
    gone = entry is not None and entry.deleted and not renamed
    met.keys.update(k for k in (mark.key, copied.meant) if k)
    if (copied.meant != row.key and not gone) or _is_typed_anew(row, mark):
        met.deleted.append(copied.at)
    elif row.key != mark.key:
        _doubt_torn(met, row, mark)
    else:
        _report(met, mark.key, row, mark, known)


def _compare_written(met: Overwritten, copied: Copied, row: ObservedRow, mark: Mark, known: SeenRows | None) -> None:
    if row.key != mark.key:
        _doubt_torn(met, row, mark)
    elif not copied.becomes or copied.becomes.startswith(NEW_ROW_PREFIX):
        return
    elif copied.meant != mark.key:
        met.keys.update((mark.key, copied.becomes))  # put right by an owner that knew more
    else:
        _report(met, copied.becomes, row, mark, known)


def _compare_hit(met: Overwritten, copied: Copied, row: ObservedRow, known: SeenRows | None) -> None:
    _take_back_key(met, copied)
    mark = row.mark
    if isinstance(mark, Mark) and mark.key == copied.becomes:
        return
    met.keys.update(k for k in (copied.meant, copied.becomes) if k)
    if copied.written == CLEARED:
        met.mistakes.tokens |= {mark.token: row_content(row)} if isinstance(mark, NewRow) else {}
    elif copied.written:
        met.mistakes.rows[copied.written] = row
    if not isinstance(mark, Mark):
        return
    met.keys.add(mark.key)
    met.mistakes.marks |= {} if row.blank else {mark.key: mark}  # a row that was cleared was deleted, not overwritten
    if row.key != mark.key:
        _doubt_torn(met, row, mark)
    elif copied.becomes and not copied.becomes.startswith(NEW_ROW_PREFIX):
        _report(met, mark.key, row, mark, known)


def _doubt_torn(met: Overwritten, row: ObservedRow, mark: Mark) -> None:
    met.keys.update(k for k in (mark.key, row.key) if k is not None and k in met.tab.book.entries)


def _report(met: Overwritten, key: RowKey, row: ObservedRow, mark: Mark, known: SeenRows | None) -> None:
    expected = known.cells.get(mark.key, {}) if known is not None else {}
    seen = seen_cells(row, mark.without(met.tab.book.retyped), met.tab.shape)
    cells = tuple(c for c in seen if expected.get(c.column) != digest(row.values[c.column]))
    if cells:
        met.drafts.append(Draft(key, EditKind.CELLS, mark.partition, mark.offset, cells))


def _report_given(met: Overwritten, copied: Copied, row: ObservedRow, known: SeenRows | None) -> None:
    """A row that got another key's mark: what was typed meanwhile is an edit of that key. No decision on it was shown yet."""
    given = None if known is None else known.given.get(copied.read)
    if given is None:
        return
    mark, seen = given
    typed = [name for name in mark.cells if name in row.cells and seen.get(name) != digest(row.values[name])]
    if typed:
        cells = tuple(seen_cell(row.cells[name], name, MarkedCell(mark.cells[name].digest)) for name in typed)
        met.drafts.append(Draft(mark.key, EditKind.CELLS, mark.partition, mark.offset, cells))


def _is_typed_anew(row: ObservedRow, mark: Mark) -> bool:
    """True for a row that was cleared, and then filled with something else: nothing is as its mark says."""
    left = [name for name, marked in mark.cells.items() if digest(row.values.get(name)) == marked.digest != EMPTY_DIGEST]
    return not row.blank and row.key != mark.key and not left


def _take_back_key(met: Overwritten, copied: Copied) -> None:
    """The row that was to get another key, or its first one, has not got it where another row was hit."""
    if not copied.meant or not copied.becomes or copied.meant == copied.becomes:
        return
    if copied.meant.startswith(NEW_ROW_PREFIX):
        met.mistakes.keyless |= {copied.meant}
    else:
        met.mistakes.renames[copied.meant] = copied.becomes
