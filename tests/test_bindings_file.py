"""A right bindings file is loaded; a wrong one is refused with all that is wrong, each with its line and remedy."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.bindings_entries import schema_text
from tabstream.bindings_file import load_bindings, read_bindings
from tabstream.core.binding import Binding, ColumnChoice, Direction
from tabstream.errors import ConfigurationError

DOCS = Path(__file__).parent.parent / "docs"

SMALLEST = """\
version: 1
spreadsheets:
  crm: {id: 1AbC-x_y}
bindings:
  - {name: leads, table: leads, spreadsheet: crm, tab: Leads}
"""

FULL = """\
version: 1
spreadsheets:
  crm:
    id: 1AbC-x_y
  stock: {id: "2"}
bindings:
  - name: leads
    table: sales.leads
    spreadsheet: crm
    tab: Leads of 2026
    direction: database_to_sheet
    columns:
      - lead_id
      - {name: amount, type: "numeric(10,2)", header: Amount, conflict: hold, formulas: values, read_only: true}
    conflict: team.rules:pick
    updated_at: changed_at
    guard: {hold_above_share: 0.1, hold_above_count: 7}
    settle_seconds: 2
    sweep_seconds: 0.5
  - {name: parts, table: parts, spreadsheet: stock, tab: Parts, columns: all}
"""


def test_what_a_file_leaves_out_has_its_default() -> None:
    (binding,) = read_bindings(SMALLEST, "bindings.yaml").bindings
    assert binding == Binding("leads", "leads", "crm", "1AbC-x_y", "Leads")
    assert (binding.direction, binding.columns, binding.conflict) == (Direction.BOTH, None, "last_write_wins")
    assert (binding.hold_above_share, binding.hold_above_count) == (0.5, 1000)


def test_everything_that_a_file_says_is_in_the_binding() -> None:
    bindings = read_bindings(FULL, "bindings.yaml")
    leads, parts = bindings.bindings
    assert leads == Binding(
        name="leads",
        table="sales.leads",
        spreadsheet="crm",
        spreadsheet_id="1AbC-x_y",
        tab="Leads of 2026",
        direction=Direction.DATABASE_TO_SHEET,
        columns=(
            ColumnChoice("lead_id"),
            ColumnChoice("amount", "Amount", "numeric(10,2)", "hold", formulas=True, read_only=True),
        ),
        conflict="team.rules:pick",
        updated_at="changed_at",
        hold_above_share=0.1,
        hold_above_count=7,
        settle_seconds=2,
        sweep_seconds=0.5,
    )
    assert parts.columns is None
    assert bindings.spreadsheets == {"crm": "1AbC-x_y", "stock": "2"}


def test_bindings_are_found_by_name_tab_and_spreadsheet() -> None:
    bindings = read_bindings(FULL, "bindings.yaml")
    leads, parts = bindings.bindings
    assert bindings.named("parts") is parts
    assert bindings.named("nothing") is None
    assert bindings.by_tab("1AbC-x_y", "Leads of 2026") is leads
    assert bindings.by_tab("2", "Leads of 2026") is None
    assert bindings.of_spreadsheet("2") == (parts,)
    assert bindings.of_spreadsheet("3") == ()


def test_a_file_without_bindings_yet_is_right() -> None:
    assert read_bindings("version: 1\nspreadsheets: {}\nbindings: []\n", "b.yaml").bindings == ()


def test_a_byte_order_mark_and_anchors_are_read(tmp_path: Path) -> None:
    file = tmp_path / "bindings.yaml"
    file.write_text(
        SMALLEST.replace("- {name", "- &base {name") + "  - {<<: *base, name: more, tab: More}\n",
        encoding="utf-8-sig",
    )
    assert [b.tab for b in load_bindings(file).bindings] == ["Leads", "More"]


def test_a_tab_may_be_called_like_a_date() -> None:
    (binding,) = read_bindings(SMALLEST.replace("tab: Leads", "tab: 2026-01-31"), "b.yaml").bindings
    assert binding.tab == "2026-01-31"


def _with(line: str, instead: str) -> str:
    assert line in FULL
    return FULL.replace(line, instead)


BAD: list[tuple[str, int, str]] = [
    ("", 1, "the file is empty"),
    ("# nothing\n", 1, "the file is empty"),
    ("version: [1\n", 2, "not YAML"),
    ("version: 1\n\tbindings: []\n", 2, "not YAML"),
    ("version: 1\nbindings: '\x07'\n", 2, "not YAML: the character U+0007 is not allowed"),
    ("[" * 5000, 1, "not YAML"),
    ("version: 0b_\n", 1, "not YAML"),
    ("--- 1\n--- 2\n", 2, "not YAML"),
    ("- a\n", 1, "the file is ['a'], and must be keys with values"),
    ("version: 1\nspreadsheets: {}\n", 1, "key 'bindings' is missing: add it, the bindings; [] for none yet"),
    (_with("version: 1", "version: 2"), 1, "version is 2, and must be 1"),
    (
        _with("version: 1", "version: 1\nextra: 1"),
        2,
        "unknown key 'extra': allowed are version, spreadsheets, bindings",
    ),
    (_with("id: 1AbC-x_y", "id: https://docs.google.com/spreadsheets/d/1AbC/edit"), 4, "write '1AbC'"),
    (_with("id: 1AbC-x_y", "id: my sheet"), 4, "take what stands between /d/ and /edit in its address"),
    (_with('id: "2"', "id: 2"), 5, "spreadsheets 'stock': id is 2, and must be text: put it in quotes"),
    (_with('id: "2"', 'ID: "2"'), 5, "unknown key 'ID'"),
    (_with("name: leads\n", "name: my leads\n"), 7, "use letters, digits, _ and - only"),
    (_with("name: leads\n", "name: parts\n"), 20, "binding name 'parts' is there twice, first in line 7"),
    (_with("table: sales.leads", "table: crm.sales.leads"), 8, "write table or schema.table"),
    (_with("spreadsheet: crm", "spreadsheet: crn"), 9, "'crn' is not listed under spreadsheets: did you mean 'crm'?"),
    (_with("tab: Leads of 2026", "tab: 2026"), 10, "binding 'leads': tab is 2026, and must be text: put it in quotes"),
    (_with("tab: Leads of 2026", "tab: _tabstream"), 10, "kept for tabstream's own use: bind another tab"),
    (_with("    tab: Leads of 2026\n", ""), 7, "binding 'leads': key 'tab' is missing: add it, the tab's title"),
    (_with("direction: database", "direction: databse"), 11, "did you mean 'database_to_sheet'?"),
    (_with("direction: database", "direction: both\n    direction: database"), 12, "there twice, first in line 11"),
    (_with("direction:", "direcion:"), 11, "unknown key 'direcion': did you mean 'direction'? allowed are name, table"),
    (_with("- lead_id", "- amount"), 14, "binding 'leads': column 'amount' is there twice, first in line 13"),
    (_with("- lead_id", "- Amount"), 14, "binding 'leads': header 'Amount' is there twice, first in line 13"),
    (_with("- lead_id", "- _sync"), 13, "the header is kept for tabstream: give another one"),
    (_with("- lead_id", "- 5"), 13, "column number 1: columns is 5"),
    (_with("header: Amount", "header: _sync"), 14, "column 'amount': '_sync' is kept for tabstream's own use"),
    (_with("numeric(10,2)", "numerc(10,2)"), 14, "'numerc(10,2)' is not a column type: did you mean 'numeric'?"),
    (_with("conflict: hold", "conflict: holt"), 14, "'holt' is not a conflict rule: did you mean 'hold'?"),
    (_with("formulas: values", "formulas: value"), 14, "formulas is 'value', and must be 'values'"),
    (_with("read_only: true", "read_only: maybe"), 14, "read_only is 'maybe', and must be true or false"),
    (_with("team.rules:pick", "pick"), 15, "or package.module:function for a rule of your own"),
    (_with("hold_above_share: 0.1", "hold_above_share: 10"), 17, "hold_above_share is 10, and must be 1 or less"),
    (_with("hold_above_count: 7", "hold_above_count: 7.5"), 17, "hold_above_count is 7.5, and must be a whole number"),
    (_with("hold_above_count: 7", "hold: 7"), 17, "allowed are hold_above_share, hold_above_count"),
    (_with("settle_seconds: 2", "settle_seconds: soon"), 18, "settle_seconds is 'soon', and must be a number"),
    (_with("settle_seconds: 2", "settle_seconds: -2"), 18, "settle_seconds is -2, and must be 0 or more"),
    (_with("sweep_seconds: 0.5", "sweep_seconds: .inf"), 19, "sweep_seconds is inf"),
    (_with("columns: all", "columns: none"), 20, "'none' is not a choice of columns: write all, or a list of names"),
    (_with("columns: all", "columns: []"), 20, "an empty list binds nothing"),
    (_with("spreadsheet: stock, tab: Parts", "spreadsheet: crm, tab: Leads of 2026"), 20, "one binding only"),
]


@pytest.mark.parametrize(("text", "line", "words"), BAD)
def test_what_is_wrong_is_told_with_its_line_bad(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_bindings(text, "bindings.yaml")
    lines = str(refused.value).splitlines()
    assert [told for told in lines if told.startswith(f"bindings.yaml:{line}: ") and words in told], lines


def test_one_mistake_is_told_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_bindings(_with("direction: database_to_sheet", "direction: sideways"), "b.yaml")
    assert str(refused.value) == (
        "b.yaml:11: binding 'leads': 'sideways' is not a direction: allowed are both, database_to_sheet, sheet_to_database"
    )


def test_two_names_of_one_spreadsheet_do_not_hide_a_doubled_tab() -> None:
    text = SMALLEST.replace("bindings:", "  same: {id: 1AbC-x_y}\nbindings:")
    with pytest.raises(ConfigurationError, match="tab 'Leads of 1AbC-x_y' is there twice, first in line 6"):
        read_bindings(text + "  - {name: b, table: leads, spreadsheet: same, tab: Leads}\n", "b.yaml")


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = FULL.replace("version: 1", "version: one").replace("crm\n    tab", "cms\n    tab").replace("both", "bth")
    text = text.replace("name: parts", "name: leads").replace("sweep_seconds: 0.5", "sweep_second: 0.5")
    with pytest.raises(ConfigurationError) as refused:
        read_bindings(text, "b.yaml")
    lines = [int(told.split(":")[1]) for told in str(refused.value).splitlines()]
    assert lines == [1, 9, 19, 20]


def test_a_file_that_is_not_there_is_told_with_the_setting_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no such file.*TABSTREAM_BINDINGS_FILE"):
        load_bindings(tmp_path / "bindings.yaml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bindings.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="can't be read as UTF-8 text"):
        load_bindings(tmp_path / "bindings.yaml")
    with pytest.raises(ConfigurationError, match="can't be read"):
        load_bindings(tmp_path)


@given(st.text() | st.sampled_from(FULL.splitlines()).flatmap(lambda line: st.text().map(lambda new: _with(line, new))))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        read_bindings(text, "b.yaml")
    except ConfigurationError as refused:
        assert all(re.match(r"b\.yaml:\d+: ", told) for told in re.split(r"\n(?=b\.yaml:)", str(refused)))


def test_the_schema_for_editors_is_the_one_that_is_checked_here() -> None:
    written = json.loads((DOCS / "bindings.schema.json").read_text())
    assert written == json.loads(schema_text()), (
        "write it again: python -c 'from tabstream.bindings_entries import schema_text; print(schema_text(), end=\"\")'"
        " > docs/bindings.schema.json"
    )


def test_the_examples_in_the_documentation_load() -> None:
    examples = re.findall(r"```yaml\n(version.*?)```", (DOCS / "bindings.md").read_text(), re.DOTALL)
    assert examples
    for example in examples:
        assert read_bindings(example, "docs/bindings.md").bindings


def test_the_documentation_names_every_key() -> None:
    text = (DOCS / "bindings.md").read_text()
    schema = json.loads(schema_text())
    keys = {key for part in [schema, *schema["$defs"].values()] for key in part["properties"]}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []
