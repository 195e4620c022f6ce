"""The sample that is written when a binding is set up, and read back."""

import pytest

from consumers.sheet_sink import sample
from consumers.sheet_sink.scratch import SCRATCH_COLUMNS, SCRATCH_ROWS, SCRATCH_SHEET_ID
from tabstream.core.cells import ObservedCell
from tabstream.errors import BindingProblem
from tabstream.sheets import requests as build
from tabstream.sheets.answers import read_spreadsheet
from tabstream.sheets.fields import ROWS
from tabstream.sheets.ranges import grid_range
from tests.core.tabs import SHAPE
from tests.sheet_sink.desk import Desk

TEXTS = [
    {"id": "1", "name": "=1+1", "amount": "0.10"},
    {"id": "9223372036854775807", "name": " 007 ", "amount": None},
    {"id": "-3", "name": "'quoted", "amount": "99999999.99"},
]


def test_what_the_sheet_keeps_is_found_equal_and_the_pre_image_is_left_alone(leads: Desk) -> None:
    values = sample.values_of(TEXTS, SHAPE)
    leads.send(build.update_cells(SCRATCH_SHEET_ID, 0, 0, [[build.cell("a copy")]]))
    leads.send(*sample.write_requests(values, (SCRATCH_ROWS, SCRATCH_COLUMNS)))
    filters = [{"gridRange": grid_range(SCRATCH_SHEET_ID, (sample.FIRST_ROW, None), None)}]
    answer = leads.client.get_by_filter(leads.spreadsheet_id, filters=filters, fields=ROWS)
    tab = read_spreadsheet(answer.body).tab_by_id(SCRATCH_SHEET_ID)
    assert tab is not None
    sample.compare(values, tab.rows, SHAPE)
    after = leads.read().scratch()
    assert {at: cells[0].value for at, cells in after.items() if at < sample.FIRST_ROW and cells} == {0: "a copy"}


def test_a_value_that_comes_back_otherwise_is_named_with_its_column_bad() -> None:
    values = sample.values_of(TEXTS[:1], SHAPE)
    cells = [ObservedCell(1.0, "1"), ObservedCell(2.0, "2"), ObservedCell(0.1, "0.10")]
    with pytest.raises(BindingProblem, match=r"column 'name' \(text\): '=1\+1' reads back as '2'") as found:
        sample.compare(values, {sample.FIRST_ROW: cells}, SHAPE)
    assert "leave the column out" in found.value.remedy
