"""Times from commit to cell: each change counts once, and an older one counts as shown with a newer."""

import time

import pytest

from tabstream.operations.demo.person import Grid
from tabstream.operations.demo.view import View
from tabstream.operations.measuring.arrivals import Arrivals, number_of, text_of


def tab(*notes: str) -> View:
    return View(Grid(1, [["lead_id", "notes"], *([str(n), note] for n, note in enumerate(notes, start=1))], []))


@pytest.mark.parametrize(("text", "number"), [(text_of(12), 12), ("12", None), ("", None), (None, None), ("change x", None)])
def test_only_numbered_texts_are_changes(text: str | None, number: int | None) -> None:
    assert number_of(text) == number


def test_a_change_is_timed_when_its_cell_shows_it() -> None:
    arrivals = Arrivals()
    arrivals.commit("1", 1)
    arrivals.commit("2", 2)
    now = time.time()
    arrivals.notice(tab("", "change 2"), now + 1)
    assert arrivals.missing() == 1
    assert not arrivals.wait(0)
    arrivals.notice(tab("change 1", "change 2"), now + 2)
    assert arrivals.wait(0)
    assert [round(sample / 1000) for sample in arrivals.samples()] == [1, 2]


def test_a_newer_change_of_a_cell_takes_the_older_ones_with_it() -> None:
    arrivals = Arrivals()
    for number in (1, 2, 3):
        arrivals.commit("1", number)
    arrivals.notice(tab("change 2"), time.time())
    assert (len(arrivals.samples()), arrivals.missing()) == (2, 1)


def test_an_older_change_does_not_count_for_a_newer() -> None:
    arrivals = Arrivals()
    arrivals.commit("1", 5)
    arrivals.notice(tab("change 4"), time.time())
    assert arrivals.missing() == 1
