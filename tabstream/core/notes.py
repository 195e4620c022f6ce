"""Notes on cells: what tabstream tells the person there, beside what people wrote themselves.

A note of ours is a paragraph that starts with `[tabstream]` and stands last: a person's own note is never replaced.
"""

from tabstream.core.cells import CellValue, as_json_value
from tabstream.core.edits import Outcome

_OURS = "[tabstream] "


def with_message(note: str, message: str | None) -> str:
    """The note with our message appended in place of an earlier one of ours; None takes ours away."""
    own = note.partition(_OURS)[0].rstrip("\n")
    if message is None:
        return own
    return f"{own}\n\n{_OURS}{message}" if own else f"{_OURS}{message}"


def has_message(note: str) -> bool:
    """True where the note carries a message of ours."""
    return _OURS in note


def outcome_message(outcome: Outcome, typed: CellValue, reason: str | None) -> str | None:
    """What a person is told of the outcome of their edit; None where the cell shows it itself."""
    if outcome is Outcome.REJECTED:
        return f"not saved: {reason or 'the database refused it'} (you typed {_quoted(typed)})"
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
