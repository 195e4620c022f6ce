"""Figures are printed and written where a document has a place for them."""

import pytest

from tabstream.operations.benchmark.figure import Figure, as_markdown, of_spread, replaced
from tabstream.operations.measuring.percentiles import Spread

DOCUMENT = "before\n<!-- figures:begin, by a command -->\nold\n<!-- figures:end -->\nafter\n"
FIGURES = [Figure("speed", "12 ms", "200", "fast")]


def test_figures_replace_those_of_the_last_time() -> None:
    once = replaced(DOCUMENT, FIGURES)
    assert once == (
        "before\n<!-- figures:begin, by a command -->\n"
        "| what | measured | samples | aim |\n|---|---|---|---|\n| speed | 12 ms | 200 | fast |\n"
        "<!-- figures:end -->\nafter\n"
    )
    assert replaced(once, FIGURES) == once


@pytest.mark.parametrize("document", ["", "no place\n", "<!-- figures:begin -->\nno end"])
def test_a_document_without_a_place_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match="no place for figures"):
        replaced(document, FIGURES)


def test_too_few_samples_are_told() -> None:
    few, enough = of_spread("x", Spread(10, 1, 2, 3)), of_spread("x", Spread(200, 20, 30, 40))
    assert "too few" in few.samples
    assert (enough.measured, enough.samples) == ("p50 20 ms, p99 30 ms, longest 40 ms", "200")


def test_nothing_measured_is_told() -> None:
    assert "nothing was measured" in as_markdown([of_spread("x", None)])
