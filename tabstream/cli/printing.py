"""What several commands print alike."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="print JSON for programs; times in milliseconds since 1970")]


def print_json(answer: Any) -> None:
    """Prints a value as indented JSON."""
    import orjson

    typer.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())


def print_json_line(answer: Mapping[str, Any]) -> None:
    """Prints a value as one line of JSON."""
    import orjson

    typer.echo(orjson.dumps(answer).decode())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints texts as a table; what is too long for the terminal goes on below, and nothing of it is lost."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(_safe(text)) for text in row))
    Console().print(table)


def print_text(text: str) -> None:
    """Prints text as it is, but for what would steer the terminal."""
    Console().print(_safe(text), markup=False, highlight=False, soft_wrap=True)


def plain(text: str) -> str:
    """Text for rich's markup that shows as it is, but for what would steer the terminal."""
    return escape(_safe(text))


def _safe(text: str) -> str:
    from tabstream.core.readable import printable

    return "\n".join(map(printable, text.split("\n")))
