"""The watermark is read back as it was written, and doubted where it can't be true any more."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.watermark import Position, TopicMark, Watermark, decode_watermark, doubts, encode_watermark

DAY_MS = 86_400_000
MARK = Watermark(
    "leads",
    5,
    7,
    1_000,
    "Etc/GMT",
    TopicMark("t", {0: 9}, {0: 4}),
    TopicMark("r", {0: 3}),
    {"id": "bigint", "name": "text"},
    ('["a"]',),
    "en_US",
    "7/1/5",
)
NOW = Position("t", "r", 0, 2_000, "Etc/GMT", locale="en_US", table_identity="7/1/5", sequence=7)

OFFSETS = st.dictionaries(st.integers(0, 99), st.integers(-1, 2**63 - 1), max_size=5)
TOPICS = st.builds(TopicMark, st.text(), OFFSETS, OFFSETS, st.none() | st.integers(0, 2**63 - 1))
TEXTS = st.lists(st.text(), max_size=4).map(tuple)
MARKS = st.builds(
    Watermark,
    binding=st.text(),
    sheet_id=st.integers(0, 2**31),
    sequence=st.integers(0),
    written_ms=st.integers(0),
    zone=st.text(),
    table=TOPICS,
    results=TOPICS,
    columns=st.dictionaries(st.text(), st.text(), max_size=4),
    rewrite=TEXTS,
    parked=TEXTS,
    locale=st.text(),
    table_identity=st.text(),
)


@given(MARKS)
def test_a_watermark_is_read_back(mark: Watermark) -> None:
    assert decode_watermark(encode_watermark(mark)) == mark


@given(st.text() | st.from_type(int).map(str))
def test_other_text_is_no_watermark(text: str) -> None:
    assert decode_watermark(text) is None


@pytest.mark.parametrize(
    "change",
    [
        {"format": 3},
        {"format": 0},
        {"table": None},
        {"table": {"id": "t"}},
        {"results": {"id": "r", "offsets": [1]}},
        {"results": {"id": "r", "offsets": {"zero": 1}}},
        {"columns": None},
        {"table": {"id": "t", "offsets": {}, "snapshot": "x"}},
    ],
)
def test_a_damaged_watermark_is_none(change: dict[str, object]) -> None:
    data = json.loads(encode_watermark(MARK))
    assert decode_watermark(json.dumps(data | change)) is None
    assert all(decode_watermark(json.dumps({k: v for k, v in data.items() if k != name})) is None for name in data)


def test_a_watermark_of_before_truncates_were_kept_is_read() -> None:
    data = json.loads(encode_watermark(MARK))
    del data["table"]["truncated"]
    assert decode_watermark(json.dumps(data)) == replace(MARK, table=TopicMark("t", {0: 9}))


def test_nothing_is_doubted_where_all_is_as_it_was() -> None:
    assert doubts(MARK, NOW, 5) == []
    assert doubts(replace(MARK, results=TopicMark("r", {})), NOW, 5) == [], "nothing was to be shown yet"


@pytest.mark.parametrize(
    ("mark", "now", "sheet_id", "word"),
    [
        (None, NOW, 5, "no watermark"),
        (MARK, NOW, 6, "copied"),
        (MARK, replace(NOW, table_id="other"), 5, "table's topic"),
        (MARK, replace(NOW, results_id="other"), 5, "edit results is another"),
        (MARK, replace(NOW, results_start=5), 5, "gone from their topic"),
        (MARK, replace(NOW, zone="Europe/Berlin"), 5, "time zone"),
        (MARK, replace(NOW, now_ms=1_001 + 7 * DAY_MS), 5, "tombstones"),
        (MARK, replace(NOW, now_ms=1_001 + DAY_MS, keep_tombstones_ms=DAY_MS), 5, "tombstones"),
        (MARK, replace(NOW, locale="de_DE"), 5, "locale"),
        (MARK, replace(NOW, table_identity="7/2/5"), 5, "timeline"),
        (MARK, replace(NOW, sequence=8), 5, "older version"),
    ],
)
def test_each_doubt_says_what_has_changed(mark: Watermark | None, now: Position, sheet_id: int, word: str) -> None:
    (found,) = doubts(mark, now, sheet_id)
    assert word in found


def test_what_is_not_known_is_not_doubted() -> None:
    assert doubts(replace(MARK, locale="", table_identity=""), NOW, 5) == []
    assert doubts(MARK, replace(NOW, sequence=0), 5) == []


def test_a_doubt_begins_just_beyond_what_was_shown() -> None:
    assert doubts(MARK, replace(NOW, results_start=4), 5) == []
    assert doubts(MARK, replace(NOW, now_ms=1_000 + 7 * DAY_MS), 5) == []


def test_several_doubts_are_all_told() -> None:
    assert len(doubts(MARK, replace(NOW, table_id="x", results_id="y", zone="z"), 9)) == 4
