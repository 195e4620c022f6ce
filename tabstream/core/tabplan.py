"""Everything that one flush writes to a tab and reports of it, decided from the book and what was read.

First fill, live changes, repair and sweep are the same function on more or fewer rows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tabstream.core.binding import Direction, TableShape
from tabstream.core.book import CONFIRM_MISSING_MS, LOST_REPORT_MS, REPORT_AGAIN_MS, Book
from tabstream.core.cells import EMPTY_DIGEST, RowKey, digest
from tabstream.core.changes import Desired, Missing, RowValues
from tabstream.core.edits import EditKind, Outcome, SeenCell
from tabstream.core.guard import is_mass
from tabstream.core.identity import Identity, Located, Repair, identify
from tabstream.core.marks import CopiedRow, Mark, MarkedCell, NewRow
from tabstream.core.newrows import plan_tokens
from tabstream.core.notes import outcome_message
from tabstream.core.plan import (
    COPY_MESSAGE,
    RESTORED_MESSAGE,
    CellWrite,
    RowPlan,
    assumed_mark,
    fresh_mark,
    left_by_mistake,
    mark_before_mistake,
    message_write,
    plan_restored_row,
    plan_row,
    seen_cell,
    seen_cells,
    shown_value,
)
from tabstream.core.tab import ObservedRow, stored_otherwise
from tabstream.core.tabparts import Add, Draft, Look, Remove, TabPlan

ONE_WAY_MESSAGE = "rows added here are not saved: this tab only shows the database"
MAX_ROWS = 2_000  # looked at one by one, or written over, in one flush
HELD_UNEXPLAINED = "not in the table, waits for a confirmation to be taken away"
HELD_DELETED = "deleted in the sheet, waits for a confirmation"
HELD_CHANGED = "changed with many others at once, waits for a confirmation"


class LooksWrong(Exception):
    """A row is not where it was last seen: the whole tab must be read."""


def believe(book: Book, rows: Mapping[RowKey, ObservedRow], tokens: Mapping[str, ObservedRow]) -> Identity:
    """The identity of rows that were read where they were last seen; raises LooksWrong where one is another row."""
    found = Identity()
    for key, row in rows.items():
        if not isinstance(row.mark, Mark) or row.mark.key != key or row.key != key or row.mark_name in book.mistakes.rows:
            raise LooksWrong(key)
        found.rows[key] = Located(row, row.mark)
        if key in book.entries and key not in book.lacking:
            book.entries[key].stands_at(row.mark.offset)
    for token, row in tokens.items():
        if row.mark != NewRow(token) or (row.key is not None and row.key in book.entries):
            raise LooksWrong(token)
        found.tokens[token] = row
    return found


def recognise(book: Book, rows: Sequence[ObservedRow]) -> Identity:
    """The identity of all rows of a whole read; the book learns where each key's row is."""
    known = {key for key, entry in book.entries.items() if not entry.deleted}
    known |= book.renames.keys() & book.mistakes.marks.keys()
    last_row = {k: -1 if e.row is None else e.row for k, e in book.entries.items() if e.row is not None or e.shown}
    contents = {name: token.content for name, token in book.tokens.items()} | book.mistakes.tokens
    found = identify(rows, known, last_row, contents, book.mistakes.rows)
    still_hit = {row.mark_name for row in found.hit}
    book.mistakes.rows = {name: row for name, row in book.mistakes.rows.items() if name in still_hit}
    book.mistakes.left = {name: left for name, left in book.mistakes.left.items() if name in still_hit}
    book.mistakes.tokens = {name: held for name, held in book.mistakes.tokens.items() if name in found.moved_tokens}
    for entry in book.entries.values():
        entry.row = None
    for located in (found.cleared, found.rows):
        for key, place in located.items():
            if key in book.entries:
                book.entries[key].row = place.row.row
                book.entries[key].shown = True
                if place.mark is not None and key not in book.lacking:  # its mark may be of another topic
                    book.entries[key].stands_at(place.mark.offset)
    for token in [t for t in book.tokens if t not in found.tokens and book.tokens[t].answer is None]:
        del book.tokens[token]
    for report in [r for r in book.reports if r[0] not in found.rows and r[0] not in found.tokens]:
        del book.reports[report]
    if book.retyped and found.rows.keys() <= book.rewritten:
        book.retyped, book.rewritten = frozenset(), set()
    book.waiting.clear()
    book.wants_whole = False
    return found


def unheard_of(book: Book, found: Identity) -> list[RowKey]:
    """The keys of rows of which the topic tells nothing: the table may have them nevertheless, where the topic was made anew
    or has lost messages."""
    return [key for key in {**found.rows, **found.cleared} if key not in book.entries]


def wanted_changes(book: Book, found: Identity, look: Look, now_ms: int) -> set[RowKey]:
    """The keys whose newest message is needed to plan, and is not in the book."""
    answered = {key for key in book.results if key in book.entries and not book.entries[key].deleted}
    wanted = set(book.dirty) | answered
    for key, place in found.rows.items():
        entry = book.entries.get(key)
        if entry is None or entry.deleted:
            continue
        stale = place.mark is None or (place.mark.partition, place.mark.offset) != (entry.partition, entry.offset)
        if stale or place.repair is not Repair.NONE:
            wanted.add(key)
    if look is Look.WHOLE:
        wanted.update(book.missing(now_ms))
    there = {key for key in wanted if not book.entries[key].deleted}  # what a truncate took away has no message of it
    return {key for key in there if book.desired(key) is None and key not in book.parked}


def wanted_shown(book: Book, found: Identity, look: Look, now_ms: int) -> set[RowKey]:
    """The keys whose message that was shown last is needed: their rows are gone, and it says what was deleted, or have lost
    their mark, and it says what people have changed."""
    if look is not Look.WHOLE:
        return set()
    wanted = {*book.missing(now_ms)}
    wanted |= {key for key, place in found.rows.items() if place.mark is None}
    return {key for key in wanted if key in book.dirty and book.entries[key].shown_offset >= 0}


def plan_tab(
    book: Book,
    found: Identity,
    look: Look,
    now_ms: int,
    new_token: Callable[[], str],
    settle_ms: int,
    max_rows: int = MAX_ROWS,
) -> TabPlan:
    """Plans one flush. `found` comes from `believe` or `recognise`; the book must hold the changes that are wanted.

    At most `max_rows` rows are written over; the others wait for the next flush.
    """
    plan = TabPlan()
    plan_tokens(book, found, look, now_ms, settle_ms, plan, new_token)
    answers = [t.answer.result.row_answer for t in book.tokens.values() if t.answer is not None and not t.gone]
    answered = {answer.key for answer in answers if answer is not None}
    _plan_renamed(book, found, plan)
    left = False
    for key, place in found.rows.items():
        if len(plan.rows) + len(plan.removes) >= max_rows:
            left = True
            plan.look_whole(now_ms)
            break
        if key not in book.parked:
            _plan_located(book, key, place, now_ms, plan, new_token)
    if look is Look.WHOLE:
        book.held = {}
        _plan_unexplained(book, len(found.rows), now_ms, plan)
        _plan_unknown_rows(book, found, new_token, plan, now_ms)
        _plan_missing(book, found, now_ms, plan)
    _plan_unplaced(book, found, answered, plan)
    _plan_edited(book, plan)
    _plan_touches(book, found, now_ms, plan)
    plan.ends_doubt = look is Look.WHOLE and not left and not plan.unexplained.keys() & book.held.keys()
    return plan


def _plan_renamed(book: Book, found: Identity, plan: TabPlan) -> None:
    """A row whose primary key was changed stays where it is, and what people have beside it."""
    for old in list(book.renames):
        new, place, gone = book.new_key(old), found.rows.get(old), book.desired(old)
        place = None if place is None else _before_mistake(book, old, place)
        if new is None or place is None or place.mark is None or gone is None or gone.values is not None or new in found.rows:
            continue
        desired = book.desired(new)
        if desired is None and new not in book.entries:
            book.waiting.add(old)
            del found.rows[old]
        elif desired is not None and desired.values is not None:
            answers = [a for key in (old, new) for p in book.results.get(key, ()) for a in p.result.cells]
            plan.rows[new] = plan_row(desired, Located(place.row, place.mark), answers, book.shape)
            plan.settled |= {old: gone, new: desired}
            plan.renamed[new] = old
            book.hides(new, plan.rows[new].seen)
            del found.rows[old]


def _plan_located(book: Book, key: RowKey, place: Located, now_ms: int, plan: TabPlan, new_token: Callable[[], str]) -> None:
    entry = book.entries.get(key)
    desired = book.desired(key)
    mark = book.mark_of(key, place.mark)
    place = place if mark is place.mark else replace(place, mark=mark)
    if entry is None or entry.deleted or (desired is not None and desired.values is None):
        gone_before = entry is None or (entry.deleted and key not in book.dirty)
        doubted = book.doubtful or key in book.rebuilding
        if (gone_before and not doubted) or book.deleted_here(key):
            if place.row.key == key:
                _return_row(book, key, place, now_ms, plan)
            else:
                plan.others.append(RowPlan(place.row, mark=NewRow(new_token())))  # the row of a key of its own, or of none
            plan.settled[key] = desired
        elif entry is not None and not entry.deleted:
            book.waiting.add(key)  # only a result says so yet: its event is on the way
        elif key in book.dirty:
            _remove(book, key, place, now_ms, plan)
            plan.settled[key] = desired
        else:
            plan.unexplained[key] = place
        return
    if desired is None:
        _plan_as_shown(book, key, place, now_ms, plan)
        return
    lost = place.mark is None
    place = _with_mark(book, place, desired)
    answers = [a for p in book.results.get(key, ()) for a in p.result.cells]
    desired = _unless_older(book, desired, place)
    row_plan = plan_row(desired, place, answers, book.shape)
    if row_plan.writes:
        plan.rows[key] = row_plan
    if place.mark is not None:
        plan.edited += _draft_cells(book, key, place.mark, row_plan.seen, place.row, now_ms)
    book.hides(key, _as_they_stand(row_plan.seen, place.row) if lost else row_plan.seen)
    plan.stories += _lost_by_pasting(key, place, book.shape)
    plan.settled[key] = desired


def _with_mark(book: Book, place: Located, desired: Desired) -> Located:
    """The row with the mark that it had before a write hit it by mistake, or that it must have had before it was lost."""
    if place.mark is None and place.repair is Repair.MARK and desired.key not in book.mistakes.marks:
        return replace(place, mark=assumed_mark(book.shown_last(desired.key) or desired, place.row))
    return _before_mistake(book, desired.key, place)


def _before_mistake(book: Book, key: RowKey, place: Located) -> Located:
    """The key's row; one that a write has hit by mistake with the mark that it had, without what the write left there."""
    hit = book.mistakes.rows.get(place.row.mark_name)
    held = None if hit is None else hit.mark
    before = held if isinstance(held, Mark) and held.key == key else book.mistakes.marks.get(key)
    if before is None or (isinstance(place.row.mark, Mark) and place.row.mark.key == key):
        return place
    cleared = dict.fromkeys(place.row.values, EMPTY_DIGEST) if place.row.mark is None else {}
    left = book.mistakes.left.get(place.row.mark_name, cleared)
    return replace(place, mark=mark_before_mistake(before, place.row, left))


def _as_they_stand(cells: Sequence[SeenCell], row: ObservedRow) -> list[SeenCell]:
    """Changed cells of a row whose mark is lost: what stands there may be all that anybody has seen."""
    return [replace(cell, base=digest(row.values[cell.column])) for cell in cells]


def _plan_as_shown(book: Book, key: RowKey, place: Located, now_ms: int, plan: TabPlan) -> None:
    """A row that shows all that is known of its key: what people changed in it is reported, and what was typed over with the
    same value in another kind is written as it was."""
    if place.mark is None:
        return
    if (hit := book.mistakes.rows.get(place.row.mark_name)) is not None:
        plan.rows[key] = RowPlan(place.row, _before_the_hit(book, hit, place.row), place.mark)
        plan.look_whole(now_ms)
        return
    seen = seen_cells(place.row, place.mark, book.shape)
    plan.edited += _draft_cells(book, key, place.mark, seen, place.row, now_ms)
    book.hides(key, seen)
    if place.repair is Repair.NONE and (cells := _in_other_kinds(place.row, place.mark)):
        plan.rows[key] = RowPlan(place.row, cells)
    if place.repair is Repair.MARK:
        plan.rows[key] = RowPlan(place.row, mark=place.mark)  # another row's mark is written where it stands now


def _before_the_hit(book: Book, before: ObservedRow, row: ObservedRow) -> list[CellWrite]:
    """What a write has left in a row by mistake, as it was `before`."""
    left = book.mistakes.left.get(row.mark_name, {})
    return [CellWrite(name, before.values[name]) for name in row.values if left_by_mistake(row, name, left)]


def _in_other_kinds(row: ObservedRow, mark: Mark) -> list[CellWrite]:
    """The cells that equal their marks, and are kept as text that should be numbers, or the other way round."""
    marked = {name: at.digest for name, at in mark.cells.items() if name in row.cells}
    other = [name for name in marked if stored_otherwise(row.cells[name], row.values[name])]
    return [CellWrite(name, row.values[name]) for name in other if digest(row.values[name]) == marked[name]]


def _lost_by_pasting(key: RowKey, place: Located, shape: TableShape) -> list[str]:
    """What was typed in a copy that had been pasted over the row, if anything."""
    if place.repair is not Repair.WHOLE or place.mark is not None or not isinstance(place.row.mark, Mark):
        return []
    typed = _typed(seen_cells(place.row, place.row.mark, shape))
    return [f"row {key} was put back where another row was pasted over it; not saved: {typed}"] if typed else []


def _unless_older(book: Book, desired: Desired, place: Located) -> Desired:
    """The event, or the position alone where it is older than the result that the row, which is whole, shows already."""
    torn = place.repair is not Repair.NONE or desired.key in book.mistakes.marks or book.retyped
    if torn or desired.key in book.results or not book.is_older(desired):
        return desired
    unchanged = dict.fromkeys(book.shape.by_name, Missing.UNAVAILABLE)
    return desired._replace(values=unchanged, lsn=book.entries[desired.key].shown_lsn)


def _draft_cells(book: Book, key: RowKey, mark: Mark, cells: Sequence[SeenCell], row: ObservedRow, now_ms: int) -> list[Draft]:
    fresh = book.report(key, cells, {c.column: digest(row.values[c.column]) for c in cells}, now_ms)
    return [Draft(key, EditKind.CELLS, mark.partition, mark.offset, tuple(fresh))] if fresh else []


def _plan_edited(book: Book, plan: TabPlan) -> None:
    """Changed cells are reported, but for those of rows that wait for a confirmation. One way, they can do no harm."""
    edited = [draft.row_key for draft in plan.edited]
    one_way = book.binding.direction is Direction.DATABASE_TO_SHEET
    if edited and not one_way and not _may_pass(book, edited, _shown_rows(book)):
        book.held |= dict.fromkeys(edited, HELD_CHANGED)
    for draft in plan.edited:
        if draft.row_key in book.held:
            for cell in draft.cells:
                del book.reports[draft.row_key, cell.column]
        else:
            book.confirmed.discard(draft.row_key)
            plan.drafts.append(draft)


def _plan_unexplained(book: Book, rows: int, now_ms: int, plan: TabPlan) -> None:
    """Rows that neither the topic nor an edit explains are taken away up to the guard, beyond it held."""
    if not _may_pass(book, list(plan.unexplained), rows):
        book.held |= dict.fromkeys(plan.unexplained, HELD_UNEXPLAINED)
        return
    for key, place in plan.unexplained.items():
        _remove(book, key, place, now_ms, plan)
        plan.settled[key] = book.desired(key)


def _return_row(book: Book, key: RowKey, place: Located, now_ms: int, plan: TabPlan) -> None:
    entry = book.entries.get(key)
    rejected = next(
        (p.result.row_answer for p in reversed(book.results.get(key, [])) if p.result.row_answer is not None), None
    )
    if rejected is not None and rejected.outcome is Outcome.REJECTED:
        column = book.shape.key[0]
        message = outcome_message(Outcome.REJECTED, place.row.values[column], rejected.reason)
        if write := message_write(place.row, column, message):
            plan.rows[key] = RowPlan(place.row, [write])
        return
    if place.mark is None or not book.report_row(key, now_ms):
        return
    position = (entry.partition, entry.offset) if entry else (place.mark.partition, place.mark.offset)
    cells = tuple(
        seen_cell(place.row.cells[c.name], c.name, place.mark.cells.get(c.name, MarkedCell(EMPTY_DIGEST)))
        for c in book.shape.columns
    )
    plan.drafts.append(Draft(key, EditKind.RETURN, *position, cells))


def _remove(book: Book, key: RowKey, place: Located, now_ms: int, plan: TabPlan) -> None:
    plan.removes.append(Remove(key, place.row.row))
    place = _before_mistake(book, key, place)
    if place.mark is None:
        return
    seen = seen_cells(place.row, place.mark, book.shape)
    plan.drafts += _draft_cells(book, key, place.mark, seen, place.row, now_ms)
    if typed := _typed(seen):
        plan.stories.append(f"row {key} was deleted in the database; not saved: {typed}")


def _typed(seen: Sequence[SeenCell]) -> str:
    return ", ".join(f"{c.column}: {c.shown}" for c in seen)


def _plan_unknown_rows(book: Book, found: Identity, new_token: Callable[[], str], plan: TabPlan, now_ms: int) -> None:
    key_column = book.shape.key[0]
    book.copies = len(found.copies)
    for row in found.copies:
        notes = [w for w in [message_write(row, key_column, COPY_MESSAGE)] if w]
        copied = CopiedRow(row.key) if row.key is not None and row.mark != CopiedRow(row.key) else None
        plan.others.append(RowPlan(row, notes, copied))
    for row in found.strays:
        left_behind = [CellWrite(name, None) for name in row.shown_only if row.values[name] is not None]
        plan.others.append(RowPlan(row, left_behind, clear_mark=True))
    for row in found.new:
        if row.mark is not None and row.mark_name in book.mistakes.rows:
            before = book.mistakes.rows[row.mark_name]
            back = _before_the_hit(book, before, row)
            token = before.mark if isinstance(before.mark, NewRow) else None
            plan.others.append(RowPlan(row, back, token, clear_mark=True))
            plan.look_whole(now_ms)
            continue
        if book.binding.direction is Direction.DATABASE_TO_SHEET:
            book.incomplete += 1
            if write := message_write(row, key_column, ONE_WAY_MESSAGE):
                plan.others.append(RowPlan(row, [write]))
            continue
        notes = [w for w in (message_write(row, c.name, None) for c in book.shape.columns) if w]
        plan.others.append(RowPlan(row, notes, NewRow(new_token())))
        plan.look_whole(now_ms)


def _plan_missing(book: Book, found: Identity, now_ms: int, plan: TabPlan) -> None:
    gone: dict[RowKey, None] = {}
    present = set(found.rows)
    for row in (*found.new, *found.copies, *found.tokens.values()):
        if row.key is not None:
            present.add(row.key)
        if isinstance(row.mark, Mark):
            present.add(row.mark.key)
    for key, entry in book.entries.items():
        if entry.shown and not entry.deleted and key not in present and key not in book.parked:
            gone[key] = None
    for key in [k for k in book.suspects if k not in gone]:
        del book.suspects[key]
    for key in gone:
        if book.restored(key):
            continue
        if now_ms - book.deleting.get(key, -LOST_REPORT_MS) < LOST_REPORT_MS:
            plan.look_whole(book.deleting[key] + LOST_REPORT_MS)
            continue
        since = book.suspects.setdefault(key, now_ms)
        if found.unsure or now_ms - since < CONFIRM_MISSING_MS:
            plan.look_whole(now_ms + max(CONFIRM_MISSING_MS, now_ms - since))  # a copy may stand there for long
    ripe = [k for k, since in book.suspects.items() if not found.unsure and now_ms - since >= CONFIRM_MISSING_MS]
    _delete_rows(book, found, [k for k in ripe if not book.restored(k)], now_ms, plan)


def _delete_rows(book: Book, found: Identity, keys: list[RowKey], now_ms: int, plan: TabPlan) -> None:
    if book.binding.direction is Direction.DATABASE_TO_SHEET:
        for key in keys:
            book.entries[key].shown = False
            book.suspects.pop(key, None)
            if (desired := book.desired(key)) is not None:
                book.change(desired)
        return
    if not _may_pass(book, keys, _shown_rows(book)):
        book.held |= dict.fromkeys(keys, HELD_DELETED)
        return
    for key in keys:
        book.confirmed.discard(key)
        desired = book.desired(key)
        if desired is None or desired.values is None:
            continue
        book.suspects.pop(key, None)
        book.deleting[key] = now_ms
        shown = book.shown.pop(key, desired).values or desired.values
        cells = _deleted_cells(shown, found.cleared.get(key), book.unanswered.pop(key, {}))
        plan.drafts.append(Draft(key, EditKind.DELETE, desired.partition, desired.offset, cells))


def _deleted_cells(shown: RowValues, cleared: Located | None, unanswered: Mapping[str, SeenCell]) -> tuple[SeenCell, ...]:
    """What was deleted, as the row showed it: its mark tells where it is still there, cleared. Behind a person's own value
    stood what the cell had shown before."""
    cells = {n: SeenCell(n, v, "" if v is None else str(v), digest(v)) for n, v in shown.items() if not isinstance(v, Missing)}
    if cleared is not None and cleared.mark is not None:
        marked = cleared.mark.cells
        cells = {n: replace(c, base=marked[n].digest, number=marked[n].number) for n, c in cells.items() if n in marked}
    behind = {n: c for n, c in unanswered.items() if n in cells}
    cells |= {n: replace(cells[n], base=c.base, number=c.number) for n, c in behind.items()}
    return tuple(cells.values())


def _shown_rows(book: Book) -> int:
    return sum(1 for entry in book.entries.values() if entry.shown and not entry.deleted)


def _may_pass(book: Book, keys: Sequence[RowKey], rows: int) -> bool:
    return not is_mass(book.binding, len(keys), rows) or all(key in book.confirmed for key in keys)


def _plan_unplaced(book: Book, found: Identity, answered: set[RowKey | None], plan: TabPlan) -> None:
    for key in [*book.dirty, *(k for k in book.results if k not in book.dirty)]:
        entry = book.entries.get(key)
        if key in plan.settled or key in book.parked or key in answered:
            continue
        desired = book.desired(key)
        if entry is None or desired is None:
            if entry is None or entry.row is None:
                plan.settled[key] = None
            continue
        restored = book.restored(key)
        if desired.values is None:
            if key in found.cleared:
                plan.removes.append(Remove(key, found.cleared[key].row.row))
            if key in found.cleared or entry.row is None:
                plan.settled[key] = desired
        elif key in found.cleared and (restored or not entry.shown):
            plan.rows[key] = plan_restored_row(desired, found.cleared[key].row, book.shape, restored)
            plan.settled[key] = desired
        elif entry.row is None and (restored or not (entry.shown or book.waits_for_answer(desired))):
            message = RESTORED_MESSAGE if restored else None
            values = {c.name: shown_value(desired.values, c.name) for c in book.shape.columns}
            plan.adds.append(Add(desired, values, fresh_mark(desired, book.shape, restored), message))
            plan.settled[key] = desired
        elif entry.row is None:
            book.waiting.add(key)


def _plan_touches(book: Book, found: Identity, now_ms: int, plan: TabPlan) -> None:
    """A cell that was reported as changed and is back at its mark takes back what is under way."""
    for key, column in list(book.reports):
        place = found.rows.get(key)
        if place is None or place.mark is None or not column or column not in place.mark.cells:
            continue
        marked = place.mark.cells[column]
        report = book.reports[key, column]
        back = digest(place.row.values[column]) == marked.digest
        if back:
            del book.reports[key, column]
            if (report.base, report.number) == (marked.digest, marked.number):
                cell = seen_cell(place.row.cells[column], column, marked)
                plan.drafts.append(Draft(key, EditKind.CELLS, place.mark.partition, place.mark.offset, (cell,)))
        elif now_ms - report.at_ms >= REPORT_AGAIN_MS:
            book.recheck.add(key)
