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
from consumers.sheet_sink.scratch import Copied, block_rows
from tabstream.core.book import Mistakes
from tabstream.core.cells import RowKey, digest
from tabstream.core.edits import NEW_ROW_PREFIX, EditKind
from tabstream.core.identity import row_content
from tabstream.core.marks import Mark, NewRow
from tabstream.core.plan import seen_cells
from tabstream.core.tab import ObservedRow, read_layout, read_row
from tabstream.core.tabparts import Draft
from tabstream.errors import BindingProblem


@dataclass(slots=True)
class PreImage:
    """What the scratch tab is expected to show. After `forget`, all of it is news."""

    batch: str | None = None
    height: int | None = None
    span: tuple[int, int] | None = None
    seen: dict[str, SeenRows] = field(default_factory=dict)
    reported: str | None = None

    def expect(self, batch: Batch, span: tuple[int, int], seen: Mapping[str, SeenRows]) -> None:
        """A batch was applied at `span` (Google's clock), planned on rows as `seen` by binding."""
        self.batch = batch.id
        self.height = batch.descriptor.height
        self.span = span
        self.seen = dict(seen)

    def forget(self) -> None:
        """Nobody knows what was written last."""
        self.batch, self.height, self.span, self.seen = None, None, None, {}


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
    known = expected.seen if descriptor.batch == expected.batch else {}
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
    if not isinstance(row.mark, Mark):
        if copied.removed and not row.blank and row.mark != NewRow(copied.meant):
            met.deleted.append(copied.at)
        elif not copied.removed and _is_strange(row, copied.meant):
            met.keys.update((copied.meant, copied.becomes))
            met.mistakes.rows |= {copied.becomes: row} if copied.becomes else {}
            if isinstance(row.mark, NewRow) and not copied.becomes:
                met.mistakes.tokens[row.mark.token] = row_content(row)
        return
    key = row.mark.key
    if key != copied.meant:
        met.keys.update(k for k in (key, copied.meant, copied.becomes) if k)
        entry = met.tab.book.entries.get(key)
        gone = entry is not None and entry.deleted  # it was to go all the same
        if copied.removed and not gone:
            met.deleted.append(copied.at)
            return
        if not copied.removed:
            met.mistakes.marks[key] = row.mark
            met.mistakes.rows |= {copied.becomes: row} if copied.becomes else {}
    if row.key != key:
        met.keys.update(k for k in (key, row.key) if k is not None and k in met.tab.book.entries)
        return
    if not copied.removed and (not copied.becomes or copied.becomes.startswith(NEW_ROW_PREFIX)):
        return
    expected = known.cells.get(key, {}) if known is not None else {}
    seen = seen_cells(row, row.mark.without(met.tab.book.retyped), met.tab.shape)
    cells = [c for c in seen if expected.get(c.column) != digest(row.values[c.column])]
    if cells:
        met.drafts.append(
            Draft(
                (key == copied.meant and copied.becomes) or key,
                EditKind.CELLS,
                row.mark.partition,
                row.mark.offset,
                tuple(cells),
            )
        )


def _is_strange(row: ObservedRow, meant: RowKey) -> bool:
    """True for a row without a key's mark where another row was meant: a blank one, or a person's own."""
    token = row.mark.token if isinstance(row.mark, NewRow) else ""
    return meant not in (token, row.key) and bool(meant or token)
