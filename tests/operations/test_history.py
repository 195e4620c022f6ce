"""The key of a row as a person gives it, and how far back the topics reach in words."""

import pytest

from tabstream.cli.history import reach_text
from tabstream.core.binding import TableShape
from tabstream.core.history import Kept
from tabstream.errors import OperatorError
from tabstream.operations.history import Reach, wanted_key
from tests.core.tabs import SHAPE, column

TWO = TableShape((column("no", "integer", False), column("country", "text", False), column("due", "date")), ("no", "country"))
NAMED = TableShape((column("code", "text", False),), ("code",))
DATED = TableShape((column("due", "date", False),), ("due",))


@pytest.mark.parametrize(
    ("text", "shape", "key"),
    [
        ("17", SHAPE, "[17]"),
        (" 17 ", SHAPE, "[17]"),
        ("[17]", SHAPE, "[17]"),
        ("17,DE", TWO, '[17,"DE"]'),
        ('[17, "Bonn, DE"]', TWO, '[17,"Bonn, DE"]'),
        ('["17", 5]', TWO, '[17,"5"]'),
        ("2026-11-24", DATED, "[46350]"),
        ("", NAMED, "[null]"),
    ],
)
def test_a_key_is_given_as_the_tab_shows_it(text: str, shape: TableShape, key: str) -> None:
    assert wanted_key(text, shape) == key


@pytest.mark.parametrize(
    ("text", "shape", "problem", "remedy"),
    [
        ("17", TWO, "the key has 2 columns", "<no>,<country>"),
        ("17,DE", SHAPE, "the key is the column id", "<id>"),
        ("abc", SHAPE, "is no key", "as the tab shows it"),
        ("", SHAPE, "'' is no key: id is empty", "as the tab shows it"),
        ("", DATED, "'' is no key: due is empty", "as the tab shows it"),
        (",DE", TWO, "',DE' is no key: no is empty", "as the tab shows it"),
    ],
)
def test_a_key_bad(text: str, shape: TableShape, problem: str, remedy: str) -> None:
    with pytest.raises(OperatorError, match=problem) as caught:
        wanted_key(text, shape)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("reach", "text"),
    [
        (Reach("t", None, None), "empty, or not there yet"),
        (Reach("t", 0, None), "its oldest message is of"),
        (Reach("t", 0, Kept(False, 7 * 86_400_000)), "kept for 7 d; its oldest"),
        (Reach("t", 0, Kept(False, None)), "kept for ever; its oldest"),
        (Reach("t", 0, Kept(True, None, 86_400_000)), "every version of the last 24 h; of older ones maybe but the newest"),
    ],
)
def test_how_far_back_a_topic_reaches_is_said(reach: Reach, text: str) -> None:
    assert text in reach_text(reach)
