"""Notes on cells: what tabstream tells the person there, beside what people wrote themselves.

A note of ours is a paragraph that starts with `[tabstream]` and stands last: a person's own note is never replaced.
"""

import re
from collections.abc import Sequence

from tabstream.core.cells import CellValue, as_json_value
from tabstream.core.edits import Outcome

_OURS = "[tabstream] "
_NOT_SAVED = "not saved:"
_HELD = re.compile(r"(?:; )?\d+ rows? changed or deleted at once:[^;]*")


def with_message(note: str, message: str | None) -> str:
    """The note with our message appended in place of an earlier one of ours; None takes ours away."""
    own = note.partition(_OURS)[0].rstrip("\n")
    if message is None:
        return own
    return f"{own}\n\n{_OURS}{message}" if own else f"{_OURS}{message}"


def has_message(note: str) -> bool:
    """True where the note carries a message of ours."""
    return _OURS in note


def says_not_saved(note: str) -> bool:
    """True where a message of ours says that what stands in the cell was refused."""
    return note.partition(_OURS)[2].startswith(_NOT_SAVED)


def header_note(note: str, stories: Sequence[str], held: int) -> str:
    """The note on the header of the key column: the last stories of deleted rows, and how many rows wait (0: none)."""
    own, ours, said = note.partition(_OURS)
    before = _HELD.sub("", said).strip("; ") if ours else ""
    parts = ["; ".join(stories) or before]
    if held:
        rows = "1 row" if held == 1 else f"{held} rows"
        parts.append(f"{rows} changed or deleted at once: not saved until the operators of tabstream confirm it")
    return with_message(own, "; ".join(part for part in parts if part) or None)


def outcome_message(outcome: Outcome, typed: CellValue, reason: str | None) -> str | None:
    """What a person is told of the outcome of their edit; None where the cell shows it itself."""
    if outcome is Outcome.REJECTED:
        return f"{_NOT_SAVED} {reason or 'the database refused it'} (you typed {_quoted(typed)})"
    if outcome is Outcome.LOST:
        return f"changed in the database at the same time; {reason or 'its value was kept'} (you typed {_quoted(typed)})"
    if outcome is Outcome.HELD:
        return f"waits for a decision: {reason or 'the database changed at the same time'} (you typed {_quoted(typed)})"
    return None


def _quoted(value: CellValue) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return f'"{as_json_value(value)}"'
