"""What happens to a tab in several tests of its writes."""

from consumers.sheet_sink.reading import Reading
from tabstream.core.changes import Desired
from tabstream.core.tabparts import TabPlan
from tests.core.tabs import desired, gone, key
from tests.sheet_sink.desk import Desk


def rename(desk: Desk, old: int, row: Desired) -> None:
    """The database changes the key of a row."""
    desk.change(gone(old, 0), row)
    desk.tab.book.renamed(key(old), row.key)


def written_late(desk: Desk) -> tuple[Reading, TabPlan]:
    """A read, and a plan that gives Bo a new name."""
    desk.change(desired(2, "new", 2.0, 0))
    reading = desk.read()
    return reading, desk.plan(reading)


def hit_ada(filled: Desk) -> None:
    """A change of Bo's name is written into the row of Ada."""
    reading, plan = written_late(filled)
    filled.person.act("insert-rows", before=2)
    filled.apply(filled.render(reading, plan), plan)
