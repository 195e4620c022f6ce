"""What was measured, and how it is shown: on the screen and in the README."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from tabstream.errors import OperatorError
from tabstream.operations.measuring.percentiles import Spread, milliseconds

_BEGIN = "<!-- figures:begin"
_END = "<!-- figures:end -->"
TITLES = ("what", "measured", "samples", "aim")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line; `samples` is blank where a figure is no percentile."""

    what: str
    measured: str
    samples: str = ""
    aim: str = ""


def of_spread(what: str, spread: Spread | None, aim: str = "", remark: str = "") -> Figure:
    """A line with percentiles."""
    if spread is None:
        return Figure(what, "nothing was measured", "0", aim)
    times = f"p50 {milliseconds(spread.p50)}, p99 {milliseconds(spread.p99)}, longest {milliseconds(spread.longest)}"
    samples = f"{spread.count:,}" if spread.enough else f"{spread.count:,}, too few for a p99"
    return Figure(what, f"{times}{remark}", samples, aim)


def as_table(figures: Sequence[Figure]) -> Table:
    """The figures for a terminal."""
    table = Table(*TITLES)
    for figure in figures:
        table.add_row(figure.what, figure.measured, figure.samples, figure.aim)
    return table


def as_markdown(figures: Sequence[Figure]) -> str:
    """The figures as a table in Markdown."""
    head = [f"| {' | '.join(TITLES)} |", "|---" * len(TITLES) + "|"]
    return "\n".join([*head, *(f"| {f.what} | {f.measured} | {f.samples} | {f.aim} |" for f in figures)])


def replaced(document: str, figures: Sequence[Figure]) -> str:
    """A document with the figures between its markers; ValueError if it has none."""
    before, begin, rest = document.partition(_BEGIN)
    inside, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"there is no place for figures: no {_BEGIN} ... {_END}")
    return f"{before}{begin}{inside.partition(chr(10))[0]}\n{as_markdown(figures)}\n{end}{after}"


def write_into(path: Path, figures: Sequence[Figure]) -> None:
    """Writes the figures into a document; raises OperatorError where it has no place for them."""
    try:
        path.write_text(replaced(path.read_text(encoding="utf-8"), figures), encoding="utf-8")
    except (OSError, ValueError) as problem:
        raise OperatorError(f"{path}: {problem}", f"the lines between {_BEGIN} and {_END} are written") from problem
