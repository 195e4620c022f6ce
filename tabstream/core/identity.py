"""Who is this row? Decided on one whole read of a tab.

A row is believed when its key cell and its mark agree. Where they do not, the row is torn, and these rules hold:

1. Key cells and marks that don't stand together belong together: the tab was sorted or moved without `_sync`. Each mark
   goes to the one row that shows its key, whatever that row was before; the token of a new row follows its content.
2. A row whose own mark is nowhere else keeps it: a key typed over, or another row pasted over it, is put back.
3. A mark that stands elsewhere too, in a row with another key: that row is a new row.
4. Key and mark together twice: the row where the mark was last seen is the row, the other is a copy that is not synced. It
   is marked as a copy, and stays one until it has another key, or its row is nowhere else. A copy that stands where a row
   was that is nowhere now was pasted over it: that row is put back.
5. A row that a write hit by mistake, as is known from what it overwrote, is what it was before.
6. A damaged or missing mark, or a token where a row that was shown now stands: the key cell decides.
"""

import json
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from tabstream.core.cells import Digest, RowKey, digest
from tabstream.core.marks import CopiedRow, Mark, NewRow
from tabstream.core.tab import ObservedRow


class Repair(Enum):
    """What has to be put right in a row that was found."""

    NONE = "none"
    MARK = "mark"
    KEY = "key"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Located:
    """A key's row. `mark` is None where none is known any more."""

    row: ObservedRow
    mark: Mark | None
    repair: Repair = Repair.NONE


@dataclass(slots=True)
class Identity:
    """Every row of one whole read, by what it is. `unsure` holds where any row was torn, doubled or damaged.

    `moved_tokens` are tokens whose rows don't hold them: they are to be written there. `hit` are rows that a write has hit by
    mistake.
    """

    rows: dict[RowKey, Located] = field(default_factory=dict)
    cleared: dict[RowKey, Located] = field(default_factory=dict)
    tokens: dict[str, ObservedRow] = field(default_factory=dict)
    moved_tokens: set[str] = field(default_factory=set)
    new: list[ObservedRow] = field(default_factory=list)
    copies: list[ObservedRow] = field(default_factory=list)
    hit: list[ObservedRow] = field(default_factory=list)
    strays: list[ObservedRow] = field(default_factory=list)
    unsure: bool = False


def row_content(row: ObservedRow) -> Digest:
    """Names what the bound cells of a row hold."""
    return digest(json.dumps([[type(value).__name__, value] for value in row.values.values()]))


def identify(
    rows: Sequence[ObservedRow],
    known: Container[RowKey],
    last_row: Mapping[RowKey, int],
    contents: Mapping[str, Digest] | None = None,
    hit: Mapping[str, ObservedRow] | None = None,
) -> Identity:
    """Sorts the rows of a tab into what they are.

    `known` holds the keys that the table has; `last_row` tells in which row (0-based) a key was last seen, -1 where that is
    not known of one that was shown, `contents` what (`row_content`) the row of each token held, `hit` the rows that a write
    hit by mistake, as they were, by the name of the mark that it left there.
    """
    found = Identity()
    agreeing: dict[RowKey, list[ObservedRow]] = {}
    torn: list[ObservedRow] = []
    unmarked: list[ObservedRow] = []
    begun: list[tuple[ObservedRow, NewRow]] = []
    tokens = {row.mark.token for row in rows if isinstance(row.mark, NewRow)}
    found.hit = [row for row in rows if row.mark_name in (hit or {}) and _was_hit(row, (hit or {})[row.mark_name], tokens)]
    for row in rows:
        if isinstance(row.mark, NewRow):
            begun.append((row, row.mark))
        elif isinstance(row.mark, Mark):
            if row.blank:
                found.cleared.setdefault(row.mark.key, Located(row, row.mark))
            elif row.key == row.mark.key:
                agreeing.setdefault(row.mark.key, []).append(row)
            else:
                torn.append(row)
        elif row.damaged or isinstance(row.mark, CopiedRow) or not row.blank:
            unmarked.append(row)
    _take_hit(found, agreeing, torn, begun, hit or {})
    for key, candidates in agreeing.items():
        _take_agreeing(found, key, candidates, last_row)
    found.unsure = found.unsure or bool(torn)
    _take_parted(found, [*torn, *(row for row, _ in begun), *unmarked], torn, known)
    _take_shown(found, [row for row, _ in begun], known, last_row)
    taken = {place.row.row for place in found.rows.values()}
    freed = _take_begun(found, begun, taken)
    _take_torn(found, [row for row in torn if row.row not in taken], torn, known)
    for row in unmarked:
        if row.row not in taken:
            _take_unmarked(found, row, known)
    _take_pasted_over(found, known, last_row)
    for key in [k for k in found.cleared if k in found.rows]:
        found.strays.append(found.cleared.pop(key).row)
    freed |= {token: True for token in contents or {} if token not in found.tokens and token not in freed}
    _return_tokens(found, freed, contents or {})
    return found


def _was_hit(row: ObservedRow, before: ObservedRow, tokens: Container[str]) -> bool:
    """True for a row that has the mark of another one; a token may have come to the row that it was meant for."""
    if isinstance(row.mark, NewRow) and isinstance(before.mark, Mark):
        return row.key == before.mark.key
    if isinstance(row.mark, NewRow) and isinstance(before.mark, NewRow):
        return before.mark.token not in tokens and not row.blank
    return row.mark is not None and not isinstance(row.mark, NewRow)


def _take_hit(
    found: Identity,
    agreeing: dict[RowKey, list[ObservedRow]],
    torn: list[ObservedRow],
    begun: list[tuple[ObservedRow, NewRow]],
    hit: Mapping[str, ObservedRow],
) -> None:
    """A write has put a mark, and perhaps a key, into a row of another key, or of nobody's."""
    there = {id(row) for row in found.hit}
    for key in list(agreeing):
        agreeing[key] = [row for row in agreeing[key] if id(row) not in there]
    own = {key for key, candidates in agreeing.items() if candidates}
    tokens = {mark.token for row, mark in begun if id(row) not in there}
    for row in found.hit:
        before = hit[row.mark_name].mark
        if row.blank or (isinstance(before, Mark) and before.key in own | found.rows.keys()):
            if isinstance(row.mark, Mark) and row.key == row.mark.key:
                agreeing.setdefault(row.mark.key, []).append(row)
            there.discard(id(row))
            continue
        torn[:] = [other for other in torn if other is not row]
        begun[:] = [(other, mark) for other, mark in begun if other is not row]
        found.unsure = True
        if isinstance(before, Mark):
            found.rows[before.key] = Located(row, before, Repair.MARK if row.key == before.key else Repair.KEY)
        elif isinstance(before, NewRow) and isinstance(row.mark, NewRow) and before.token not in tokens | found.tokens.keys():
            found.tokens[before.token] = row
            found.moved_tokens.add(before.token)
        else:
            found.new.append(row)
    found.hit = [row for row in found.hit if id(row) in there]
    for key in [key for key, candidates in agreeing.items() if not candidates]:
        del agreeing[key]


def _take_parted(found: Identity, rows: Sequence[ObservedRow], torn: Sequence[ObservedRow], known: Container[RowKey]) -> None:
    """Keys and marks that were parted: each mark goes to the one row that shows its key."""
    counted = Counter(_mark(row).key for row in torn)
    marks = {_mark(row).key: _mark(row) for row in torn if counted[_mark(row).key] == 1}
    marks |= {key: place.mark for key, place in found.cleared.items() if place.mark is not None and key not in counted}
    shown = Counter(row.key for row in rows)
    marked = {row.row for row in torn}
    for row in rows:
        key = row.key
        if key is None or key not in marks or key in found.rows or shown[key] > 1:
            continue
        if row.row in marked or key in known:
            found.rows[key] = Located(row, marks[key], Repair.MARK)
            found.unsure = True


def _take_shown(
    found: Identity, begun: Sequence[ObservedRow], known: Container[RowKey], last_row: Mapping[RowKey, int]
) -> None:
    """A key that had a row, lost its mark, and now stands in a row that was a person's new one."""
    for row in begun:
        key = row.key
        if key is not None and key in known and key in last_row and key not in found.rows:
            found.rows[key] = Located(row, None, Repair.MARK)
            found.unsure = True


def _take_begun(found: Identity, begun: Sequence[tuple[ObservedRow, NewRow]], taken: Container[int]) -> dict[str, bool]:
    """People's new rows. Gives the tokens that stand in other rows than their own, and whether these are blank."""
    freed: dict[str, bool] = {}
    for row, mark in begun:
        if row.row in taken:
            freed[mark.token] = False
        elif row.blank:
            found.strays.append(row)
            freed[mark.token] = True
        elif mark.token in found.tokens:
            found.new.append(row)
        else:
            found.tokens[mark.token] = row
    return {token: blank for token, blank in freed.items() if token not in found.tokens}


def _return_tokens(found: Identity, freed: Mapping[str, bool], contents: Mapping[str, Digest]) -> None:
    """A token that stands nowhere, or in another row than its own, goes where its content is; where another row stands in
    its place, else to any new row that was not hit."""
    free = [row for row in found.new if all(row is not hit for hit in found.hit)]
    by_content = {row_content(row): row for row in free}
    for token in freed:
        row = by_content.pop(contents.get(token, ""), None)
        if row is not None:
            _give_token(found, token, row)
            free.remove(row)
    for token, blank in freed.items():
        if not blank and token not in found.tokens and free:
            _give_token(found, token, free.pop(0))


def _give_token(found: Identity, token: str, row: ObservedRow) -> None:
    found.tokens[token] = row
    found.moved_tokens.add(token)
    found.new.remove(row)


def _take_agreeing(found: Identity, key: RowKey, candidates: list[ObservedRow], last_row: Mapping[RowKey, int]) -> None:
    chosen = next((row for row in candidates if row.row == last_row.get(key)), candidates[0])
    found.rows[key] = Located(chosen, _mark(chosen))
    others = [row for row in candidates if row is not chosen]
    found.copies.extend(others)
    found.unsure = found.unsure or bool(others)


def _take_pasted_over(found: Identity, known: Container[RowKey], last_row: Mapping[RowKey, int]) -> None:
    # A copy that is marked as one was seen before, beside the row that is missing now: it only moved up.
    fresh = {row.row: row for row in found.copies if isinstance(row.mark, Mark)}
    for key, at in last_row.items():
        if at in fresh and key in known and key not in found.rows and key not in found.cleared:
            found.rows[key] = Located(fresh[at], None, Repair.WHOLE)
            found.copies.remove(fresh.pop(at))
            found.unsure = True


def _take_torn(found: Identity, rest: Sequence[ObservedRow], torn: Sequence[ObservedRow], known: Container[RowKey]) -> None:
    by_key = {_mark(row).key: _mark(row) for row in torn}
    for row in rest:
        if _mark(row).key in found.rows and row.key is not None and row.key in known and row.key not in found.rows:
            found.rows[row.key] = Located(row, None, Repair.MARK)
    taken = {place.row.row for place in found.rows.values()}
    rest = [row for row in rest if row.row not in taken]
    left = [key for key in by_key if key not in found.rows]
    if len(rest) == 1 and len(left) == 1 and _mark(rest[0]).key != left[0]:
        found.rows[left[0]] = Located(rest[0], by_key[left[0]], Repair.KEY)
        return
    for row in rest:
        _take_unlike(found, row, known)


def _take_unlike(found: Identity, row: ObservedRow, known: Container[RowKey]) -> None:
    own = _mark(row).key
    if own in found.rows:
        found.new.append(row)
    elif row.key is not None and row.key in known and row.key in found.rows:
        found.rows[own] = Located(row, _mark(row), Repair.WHOLE)
    else:
        found.rows[own] = Located(row, _mark(row), Repair.KEY)


def _take_unmarked(found: Identity, row: ObservedRow, known: Container[RowKey]) -> None:
    key = row.key
    if row.damaged:
        found.unsure = True
    if key is not None and key in known and key not in found.rows:
        left_behind = found.cleared.get(key)
        found.unsure = True
        found.rows[key] = Located(row, left_behind.mark if left_behind else None, Repair.MARK)
    elif row.blank:
        found.strays.append(row)
    elif isinstance(row.mark, CopiedRow) and row.mark.key == key:
        found.copies.append(row)
    else:
        found.new.append(row)


def _mark(row: ObservedRow) -> Mark:
    if not isinstance(row.mark, Mark):
        raise TypeError(f"row {row.row} has no mark")
    return row.mark
