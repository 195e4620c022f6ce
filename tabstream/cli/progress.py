"""What a command does, told while it does it: a spinner, and a line for each thing that is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console

_UNDER_WAY = (": waiting", ": starting")


@contextmanager
def telling(console: Console, first: str) -> Iterator[Callable[[str], None]]:
    """A function that tells what is under way; what is done stays on a line of its own, with the seconds until then."""
    began = monotonic()
    with console.status(first) as spinner:

        def say(text: str) -> None:
            spinner.update(text)
            if not text.endswith(_UNDER_WAY):
                console.print(f"[dim]{monotonic() - began:5.1f} s[/dim]  {text}", highlight=False)

        yield say


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function that tells how many of how many are done, on standard error while that is a terminal."""
    with Console(stderr=True).status(f"{what} …") as spinner:
        yield lambda done, total: spinner.update(f"{what}: {done:,} of {total:,}")
