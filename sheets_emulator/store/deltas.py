"""What a change changed: the difference of two workbooks, small because they share what stayed, and how it is applied.

Rows are compared by being the same objects, so a difference may name a row that is equal; never one too few.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sheets_emulator.model.rows import Block, Row, Rows
from sheets_emulator.model.values import Json
from sheets_emulator.model.workbook import Sheet, Workbook
from sheets_emulator.store.encoding import (
    RowReader,
    RowWriter,
    read_sheet,
    read_workbook,
    same_head,
    sheet_head,
    workbook_head,
)


class Splice(NamedTuple):
    """`removed` rows from `start` on are replaced by `rows`; starts count in the old sequence."""

    start: int
    removed: int
    rows: Sequence[Row]


def difference(old: Workbook | None, new: Workbook) -> Json:
    """What turns `old` into `new`; None is no workbook at all."""
    writer = RowWriter()
    known = {sheet.id: sheet for sheet in old.sheets} if old is not None else {}
    sheets = []
    for sheet in new.sheets:
        before = known.get(sheet.id)
        if before is not sheet:
            sheets.append(_sheet_difference(before, sheet, writer))
    return {
        "head": workbook_head(new),
        "order": [sheet.id for sheet in new.sheets],
        "sheets": sheets,
        "styles": writer.styles,
    }


def applied(old: Workbook | None, delta: Mapping[str, Any]) -> Workbook:
    """The workbook that `difference` was given as `new`."""
    reader = RowReader(delta["styles"])
    sheets = {sheet.id: sheet for sheet in old.sheets} if old is not None else {}
    for change in delta["sheets"]:
        sheets[change["id"]] = _sheet_applied(sheets.get(change["id"]), change, reader)
    return read_workbook(delta["head"], [sheets[sheet_id] for sheet_id in delta["order"]])


def splices(old: Rows, new: Rows) -> Iterator[Splice]:
    """Where two sequences of rows differ, from the top."""
    places = {id(block): at for at, block in enumerate(old.blocks)}
    begin, at, waiting = 0, 0, list[Block]()
    for block in new.blocks:
        place = places.get(id(block), -1)
        if place < at:
            waiting.append(block)
            continue
        yield from _gap(begin, old.blocks[at:place], waiting)
        begin += sum(len(item.rows) for item in old.blocks[at : place + 1])
        at, waiting = place + 1, []
    yield from _gap(begin, old.blocks[at:], waiting)


def _gap(begin: int, old: Sequence[Block], new: Sequence[Block]) -> Iterator[Splice]:
    if not old and not new:
        return
    before = [row for block in old for row in block.rows]
    after = [row for block in new for row in block.rows]
    if len(before) == len(after):
        yield from _replaced(begin, before, after)
        return
    start = 0
    while start < min(len(before), len(after)) and before[start] is after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] is after[-1 - end]:
        end += 1
    yield Splice(begin + start, len(before) - start - end, after[start : len(after) - end])


def _replaced(begin: int, before: Sequence[Row], after: Sequence[Row]) -> Iterator[Splice]:
    run: list[Row] = []
    for at, (old, new) in enumerate(zip(before, after, strict=True)):
        if old is not new:
            run.append(new)
        elif run:
            yield Splice(begin + at - len(run), len(run), run)
            run = []
    if run:
        yield Splice(begin + len(before) - len(run), len(run), run)


def _sheet_difference(old: Sheet | None, new: Sheet, writer: RowWriter) -> Json:
    data: Json = {"id": new.id}
    if old is None or not same_head(old, new):
        data["head"] = sheet_head(new)
    found = splices(old.rows if old is not None else Rows(()), new.rows)
    data["rows"] = [[item.start, item.removed, [writer.write(row) for row in item.rows]] for item in found]
    return data


def _sheet_applied(old: Sheet | None, change: Mapping[str, Any], reader: RowReader) -> Sheet:
    rows = old.rows if old is not None else Rows(())
    # From the bottom up, so that the starts still count in the old sequence.
    for start, removed, lines in reversed(change["rows"]):
        new = [reader.read(line) for line in lines]
        rows = rows.spliced(start, start + removed, new) if len(rows) else Rows.of(new)
    head = change.get("head")
    if head is None and old is not None:
        head = sheet_head(old)
    return read_sheet(head or {}, rows)
