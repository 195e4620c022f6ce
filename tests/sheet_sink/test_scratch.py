"""The scratch tab's own words are read back as they were written, and anybody else's as nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.sheet_sink.scratch import Block, Descriptor, block_rows, decode_descriptor, encode_descriptor
from tabstream.core.cells import ObservedCell

NUMBERS = st.integers(0, 100_000)
BLOCKS = st.builds(Block, st.text(), NUMBERS, NUMBERS, NUMBERS)


@given(st.builds(Descriptor, st.text(), st.lists(BLOCKS).map(tuple), NUMBERS))
def test_a_descriptor_is_read_back(descriptor: Descriptor) -> None:
    assert decode_descriptor(encode_descriptor(descriptor)) == descriptor


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "hello",
        7.0,
        True,
        "[]",
        "{}",
        '{"batch":"b"}',
        '{"batch":"b","blocks":[]}',
        '{"batch":"b","blocks":[["x",1]]}',
        '{"batch":"b","blocks":5}',
    ],
)
def test_other_content_is_no_descriptor(text: object) -> None:
    assert decode_descriptor(text) is None


def test_the_height_is_all_that_is_in_use() -> None:
    assert Descriptor("b", ()).height == 1
    assert Descriptor("b", (Block("one", 1, 3, 0), Block("two", 5, 2, 1))).height == 8


def test_a_block_tells_whose_each_copy_was_what_it_was_to_become_and_which_were_deleted() -> None:
    def line(*texts: str) -> list[ObservedCell]:
        return [ObservedCell(text or None, text) for text in texts]

    rows = {
        4: line("", "", "", "", "id", "name"),
        5: line("[1]", "[9]", "a", "b", "1", "Ada"),
        7: line("[3]", "", "c", "", "3"),
    }
    header, copies = block_rows(Block("leads", 4, 3, 1), rows)
    assert [cell.shown for cell in header] == ["id", "name"]
    assert [(c.at, c.meant, c.becomes, c.read, c.written, c.removed, [cell.shown for cell in c.cells]) for c in copies] == [
        (5, "[1]", "[9]", "a", "b", False, ["1", "Ada"]),
        (6, "", "", "", "", False, []),
        (7, "[3]", "", "c", "", True, ["3"]),
    ]
