"""Marks survive the cell they are kept in, and damage to them is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.cells import row_key
from tabstream.core.marks import CopiedRow, DamagedMark, Mark, MarkedCell, NewRow, decode_mark, encode_mark

values = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
marks = st.builds(
    Mark,
    key=st.lists(values, min_size=1, max_size=3).map(row_key),
    partition=st.integers(0, 20),
    offset=st.integers(0, 2**40),
    cells=st.dictionaries(
        st.text(min_size=1), st.builds(MarkedCell, st.text("aZ0_-", min_size=8, max_size=8), st.integers(0, 2**40))
    ),
)


@given(marks)
def test_a_mark_reads_back_equal(mark: Mark) -> None:
    assert decode_mark(encode_mark(mark)) == mark


@given(marks, st.data())
def test_a_changed_character_is_noticed(mark: Mark, data: st.DataObject) -> None:
    text = encode_mark(mark)
    at = data.draw(st.integers(0, len(text) - 1))
    changed = text[:at] + chr((ord(text[at]) + 1) % 0xD7FF) + text[at + 1 :]
    with pytest.raises(DamagedMark):
        decode_mark(changed)


def test_a_new_row_is_known_by_its_token() -> None:
    assert decode_mark("new:8d0c") == NewRow("new:8d0c")
    assert encode_mark(NewRow("new:8d0c")) == "new:8d0c"


def test_a_copy_is_known_by_the_key_of_its_row() -> None:
    assert decode_mark('copy:["ä",1]') == CopiedRow('["ä",1]')
    assert encode_mark(CopiedRow('["ä",1]')) == 'copy:["ä",1]'


def test_an_empty_cell_has_no_mark() -> None:
    assert decode_mark(None) is None
    assert decode_mark("") is None


@pytest.mark.parametrize("text", ["hello", "t1:", "t1:AAAAAAAA:[[17],0,1,{}]", "t2:x:y"])
def test_marks_bad(text: str) -> None:
    with pytest.raises(DamagedMark):
        decode_mark(text)
