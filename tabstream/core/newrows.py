"""New rows of people, from the token in `_sync` to the answer of the database sink."""

from collections.abc import Callable

from tabstream.core.binding import BoundColumn, TableShape
from tabstream.core.book import REPORT_AGAIN_MS, Book
from tabstream.core.bookparts import Entry, PendingResult, Token
from tabstream.core.cells import EMPTY_DIGEST, CellValue, RowKey, same
from tabstream.core.changes import Desired
from tabstream.core.edits import EditKind, Outcome, SeenCell
from tabstream.core.identity import Identity, row_content
from tabstream.core.marks import NewRow
from tabstream.core.plan import (
    RowPlan,
    message_write,
    plan_new_row,
)
from tabstream.core.results import REPLAYED, EditResult, row_values
from tabstream.core.tab import ObservedRow
from tabstream.core.tabparts import Draft, Look, Remove, TabPlan
from tabstream.core.types.base import CheckBox
from tabstream.errors import NotAccepted


def plan_tokens(
    book: Book, found: Identity, look: Look, now_ms: int, settle_ms: int, plan: TabPlan, new_token: Callable[[], str]
) -> None:
    """Plans the rows that people have begun: submitted once complete, given key and mark once answered."""
    if look is Look.WHOLE:
        book.incomplete = 0
    for name, row in found.tokens.items():
        content = row_content(row)
        token = book.tokens.setdefault(name, Token(row.row, content, now_ms))
        token.row, token.gone = row.row, False
        if token.content != content:
            token.content, token.since_ms = content, now_ms
        if token.answer is not None:
            _plan_answered_token(book, name, token.answer, row, plan, new_token)
        else:
            _plan_open_token(book, name, token, row, now_ms, settle_ms, plan)
    for name in found.moved_tokens - plan.finished_tokens.keys():
        row_plan = plan.rows.setdefault(name, RowPlan(found.tokens[name]))
        row_plan.mark = NewRow(name)
    for name, token in list(book.tokens.items()):
        if name not in found.tokens and token.answer is not None and (look is Look.WHOLE or token.gone):
            _plan_gone_token(book, found, name, token, token.answer, plan)


def _plan_answered_token(
    book: Book, name: str, answer: PendingResult, row: ObservedRow, plan: TabPlan, new_token: Callable[[], str]
) -> None:
    row_answer = answer.result.row_answer
    if row_answer is None:
        return
    if row_answer.outcome is Outcome.REJECTED or row_answer.key is None:
        column = next((c for c in book.shape.columns if not c.read_only), book.shape.columns[0])
        write = message_write(row, column.name, f"not saved: {row_answer.reason}")
        if write:
            plan.rows[name] = RowPlan(row, [write])
        plan.rejected_tokens.add(name)
        book.incomplete += 1
        return
    entry = book.entries.get(row_answer.key)
    desired = _desired_of_token(book, row_answer.key, answer)
    if desired is None or desired.values is None:
        if entry is not None and entry.deleted:
            _plan_deleted_since(book, name, row_answer.key, answer, row, plan, new_token)
        return
    plan.rows[row_answer.key] = plan_new_row(desired, row, answer.result.cells, book.shape)
    plan.finished_tokens[name] = row_answer.key
    plan.settled[row_answer.key] = desired


def _plan_deleted_since(
    book: Book, name: str, key: RowKey, answer: PendingResult, row: ObservedRow, plan: TabPlan, new_token: Callable[[], str]
) -> None:
    """The row was inserted, and deleted before it got its key here: it goes too. One that a person deleted, and that is here
    again, is a new one."""
    plan.finished_tokens[name] = None
    if key not in book.dirty or book.deleted_here(key):
        plan.rows[name] = RowPlan(row, mark=NewRow(new_token()))
        return
    plan.removes.append(Remove(name, row.row))
    plan.settled[key] = book.desired(key)
    submitted = {a.column: a.value for a in answer.result.cells}
    later = [c for c in book.shape.columns if not same(row.values[c.name], submitted.get(c.name))]
    if later:
        typed = ", ".join(f"{c.name}: {row.cells[c.name].shown}" for c in later)
        plan.stories.append(f"row {key} was deleted in the database; not saved: {typed}")


def _desired_of_token(book: Book, key: RowKey, answer: PendingResult) -> Desired | None:
    change = book.desired(key)
    if change is not None and (change.lsn or 0) >= answer.result.lsn:
        return change
    if answer.result.row is None:
        return change
    entry = book.entries.get(key)
    position = (entry.partition, entry.offset) if entry else (0, -1)
    values = {c.name: c.type.from_text(answer.result.row.get(c.name)) for c in book.shape.columns}
    return Desired(key, values, *position, answer.result.lsn)


def _plan_gone_token(book: Book, found: Identity, name: str, token: Token, answer: PendingResult, plan: TabPlan) -> None:
    """The person deleted the row before its answer came: its key counts as shown, as it was saved, and is missing.

    The answer stays open until the key is deleted, so that the next owner would learn of it too. The table's event may
    come after the answer. An answer that is read again after a restart finds its row with its key. That of a replay says
    nothing of what the person did: the tab has lost the row when the database was set back.
    """
    row_answer = answer.result.row_answer
    token.row, token.gone = -1, True
    if row_answer is None or row_answer.key is None or row_answer.reason == REPLAYED:
        plan.finished_tokens[name] = None
        return
    entry = book.entries.setdefault(row_answer.key, Entry())
    if not entry.deleted and answer.result.row is not None:
        entry.shown = True
        saved = _as_saved(answer.result, book.shape)
        book.shown[row_answer.key] = Desired(row_answer.key, saved, entry.partition, entry.offset)
    if (place := found.rows.get(row_answer.key)) is not None:
        entry.row = place.row.row
    if entry.deleted or entry.row is not None or answer.result.row is None:
        plan.finished_tokens[name] = None


def _as_saved(result: EditResult, shape: TableShape) -> dict[str, CellValue]:
    """The row as it was when it was saved, as far as it is known: an answer that is repeated has the row as it is now."""
    submitted = {answer.column: answer.value for answer in result.cells}
    saved = dict(row_values(result.row or {}, shape))
    for column in shape.columns:
        value = submitted.get(column.name)
        if value is not None and not _stored_as(value, saved[column.name], column):
            saved[column.name] = value
    return saved


def _stored_as(value: CellValue, stored: CellValue, column: BoundColumn) -> bool:
    try:
        return same(column.type.from_text(column.type.to_database(value)), stored)
    except NotAccepted:
        return True  # it was not saved, as for a column that only the database writes


def _plan_open_token(
    book: Book, name: str, token: Token, row: ObservedRow, now_ms: int, settle_ms: int, plan: TabPlan
) -> None:
    needed = [c for c in book.shape.columns if _needed(c) and row.values[c.name] is None]
    if needed:
        book.incomplete += 1
        message = "needed before this row is saved: " + ", ".join(c.header for c in needed)
        writes = [message_write(row, c.name, message if c is needed[0] else None) for c in book.shape.columns]
        if some := [w for w in writes if w is not None]:
            plan.rows[name] = RowPlan(row, some)
        return
    if token.content == token.rejected:
        book.incomplete += 1
        return
    rested = now_ms - token.since_ms >= settle_ms
    again = token.submitted == token.content and now_ms - token.submitted_ms < REPORT_AGAIN_MS
    if rested and not again:
        token.submitted, token.submitted_ms = token.content, now_ms
        cells = tuple(_submitted_cell(c, row) for c in book.shape.columns)
        plan.drafts.append(Draft(name, EditKind.INSERT, -1, -1, cells))
    plan.look_whole(now_ms + 2 * REPORT_AGAIN_MS if rested else token.since_ms + settle_ms)


def _needed(column: BoundColumn) -> bool:
    is_box = isinstance(column.type.validation, CheckBox)
    return not (column.nullable or column.has_default or column.read_only or is_box)


def _submitted_cell(column: BoundColumn, row: ObservedRow) -> SeenCell:
    cell = row.cells[column.name]
    empty_box = cell.value is None and isinstance(column.type.validation, CheckBox) and not column.has_default
    return SeenCell(column.name, False if empty_box else cell.value, cell.shown, EMPTY_DIGEST)
