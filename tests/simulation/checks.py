"""What must hold once a history has come to rest."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tabstream.core.audit import compare
from tabstream.core.book import Book
from tabstream.core.cells import CellValue, digest, row_key
from tabstream.core.edits import Outcome
from tabstream.core.marks import Mark, NewRow
from tabstream.core.notes import has_message
from tabstream.core.tab import ObservedRow, read_layout, read_row
from tabstream.sheets.answers import read_spreadsheet
from tabstream.sheets.fields import ROWS
from tabstream.sheets.ranges import grid_range
from tests.simulation.ghosts import REMARK, number_in
from tests.simulation.sinks import SheetSink
from tests.simulation.world import World

_KEPT_WITHOUT_DATABASE = (Outcome.REJECTED, Outcome.LOST, Outcome.HELD, Outcome.SAME)


def wrong(world: World) -> list[str]:
    """What is wrong, in plain words; nothing where all is as it must be."""
    tab = world.sheet_sink.owner.roster.tabs.get(world.binding.name)
    if tab is None:
        return [f"the binding is paused: {[p.problem for p in world.sheet_sink.owner.roster.paused.values()]}"]
    rows = rows_of(world)
    found = [*_differences(world, rows, tab.book), *_drift(world, rows), *_pending(tab.book)]
    found += [
        *_vanished(world, rows),
        *_too_often(world),
        *_out_of_order(world),
        *_undeleted(world, rows),
        *_deleted_unseen(world),
    ]
    return [*found, *_parted(world, rows), *_with_nobody(world)]


def rows_of(world: World) -> list[ObservedRow]:
    """The tab's rows as they stand."""
    answer = world.spreadsheet.get([{"gridRange": grid_range(0)}], ROWS)
    seen = read_spreadsheet(answer).tab_by_id(0)
    assert seen is not None
    layout = read_layout(seen.rows[0], world.shape, seen.title)
    return [read_row(at, cells, layout, world.shape) for at, cells in sorted(seen.rows.items()) if at > 0]


def _table(world: World) -> Mapping[str, Mapping[str, CellValue]]:
    shape = world.shape
    rows = {}
    for key, texts in world.database.kept.rows.items():
        rows[row_key([float(key)])] = {c.name: c.type.from_text(texts.get(c.name)) for c in shape.columns}
    return rows


def _differences(world: World, rows: list[ObservedRow], book: Book) -> Iterator[str]:
    table, shown = _table(world), Counter[str]()
    for row in rows:
        if isinstance(row.mark, Mark) and row.mark.key == row.key and not _is_copy(row, shown):
            shown[row.mark.key] += 1
            yield from _row_differences(world, row, row.mark, table.get(row.mark.key))
        elif not _is_left_alone(row):
            yield f"row {row.row + 1} is nobody's: {dict(row.values)} {row.mark}"
    for key in table.keys() - shown.keys():
        yield f"row {key} is not in the tab"


def _drift(world: World, rows: list[ObservedRow]) -> Iterator[str]:
    """What an audit finds, which knows nothing of the owner's book."""
    for finding in compare(rows, _table(world).items(), world.shape).differences:
        yield f"an audit finds {finding}"


def _is_copy(row: ObservedRow, shown: Counter[str]) -> bool:
    """The same key and mark stand above already, and a note says that this one is a copy; or below, and it is this one's."""
    return any("copy" in cell.note for cell in row.cells.values())


def _is_left_alone(row: ObservedRow) -> bool:
    """Blank, incomplete or refused: a person's own, which a note says."""
    if row.blank and row.mark is None:
        return True
    noted = any(has_message(cell.note) for cell in row.cells.values())
    return noted and (isinstance(row.mark, NewRow) or _is_copy(row, Counter()))


def _row_differences(world: World, row: ObservedRow, mark: Mark, wanted: Mapping[str, CellValue] | None) -> Iterator[str]:
    if wanted is None:
        if any("not saved" in cell.note for cell in row.cells.values()):
            return
        yield f"row {mark.key} is not in the table"
        return
    for name, value in wanted.items():
        if row.values[name] != value:
            yield f"cell {mark.key} {name} shows {row.values[name]!r}, the table has {value!r}"
        elif mark.cells[name].digest != digest(value):
            yield f"the mark of {mark.key} {name} is not its value's"
    newest = _newest(world, mark.key)
    if newest is not None and (mark.partition, mark.offset) != newest:
        yield f"the mark of {mark.key} is at {(mark.partition, mark.offset)}, its newest message at {newest}"


def _newest(world: World, key: str) -> tuple[int, int] | None:
    entry = _book(world.sheet_sink).entries.get(key)
    return None if entry is None else (entry.partition, entry.offset)


def _book(sink: SheetSink) -> Book:
    (tab,) = sink.owner.roster.tabs.values()
    return tab.book


def _pending(book: Book) -> Iterator[str]:
    tokens = {
        name: t for name, t in book.tokens.items() if t.answer is not None or (t.submitted and t.submitted != t.rejected)
    }
    waiting = {
        "dirty": book.dirty,
        "results": book.results,
        "claims": book.claims,
        "tokens": tokens,
        "suspects": book.suspects,
        "deleting": book.deleting,
        "reports": book.reports,
        "recheck": book.recheck,
        "held": book.held,
        "parked": book.parked,
        "mistakes": book.mistakes.marks or book.mistakes.rows or book.mistakes.tokens,
    }
    yield from (f"{name} left: {what}" for name, what in waiting.items() if what)


def _vanished(world: World, rows: list[ObservedRow]) -> Iterator[str]:
    ghosts = world.ghosts
    known = {number_in(text) for _, _, text in world.database.effects}
    known |= {number_in(lost.sheet) for lost in world.database.kept.conflicts}
    known |= {number_in(value) for row in rows for value in row.values.values()}
    for text in ghosts.notes:
        known |= {number_in(word) for word in text.split()}
    for answer in _answers(world):
        if answer["outcome"] in _KEPT_WITHOUT_DATABASE:
            known.add(number_in(answer["value"]))
    for number in ghosts.placed.keys() - ghosts.withdrawn - known:
        yield f"what a person typed has vanished: {number}"


def _answers(world: World) -> Iterator[dict[str, Any]]:
    for told in world.database.told:
        if told["kind"] == "answer":
            yield from json.loads(told["answers"])


def _too_often(world: World) -> Iterator[str]:
    """A cell that is back at what its mark says takes back another value: that is no effect of its own."""
    effects = Counter(number_in(text) for _, _, text in world.database.effects)
    taken_back = {(a["column"], a["number"], number_in(a["value"])) for a in _answers(world) if _is_touch(a)}
    effects -= Counter(number for _, _, number in taken_back)
    for number, placed in world.ghosts.placed.items():
        if effects[number] > placed:
            yield f"{number} was placed {placed} times and took effect {effects[number]} times"


def _is_touch(answer: Mapping[str, Any]) -> bool:
    column, value = answer["column"], answer["value"]
    return column is not None and digest(float(value) if isinstance(value, int) else value) == answer["base"]


def _out_of_order(world: World) -> Iterator[str]:
    """In one cell, what was typed later must not be followed by what was typed earlier and only once."""
    cells = defaultdict(list)
    for key, column, text in world.database.effects:
        number = number_in(text)
        if number is not None and world.ghosts.placed[number] == 1:
            cells[key, column].append(number)
    if world.ghosts.copied:
        return
    for (key, column), numbers in cells.items():
        if numbers != sorted(numbers):
            yield f"edits of {key} {column} took effect in the order {numbers}"


def _undeleted(world: World, rows: list[ObservedRow]) -> Iterator[str]:
    """A row that a person deletes goes, or an answer or a note says why not. A copy that stands where the row was looks like
    one that was pasted over it; a key cell that was sorted away from its mark looks like one that was typed over."""
    shown = {row.key for row in rows}
    for act in world.ghosts.deleted:
        key = act.key.strip("[]")
        later = [told for told in world.database.told[act.told :] if told["kind"] == "answer" and told["row_key"] == act.key]
        decided = any(entry["column"] is None for told in later for entry in json.loads(told["answers"]))
        if (
            act.key in shown
            and not decided
            and act.key not in world.ghosts.returned | world.ghosts.put_back
            and key not in world.ghosts.application_keys
        ):
            yield f"the deletion of row {act.key} has vanished"


def _deleted_unseen(world: World) -> Iterator[str]:
    """A value that stood behind a person's own, unanswered one counts as seen: the row's mark told of it."""
    behind = {told["row_key"] for told in world.database.told if Outcome.REJECTED.value in (told["answers"] or "")}
    behind |= {lost.key for lost in world.database.kept.conflicts}
    for key, texts in world.database.deleted:
        unseen = {number_in(texts["name"]), number_in(texts["amount"])} - world.ghosts.seen - {None}
        if unseen and not {key, f"[{key}]"} & behind:
            yield f"row {key} was deleted with values that nobody had seen: {unseen}"


def _with_nobody(world: World) -> Iterator[str]:
    """In a cell of a person's alone there is no conflict, nor is a row doubled that nobody has copied.

    What was decided under a key is not known under the one that the application has changed it to.
    """
    for lost in world.database.kept.conflicts:
        rekeyed = lost.key.strip("[]") in world.ghosts.application_keys
        if lost.winner == "database" and number_in(lost.database) in world.ghosts.typed and not rekeyed:
            yield f"{lost.sheet} lost a conflict with {lost.database}, which a person had typed"
    if world.copies and not world.ghosts.doubled:
        yield f"{world.copies} rows were doubled by nobody"


def _parted(world: World, rows: list[ObservedRow]) -> Iterator[str]:
    sheet, table = world.spreadsheet.sheet, _table(world)
    stand = {str(sheet.cell(row.row, REMARK).effective): row for row in rows if sheet.cell(row.row, REMARK).effective}
    gone = world.ghosts.application_keys | {told["row_key"].strip("[]") for told in _row_answers(world)}
    for text, key in world.ghosts.beside.items():
        if key is None or key not in table or key.strip("[]") in gone:
            continue
        if text not in stand:
            yield f"the remark {text} beside {key} is gone"
        elif stand[text].key != key:
            yield f"the remark {text} beside {key} stands beside {stand[text].key}"
    order = [text for text in world.ghosts.order if text in stand]
    now = [text for text in stand if text in order]
    if now != order and not world.ghosts.copied and not gone:
        yield f"the order of rows is {now}, people left it as {order}"


def _row_answers(world: World) -> list[dict[str, str]]:
    return [
        told
        for told in world.database.told
        if told["kind"] == "answer" and any(entry["column"] is None for entry in json.loads(told["answers"]))
    ]
