"""A tab that the format before was written to."""

import json

import pytest

from consumers.sheet_sink.opening import refuse_newer
from consumers.sheet_sink.scratch import SCRATCH_SHEET_ID
from tabstream.core.marks import Mark, decode_mark, encode_mark
from tabstream.core.watermark import FORMAT, METADATA_KEY, decode_watermark
from tabstream.errors import BindingProblem
from tabstream.sheets import requests as build
from tests.core.tabs import desired, key
from tests.sheet_sink.desk import HEADERS, METADATA_ID, Desk

SYNC = HEADERS.index("_sync")


def marks(desk: Desk) -> dict[int, str]:
    """The texts of the marks by row."""
    rows = desk.read().tab(desk.tab).cells
    return {n: str(cells[SYNC].value) for n, cells in rows.items() if n > 0 and len(cells) > SYNC and cells[SYNC].value}


def watermark_text(desk: Desk) -> str:
    seen = desk.read().view.tab_by_id(0)
    assert seen is not None
    [text] = [entry.value for entry in seen.metadata if entry.key == METADATA_KEY]
    return text


@pytest.fixture
def before(leads: Desk) -> Desk:
    """Two rows: marks that don't name the write, a watermark and a scratch tab of format 1."""
    leads.change(desired(1, "Ada", 1.5, 0), desired(2, "Bob", 2.5, 0))
    leads.flush()
    for row, text in marks(leads).items():
        mark = decode_mark(text)
        assert isinstance(mark, Mark)
        leads.send(build.update_cells(0, row, SYNC, [[build.cell(encode_mark(mark))]]))
    known = json.loads(watermark_text(leads)) | {"format": 1, "headers": ["id", "name", "amount"]}
    for name in ("columns", "locale", "table_identity", "rewrite"):
        known.pop(name)
    described = json.dumps({"batch": "b", "blocks": [["leads", 1, 2, 0]], "since_ms": 5})
    leads.send(
        build.update_metadata(METADATA_ID, json.dumps(known)),
        build.update_cells(SCRATCH_SHEET_ID, 0, 0, [[build.cell(described)]]),
    )
    return leads


def test_rows_are_recognised_and_nothing_is_written_for_the_upgrade_alone(before: Desk) -> None:
    reading = before.read()
    assert reading.descriptor is None
    plan = before.plan(reading)
    assert not plan.writes
    assert not plan.drafts


def test_what_a_person_typed_before_the_upgrade_is_reported(before: Desk) -> None:
    before.person.act("type", cell="B2", text="typed before")
    plan = before.plan(before.read())
    assert [(draft.row_key, draft.cells[0].value) for draft in plan.drafts] == [(key(1), "typed before")]


def test_the_next_write_brings_the_row_and_the_watermark_to_the_format_of_today(before: Desk) -> None:
    old = marks(before)
    before.change(desired(2, "Bea", 2.5, 0))
    before.flush()
    assert before.grid()[1][:2] == ["2", "Bea"]
    now = marks(before)
    assert now[1] == old[1]
    assert json.loads(now[2].split(":", 2)[2])[-1] == before.tab.place.sequence
    assert json.loads(watermark_text(before))["format"] == FORMAT


def test_a_tab_of_a_newer_format_is_left_alone_with_a_word(before: Desk) -> None:
    newer = json.dumps(json.loads(watermark_text(before)) | {"format": FORMAT + 1})
    assert decode_watermark(newer) is None
    before.send(build.update_metadata(METADATA_ID, newer))
    seen = before.read().view.tab_by_id(0)
    assert seen is not None
    with pytest.raises(BindingProblem, match=f"format {FORMAT + 1}, of a newer version"):
        refuse_newer(seen, before.tab.binding)
