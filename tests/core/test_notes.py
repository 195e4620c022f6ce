"""Notes of ours beside those of people."""

import pytest

from tabstream.core.notes import header_note

STORY = "row [7] was deleted in the database; not saved: name: Ada"
WAITS = "30 rows changed or deleted at once: not saved until the operators of tabstream confirm it"


@pytest.mark.parametrize(
    ("note", "stories", "held", "wanted"),
    [
        ("", [], 0, ""),
        ("", [], 30, f"[tabstream] {WAITS}"),
        ("", [STORY], 0, f"[tabstream] {STORY}"),
        ("", [STORY], 30, f"[tabstream] {STORY}; {WAITS}"),
        (f"[tabstream] {WAITS}", [], 0, ""),
        (f"[tabstream] {STORY}; {WAITS}", [], 0, f"[tabstream] {STORY}"),
        (f"[tabstream] {STORY}; {WAITS}", [], 30, f"[tabstream] {STORY}; {WAITS}"),
        (f"[tabstream] {STORY}", [], 0, f"[tabstream] {STORY}"),
        (
            "mine",
            [],
            1,
            "mine\n\n[tabstream] 1 row changed or deleted at once: not saved until the operators of tabstream confirm it",
        ),
        (f"mine\n\n[tabstream] {WAITS}", [], 0, "mine"),
        ("30 rows changed or deleted at once: mine", [], 0, "30 rows changed or deleted at once: mine"),
    ],
)
def test_the_header_tells_of_deleted_rows_and_of_what_waits(note: str, stories: list[str], held: int, wanted: str) -> None:
    assert header_note(note, stories, held) == wanted
