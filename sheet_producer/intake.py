"""What a POST means: the edits that it tells, and whether the owner has to look for itself.

The producer knows neither the table nor its types. It believes a row whose mark is whole and whose key cells are those
of the mark, and tells its touched cells as they are; whatever else it meets is a poke: the owner reads the tab.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sheet_producer.post import Post, PostedRow, Touched
from tabstream.core.binding import SYNC_HEADER, Binding, Bindings, Direction
from tabstream.core.cells import EMPTY_CELL, EMPTY_DIGEST, ObservedCell, digest, key_values, observed_cell
from tabstream.core.edits import Edit, EditKind, How, SeenCell
from tabstream.core.guard import is_mass
from tabstream.core.marks import DamagedMark, Mark, decode_mark
from tabstream.kafka.messages import Signal, SignalKind


@dataclass(frozen=True, slots=True)
class Intake:
    """What to publish. `binding` is None for a tab that no binding names; `reasons` say why the owner is poked."""

    binding: str | None
    edits: tuple[Edit, ...] = ()
    poke: Signal | None = None
    reasons: tuple[str, ...] = ()


def take_in(post: Post, bindings: Bindings, now_ms: int) -> Intake:
    """Decides what a POST means; `now_ms` dates the poke."""
    binding = bindings.by_tab(post.spreadsheet_id, post.tab)
    if binding is None:
        return _poked(post, None, now_ms, "no binding names this tab")
    if problem := _unread(post, binding):
        return _poked(post, binding, now_ms, problem)
    header = [observed_cell(cell).shown for cell in post.header]
    places = {text: at for at, text in enumerate(header) if text and header.count(text) == 1}
    touched = post.touched
    if touched is None or SYNC_HEADER not in places:
        return _poked(post, binding, now_ms, "the header has no _sync column, or more than one")
    if touched.start_column <= places[SYNC_HEADER] < touched.end_column:
        return _poked(post, binding, now_ms, "the _sync column was touched")
    return _rows(post, binding, touched, places, now_ms)


def _unread(post: Post, binding: Binding) -> str | None:
    """Why nothing of the POST is to be taken as an edit, None if rows of it may be."""
    if post.event != "edit" or post.touched is None:
        return f"{post.event} without a range"
    if binding.direction is Direction.DATABASE_TO_SHEET:
        return "the binding takes no edits from the sheet"
    if post.touched.start_row == 0:
        return "the header was touched"
    return None


def _rows(post: Post, binding: Binding, touched: Touched, places: Mapping[str, int], now_ms: int) -> Intake:
    given = {row.row: row for row in post.rows if touched.start_row <= row.row < touched.end_row}
    told = [_row(post, row, binding, touched, places) for row in given.values()]
    edits = [edit for row in told for edit in row.edits]
    if is_mass(binding, sum(map(_changes, edits)), _rows_of_tab(post)):
        return _poked(post, binding, now_ms, "a large share of the tab was changed at once")
    reasons = [reason for row in told for reason in row.reasons]
    if len(given) < touched.end_row - touched.start_row:
        reasons.append("not every touched row was sent")
    keys = Counter(edit.row_key for edit in edits)
    if keys and max(keys.values()) > 1:
        reasons.append("a mark stands in two rows")
    poke = _poke(post, binding, now_ms) if reasons else None
    alone = tuple(edit for edit in edits if keys[edit.row_key] == 1)
    return Intake(binding.name, alone, poke, tuple(dict.fromkeys(reasons)))


def _changes(edit: Edit) -> bool:
    return any(digest(cell.value) != cell.base for cell in edit.cells)


def _rows_of_tab(post: Post) -> int:
    """The rows below the header; without bound for a script that does not tell."""
    return sys.maxsize if post.last_row is None else max(0, post.last_row - 1)


def _row(post: Post, row: PostedRow, binding: Binding, touched: Touched, places: Mapping[str, int]) -> Intake:
    cells = [observed_cell(cell) for cell in row.values]
    try:
        mark = decode_mark(_text(_at(cells, places[SYNC_HEADER])))
    except DamagedMark:
        return Intake(binding.name, reasons=("a mark is damaged",))
    if not isinstance(mark, Mark):
        return Intake(binding.name, reasons=("a row has no mark of its own",))
    columns = {name: places[header] for name, header in _headers(binding, mark).items() if header in places}
    if len(columns) < len(mark.cells):
        return Intake(binding.name, reasons=("the header of a synced column is missing or stands twice",))
    synced = {name: _at(cells, at) for name, at in columns.items()}
    if not _has_its_key(mark, synced):
        return Intake(binding.name, reasons=("key cells and mark differ",))
    if _is_emptied(mark, synced):
        return Intake(binding.name, reasons=("all but the key is empty",))
    hit = {name: _at(cells, at) for name, at in columns.items() if touched.start_column <= at < touched.end_column}
    formulas = {choice.name for choice in binding.columns or () if choice.formulas}
    seen = tuple(_seen(name, cell, mark) for name, cell in hit.items() if not cell.formula or name in formulas)
    reasons = ("a synced cell holds a formula",) if len(seen) < len(hit) else ()
    return Intake(binding.name, (_edit(post, binding, mark, seen),) if seen else (), reasons=reasons)


def _has_its_key(mark: Mark, cells: Mapping[str, ObservedCell]) -> bool:
    """True where the row's key cells hold the mark's key.

    Which columns are the key is not known here: they are among those whose digest in the mark is a key value's. All of
    these must still hold it. Where that is more than the key, a change of another column pokes, which is but slower.
    """
    for value in key_values(mark.key):
        wanted = digest(value)
        candidates = [name for name, marked in mark.cells.items() if marked.digest == wanted]
        if not candidates or not all(wanted in _digests(cells[name]) for name in candidates):
            return False
    return True


def _is_emptied(mark: Mark, cells: Mapping[str, ObservedCell]) -> bool:
    """True where the row holds its key and nothing of what was written beside it: a person has cleared that, or the row is
    a blank one that a write has just hit, which only the owner can tell."""
    filled = {name for name, marked in mark.cells.items() if marked.digest != EMPTY_DIGEST}
    left = {name for name in cells if cells[name].value is not None}
    return len(filled) > len(key_values(mark.key)) and len(left) <= len(key_values(mark.key)) < len(mark.cells)


def _digests(cell: ObservedCell) -> set[str]:
    return {digest(cell.value), digest(cell.shown)}


def _headers(binding: Binding, mark: Mark) -> dict[str, str]:
    named = {choice.name: choice.header for choice in binding.columns or () if choice.header}
    return {name: named.get(name, name) for name in mark.cells}


def _seen(column: str, cell: ObservedCell, mark: Mark) -> SeenCell:
    marked = mark.cells[column]
    return SeenCell(column, cell.value, cell.shown, marked.digest, marked.number)


def _edit(post: Post, binding: Binding, mark: Mark, seen: tuple[SeenCell, ...]) -> Edit:
    return Edit(
        binding=binding.name,
        row_key=mark.key,
        kind=EditKind.CELLS,
        read_begin_ms=post.read_begin_ms,
        read_end_ms=post.read_end_ms,
        how=How.TRIGGER,
        source_id=post.id,
        zone=post.zone,
        partition=mark.partition,
        offset=mark.offset,
        cells=seen,
        script_version=post.script_version,
    )


def _poked(post: Post, binding: Binding | None, now_ms: int, reason: str) -> Intake:
    return Intake(binding.name if binding else None, poke=_poke(post, binding, now_ms), reasons=(reason,))


def _poke(post: Post, binding: Binding | None, now_ms: int) -> Signal:
    return Signal(
        id=post.id,
        spreadsheet_id=post.spreadsheet_id,
        kind=SignalKind.POKE,
        at_ms=now_ms,
        binding=binding.name if binding else None,
        sheet_id=post.sheet_id,
        start_row=post.touched.start_row if post.touched else None,
        end_row=post.touched.end_row if post.touched else None,
    )


def _at(cells: Sequence[ObservedCell], at: int) -> ObservedCell:
    return cells[at] if at < len(cells) else EMPTY_CELL


def _text(cell: ObservedCell) -> str | None:
    return None if cell.value is None else str(cell.value)
