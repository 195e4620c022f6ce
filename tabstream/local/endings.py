"""The end of a log or of a tool's output, for a message."""

import os
from pathlib import Path

_TAIL_BYTES = 64_000


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    if not path.exists():
        return "(no log)"
    return "\n".join(_last(path).splitlines()[-lines:])


def tail_of_failure(path: Path, lines: int = 15) -> str:
    """The last lines of a log that say why."""
    return telling(_last(path), lines) if path.exists() else "(no log)"


def telling(output: str, lines: int = 15) -> str:
    """The last lines that say something: without the frames of Java's stack traces."""
    said = [line for line in output.splitlines() if line.strip() and not line.startswith(("\tat ", "\t... "))]
    return "\n".join(said[-lines:]) or "(it said nothing)"


def _last(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
