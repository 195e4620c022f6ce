"""What the last write overwrote: the scratch tab's rows, against what the owner had seen before it wrote.

A cell that differs from its mark, and from what the read before the write showed, was typed in between. It is reported as an
observation, so that the database sink decides on it. A row that is another key's was hit by mistake: both keys are looked at,
and what the write left there is put right without being taken for a person's edit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from consumers.sheet_sink.bound_tab import BoundTab
from consumers.sheet_sink.reading import Reading
from consumers.sheet_sink.rendering import Batch, SeenRows, fingerprint
from consumers.sheet_sink.scratch import Copied, block_rows
from tabstream.core.bookparts import Mistakes
from tabstream.core.cells import EMPTY_DIGEST, RowKey, digest
from tabstream.core.edits import NEW_ROW_PREFIX, EditKind
from tabstream.core.identity import row_content
from tabstream.core.marks import Mark, NewRow
from tabstream.core.plan import seen_cell, seen_cells
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
        return bool(self.drafts or self.keys or self.deleted)


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
    if known is not None and (copied.meant, fingerprint(row)) in known.rows:
        return
    _take_back_key(met, copied, row)
    if copied.removed:
        _compare_removed(met, copied, row, known)
    elif isinstance(row.mark, Mark):
        _compare_written(met, copied, row, row.mark, known)
    else:
        _compare_unmarked(met, copied, row, known)


def _compare_removed(met: Overwritten, copied: Copied, row: ObservedRow, known: SeenRows | None) -> None:
    """A row that comes back: it is another one than was meant, or something else than what was seen."""
    mark = row.mark
    if not isinstance(mark, Mark):
        seen = None if known is None else known.cells.get(copied.meant)
        as_seen = seen is None or all(seen.get(name) == digest(value) for name, value in row.values.items())
        if not row.blank and (mark != NewRow(copied.meant) or not as_seen):
            met.deleted.append(copied.at)
        return
    entry = met.tab.book.entries.get(mark.key)
    renamed = mark.key in met.tab.book.renames or mark.key in met.mistakes.renames
    gone = entry is not None and entry.deleted and not renamed  # it was to go all the same
    if mark.key != copied.meant:
        met.keys.update(k for k in (mark.key, copied.meant) if k)
    strange = copied.meant not in (mark.key, row.key)
    if (strange and not gone) or _is_typed_anew(row, mark):
        met.deleted.append(copied.at)
    elif row.key != mark.key:
        met.keys.update(k for k in (mark.key, row.key) if k is not None and k in met.tab.book.entries)
    else:
        _report(met, mark.key, row, mark, known)


def _compare_written(met: Overwritten, copied: Copied, row: ObservedRow, mark: Mark, known: SeenRows | None) -> None:
    key = mark.key
    if key == copied.meant and _is_correction(met.tab, copied):
        met.keys.update((key, copied.becomes))
        _report_given(met, copied, row, known)
        return
    if key not in (copied.meant, copied.becomes):
        met.keys.update(k for k in (key, copied.meant, copied.becomes) if k)
        met.mistakes.marks |= {} if row.blank else {key: mark}  # a row that was cleared was deleted, not overwritten
        met.mistakes.rows |= {copied.becomes: row} if copied.becomes else {}
    if row.key != key:
        met.keys.update(k for k in (key, row.key) if k is not None and k in met.tab.book.entries)
    elif copied.becomes and not copied.becomes.startswith(NEW_ROW_PREFIX):
        _report(met, copied.becomes if key == copied.meant else key, row, mark, known)


def _compare_unmarked(met: Overwritten, copied: Copied, row: ObservedRow, known: SeenRows | None) -> None:
    token = row.mark.token if isinstance(row.mark, NewRow) else ""
    if token == copied.meant:
        _report_given(met, copied, row, known)
    if _is_strange(row, copied.meant):
        met.keys.update((copied.meant, copied.becomes))
        met.mistakes.rows |= {copied.becomes: row} if copied.becomes else {}
        if token and not copied.becomes:
            met.mistakes.tokens[token] = row_content(row)


def _report(met: Overwritten, key: RowKey, row: ObservedRow, mark: Mark, known: SeenRows | None) -> None:
    expected = known.cells.get(mark.key, {}) if known is not None else {}
    seen = seen_cells(row, mark.without(met.tab.book.retyped), met.tab.shape)
    cells = tuple(c for c in seen if expected.get(c.column) != digest(row.values[c.column]))
    if cells:
        met.drafts.append(Draft(key, EditKind.CELLS, mark.partition, mark.offset, cells))


def _report_given(met: Overwritten, copied: Copied, row: ObservedRow, known: SeenRows | None) -> None:
    """A row that got another key's mark: what was typed meanwhile is an edit of that key. No decision on it was shown yet."""
    given = None if known is None else known.given.get((copied.meant, copied.becomes))
    if given is None:
        return
    mark, seen = given
    typed = [name for name in mark.cells if name in row.cells and seen.get(name) != digest(row.values[name])]
    if typed:
        cells = tuple(seen_cell(row.cells[name], name, replace(mark.cells[name], number=0)) for name in typed)
        met.drafts.append(Draft(mark.key, EditKind.CELLS, mark.partition, mark.offset, cells))


def _is_correction(tab: BoundTab, copied: Copied) -> bool:
    """True where a row that held another key's mark was to be put right. The old key of a renamed row is gone."""
    before = tab.book.entries.get(copied.meant)
    return copied.becomes not in ("", copied.meant) and before is not None and not before.deleted


def _is_typed_anew(row: ObservedRow, mark: Mark) -> bool:
    """True for a row that was cleared, and then filled with something else: nothing is as its mark says."""
    left = [name for name, marked in mark.cells.items() if digest(row.values.get(name)) == marked.digest != EMPTY_DIGEST]
    return not row.blank and row.key != mark.key and not left


def _take_back_key(met: Overwritten, copied: Copied, row: ObservedRow) -> None:
    """The row that was to get another key, or its first one, has not got it where another row was hit."""
    if not copied.meant or not copied.becomes or copied.meant == copied.becomes:
        return
    if copied.meant.startswith(NEW_ROW_PREFIX):
        met.mistakes.keyless |= {copied.meant} if row.mark != NewRow(copied.meant) else set()
    elif not _is_correction(met.tab, copied) and not (isinstance(row.mark, Mark) and row.mark.key == copied.meant):
        met.mistakes.renames[copied.meant] = copied.becomes


def _is_strange(row: ObservedRow, meant: RowKey) -> bool:
    """True for a row without a key's mark where another row was meant: a blank one, or a person's own."""
    token = row.mark.token if isinstance(row.mark, NewRow) else ""
    return meant not in (token, row.key) and bool(meant or token)
