"""Plans rendered into calls, applied to a real spreadsheet, and what the copies made on the way show."""

from dataclasses import replace
from typing import Any

import pytest

from consumers.sheet_sink.bound_tab import OpenAgain
from consumers.sheet_sink.columns import DROPPED_MESSAGE, change_columns
from consumers.sheet_sink.opening import without_sync
from consumers.sheet_sink.reading import Request, read
from consumers.sheet_sink.rendering import render
from consumers.sheet_sink.scratch import SCRATCH_SHEET_ID
from tabstream.core.binding import TableShape
from tabstream.core.columns import column_changes, described_columns
from tabstream.core.watermark import encode_watermark
from tabstream.sheets import requests as build
from tabstream.sheets.errors import FenceLost, InvalidRequest
from tests.core.tabs import SHAPE, column, desired, gone, key
from tests.sheet_sink.acts import written_late
from tests.sheet_sink.desk import METADATA_ID, Desk


def test_rows_are_shown_and_the_watermark_with_them(leads: Desk) -> None:
    leads.tab.consumed = {0: 3}
    leads.change(desired(1, "Ada", 1.5, 0), desired(2, "Bo", None, 0))
    leads.flush()
    assert leads.grid() == [["1", "Ada", "1.5", ""], ["2", "Bo", "", ""]]
    mark = leads.watermark()
    assert (mark.table.offsets, mark.sequence, mark.binding) == ({0: 2}, 1, leads.tab.binding.name)


def test_where_nobody_was_in_between_there_is_no_news(filled: Desk) -> None:
    assert filled.met() == []
    filled.change(desired(2, "Bob", 2.5, 0), gone(3, 0), desired(4, "Di", 4.0, 0))
    filled.flush()
    assert filled.grid() == [["1", "Ada", "1", "remark 1"], ["2", "Bob", "2.5", "remark 2"], ["4", "Di", "4", ""]]
    assert filled.met() == []


def test_an_edit_that_was_seen_before_the_write_is_no_news(filled: Desk) -> None:
    filled.person.act("type", cell="C3", text="22")
    filled.change(desired(2, "Bob", 2.0, 0))
    filled.flush()
    assert filled.grid()[1] == ["2", "Bob", "22", "remark 2"]
    assert filled.met() == []


def test_a_stale_fence_is_refused_and_changes_nothing(filled: Desk) -> None:
    filled.change(desired(1, "first", 1.0, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    mine, other = filled.render(reading, plan), filled.render(reading, plan)
    filled.client.batch_update(filled.spreadsheet_id, other.requests)
    version, grid, mark = filled.version(), filled.grid(), filled.watermark()
    with pytest.raises(FenceLost):
        filled.client.batch_update(filled.spreadsheet_id, mine.requests)
    assert (filled.version(), filled.grid(), filled.watermark()) == (version, grid, mark)
    assert filled.read().fence_batch == other.id


def test_a_header_that_was_renamed_in_between_makes_every_key_doubtful(filled: Desk) -> None:
    reading, plan = written_late(filled)
    filled.person.act("type", cell="B1", text="Name of the lead")
    filled.apply(filled.render(reading, plan), plan)
    (met,) = filled.met()
    assert met.keys == {key(1), key(2), key(3)}


def test_one_row_to_blame_is_named_when_rows_stand_apart(filled: Desk) -> None:
    filled.tab.isolate = True
    filled.change(desired(1, "x" * 50_001, 1.0, 0), desired(2, "fine", 2.0, 0))
    reading = filled.read()
    batch = filled.render(reading, filled.plan(reading))
    named = {origin.keys for origin in batch.origins if origin.keys}
    assert named == {(key(1),), (key(2),)}
    version = filled.version()
    with pytest.raises(InvalidRequest):
        filled.client.batch_update(filled.spreadsheet_id, batch.requests)
    assert filled.version() == version


def test_every_request_has_its_origin(filled: Desk) -> None:
    filled.change(desired(1, "new", 1.0, 0), gone(2, 0), desired(9, "added", 9.0, 0))
    reading = filled.read()
    batch = filled.render(reading, filled.plan(reading))
    assert len(batch.origins) == len(batch.requests)
    whose = {keys for origin in batch.origins for keys in origin.keys}
    assert whose == {key(1), key(2), key(9)}


def test_all_rows_can_go(filled: Desk) -> None:
    grid = {"sheetId": 0, "dimension": "ROWS", "startIndex": 4}
    filled.send({"deleteDimension": {"range": grid}})
    filled.send(
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 0, "gridProperties": {"frozenRowCount": 1}},
                "fields": "gridProperties.frozenRowCount",
            }
        }
    )
    filled.change(gone(1, 0), gone(2, 0), gone(3, 0))
    filled.flush()
    assert filled.grid() == []
    filled.change(desired(4, "Di", None, 0))
    filled.flush()
    assert filled.grid() == [["4", "Di", "", ""]]


def test_the_scratch_tab_grows_with_what_is_copied(empty_desk: Desk) -> None:
    empty_desk.set_up(scratch=(2, 2))
    rows = [desired(number, f"name {number}", None, 0) for number in range(1, 31)]
    empty_desk.change(*rows)
    empty_desk.flush()
    empty_desk.change(*(desired(number, "new", 1.0, 0) for number in range(1, 31)))
    batch = empty_desk.flush()
    assert [row[1] for row in empty_desk.grid()] == ["new"] * 30
    assert batch.descriptor.height == 32
    scratch = empty_desk.read().view.tab_by_id(SCRATCH_SHEET_ID)
    assert scratch is not None
    assert scratch.row_count >= 32
    assert empty_desk.met() == []


def test_what_does_not_fit_into_one_call_waits_for_the_next_and_the_watermark_with_it(leads: Desk) -> None:
    leads.tab.consumed = {0: 61}
    leads.change(*(desired(number, "x" * 49_000, None, 0) for number in range(1, 61)))
    batch = leads.flush()
    added = batch.parts[leads.tab.binding.name].added
    assert 0 < added < 60
    assert len(leads.grid()) == added
    assert leads.watermark().table.offsets == {0: added}
    leads.flush()
    assert [row[0] for row in leads.grid()] == [str(number) for number in range(1, 61)]
    assert leads.watermark().table.offsets == {0: 60}


def test_a_deleted_rows_unsaved_edit_is_told_on_the_header(filled: Desk) -> None:
    filled.person.act("type", cell="C3", text="22")
    filled.change(gone(2, 0))
    filled.flush()
    (cell,) = filled.read().tab(filled.tab).header[:1]
    assert "was deleted in the database; not saved: amount: 22" in cell.note


def test_what_was_typed_into_a_row_that_goes_is_told_under_its_key(filled: Desk) -> None:
    filled.change(gone(2, 0))
    reading = filled.read()
    plan = filled.plan(reading)
    filled.person.act("type", cell="C3", text="22")
    filled.apply(filled.render(reading, plan), plan)
    (met,) = filled.met()
    assert [(draft.row_key, [cell.value for cell in draft.cells]) for draft in met.drafts] == [(key(2), [22.0])]


def test_what_a_write_copied_is_later_than_all_that_the_read_before_it_showed(filled: Desk) -> None:
    filled.change(desired(2, "new", 2.0, 0))
    reading = filled.read()
    batch = filled.render(reading, filled.plan(reading))
    assert batch.descriptor.since_ms == reading.end_ms


def test_a_read_ends_after_the_one_before_it_however_wide_its_clock(filled: Desk) -> None:
    filled.change(desired(2, "new", 2.0, 0))
    reading = filled.read()
    late_ms = reading.end_ms + 60_000
    filled.apply(filled.render(replace(reading, end_ms=late_ms), filled.plan(reading)), filled.plan(reading))
    assert filled.read().end_ms == late_ms + 1
    requests = [Request(filled.tab, None)]
    again = read(filled.client, filled.spreadsheet_id, requests, None, filled.services, after_ms=late_ms + 9)
    assert again.end_ms == late_ms + 10


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"updateSpreadsheetProperties": {"properties": {"timeZone": "Asia/Tokyo"}, "fields": "timeZone"}}, "time zone"),
        ({"updateSpreadsheetProperties": {"properties": {"locale": "de_DE"}, "fields": "locale"}}, "locale"),
        (
            {"deleteDeveloperMetadata": {"dataFilter": {"developerMetadataLookup": {"metadataId": METADATA_ID}}}},
            "watermark is gone",
        ),
    ],
    ids=["zone", "locale", "watermark"],
)
def test_a_spreadsheet_that_is_another_now_is_opened_again(filled: Desk, change: dict[str, Any], word: str) -> None:
    filled.send(change)
    with pytest.raises(OpenAgain, match=word):
        filled.read().tab(filled.tab)


def test_a_tab_set_back_to_an_older_version_is_opened_again(filled: Desk) -> None:
    older = encode_watermark(filled.watermark())
    filled.change(desired(2, "Bob", 2.5, 0))
    filled.flush()
    filled.read().tab(filled.tab)
    filled.send(build.update_metadata(METADATA_ID, older))
    with pytest.raises(OpenAgain, match="older version"):
        filled.read().tab(filled.tab)


def test_a_bound_tab_without_its_sync_column_is_not_one_to_be_emptied(filled: Desk) -> None:
    filled.person.act("delete-columns", columns=["D"])
    view = filled.read().view.tab_by_id(0)
    assert view is not None
    assert "undo that" in without_sync(view, filled.tab.binding).remedy
    assert "empty the tab" in without_sync(view, replace(filled.tab.binding, name="another")).remedy


def test_a_change_of_most_of_a_tab_waits_with_a_note_on_the_header(leads: Desk) -> None:
    leads.change(*(desired(number, "Ada", 1.0, 0) for number in range(1, 31)))
    leads.flush()
    leads.person.act("paste", cell="B2", values=[["all the same"]] * 30)
    leads.flush()
    assert len(leads.tab.book.held) == 30
    assert "30 rows changed or deleted at once" in leads.read().tab(leads.tab).header[0].note
    leads.person.undo()
    leads.flush()
    assert not leads.tab.book.held
    assert leads.read().tab(leads.tab).header[0].note == ""


def test_without_fence_and_copies_the_rows_are_written_all_the_same(filled: Desk) -> None:
    settings = filled.services.settings.model_copy(update={"fence": False, "pre_image": False})
    unfenced = replace(filled.services, settings=settings)
    reading = read(filled.client, filled.spreadsheet_id, [Request(filled.tab, None)], None, unfenced)
    filled.change(desired(2, "Bob", 2.5, 0))
    plan = filled.plan(reading)
    batch = render("a batch", reading, [(filled.tab, plan, reading.tab(filled.tab))], 0, False)
    filled.apply(batch, plan)
    assert filled.grid()[1] == ["2", "Bob", "2.5", "remark 2"]
    assert not {"deleteProtectedRange", "copyPaste"} & {kind for request in batch.requests for kind in request}
    again = read(filled.client, filled.spreadsheet_id, [Request(filled.tab, None)], None, unfenced)
    assert (again.fence_batch, filled.met()) == ("a batch", [])


def test_columns_that_the_table_has_gained_lost_or_changed_are_brought_to_the_tab(filled: Desk) -> None:
    now = TableShape((SHAPE.by_name["id"], column("amount", "text"), column("phone", "text")), ("id",))
    changes = column_changes(described_columns(SHAPE), now)
    filled.send(*change_columns(0, filled.read().tab(filled.tab).header, changes))
    seen = filled.read().view.tab_by_id(0)
    assert seen is not None
    header = seen.rows[0]
    assert [cell.shown for cell in header[:6]] == ["id", "name", "amount", "phone", "_sync", "remark"]
    assert DROPPED_MESSAGE in header[1].note
    again = column_changes(described_columns(now), SHAPE)
    filled.send(*change_columns(0, header, again))
    seen = filled.read().view.tab_by_id(0)
    assert seen is not None
    assert [cell.shown for cell in seen.rows[0][:6]] == ["id", "name", "amount", "phone", "_sync", "remark"]
    assert [bool(cell.note) for cell in seen.rows[0][:4]] == [False, False, False, True]
