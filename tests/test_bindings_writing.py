"""Entries are added to the bindings file and taken out; everything that people wrote stays."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tabstream.bindings_file import load_bindings, read_bindings
from tabstream.bindings_writing import NewEntry, change_file, with_entry, without_entry
from tabstream.errors import ConfigurationError, OperatorError

COMMENTED = """\
# our bindings
version: 1
spreadsheets:
  crm: {id: a1}   # of sales
bindings:
  # the first
  - name: leads # ours
    table: leads

    spreadsheet: crm
    tab: Leads # by hand
# the end
"""
FLUSH = """\
version: 1
bindings:
- {name: leads, table: t, spreadsheet: crm, tab: A}
- name: two
  table: u
  spreadsheet: crm
  tab: |
    B
spreadsheets:
  crm: {id: a1}"""
FLOW = "version: 1\nspreadsheets: {crm: {id: a1}}\nbindings: [{name: leads, table: t, spreadsheet: crm, tab: A}]\n"
NONE_YET = "version: 1\nspreadsheets: {}\nbindings: [] # none yet\n"
TEXTS = {
    "commented": COMMENTED,
    "flush": FLUSH,
    "flow": FLOW,
    "none yet": NONE_YET,
    "windows": COMMENTED.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + COMMENTED,
}
EVERY = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
ENTRY = NewEntry(
    {
        "name": "new",
        "table": "public.t",
        "spreadsheet": "other",
        "tab": "2026-01-01: ü #1",
        "columns": ["id", {"name": "b", "header": "B: c"}],
    },
    "b2",
)


def names(text: str) -> list[str]:
    return [b.name for b in read_bindings(text.removeprefix("\ufeff"), "bindings.yaml").bindings]


@EVERY
def test_an_entry_is_added_last_and_every_line_that_was_there_stays(text: str) -> None:
    after = with_entry(text, ENTRY)
    assert names(after) == [*names(text), "new"]
    added = read_bindings(after.removeprefix("\ufeff"), "f").bindings[-1]
    assert (added.tab, added.spreadsheet_id, added.table) == ("2026-01-01: ü #1", "b2", "public.t")
    assert [c.header for c in added.columns or ()] == [None, "B: c"]
    kept = iter(after.splitlines())
    if text not in (FLOW, NONE_YET):
        assert all(line in kept for line in text.splitlines()), "lines stay, in their order"
    assert ("\r\n" in text) == ("\r\n" in after)
    assert "\n" not in after.replace("\r\n", "") or "\r\n" not in text


@EVERY
def test_taking_the_entry_out_again_leaves_the_file_with_its_comments(text: str) -> None:
    after = without_entry(with_entry(text, ENTRY), "new")
    assert names(after) == names(text)
    added = [line for line in after.splitlines() if line not in text.splitlines()]
    assert all("b2" in line or line in ("# none yet", "bindings: []") for line in added), added
    assert all(comment in after for comment in ("# our bindings", "# ours", "# the end") if comment in text)


@pytest.mark.parametrize("text", [COMMENTED, FLOW])
def test_the_only_entry_leaves_an_empty_list(text: str) -> None:
    after = without_entry(text, "leads")
    assert names(after) == []
    assert all(comment in after for comment in ("# our bindings", "# of sales", "# the end") if comment in text)


def test_the_first_of_two_is_taken_out() -> None:
    assert names(without_entry(FLUSH, "leads")) == ["two"]
    assert names(without_entry(with_entry(FLOW, ENTRY), "leads")) == ["new"]


def test_a_name_that_is_not_there_is_refused_bad() -> None:
    with pytest.raises(OperatorError, match="there is no binding 'nobody'"):
        without_entry(COMMENTED, "nobody")


def test_a_change_that_would_make_the_file_wrong_is_refused_and_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "bindings.yaml"
    path.write_text(COMMENTED, encoding="utf-8")
    twice = NewEntry({"name": "leads", "table": "t", "spreadsheet": "crm", "tab": "Other"})
    with pytest.raises(OperatorError, match=r"without making it wrong.*'leads' is there twice"):
        change_file(path, lambda text: with_entry(text, twice))
    assert path.read_text(encoding="utf-8") == COMMENTED
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_wrong_already_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "bindings.yaml"
    path.write_text(COMMENTED.replace("version: 1", "version: 2"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="version"):
        change_file(path, lambda text: with_entry(text, ENTRY))
    assert "new" not in path.read_text(encoding="utf-8")


def test_the_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "real.yaml", tmp_path / "bindings.yaml"
    target.write_text(COMMENTED, encoding="utf-8")
    target.chmod(0o640)
    link.symlink_to(target)
    change_file(link, lambda text: with_entry(text, ENTRY))
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [b.name for b in load_bindings(link).bindings] == ["leads", "new"]


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "bindings.yaml"
    path.write_text(COMMENTED, encoding="utf-8")

    def add(number: int) -> None:
        entry = NewEntry({"name": f"new-{number}", "table": "t", "spreadsheet": "crm", "tab": f"Tab {number}"})
        change_file(path, lambda text: with_entry(text, entry))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(24)))
    assert {b.name for b in load_bindings(path).bindings} == {"leads", *(f"new-{n}" for n in range(24))}
