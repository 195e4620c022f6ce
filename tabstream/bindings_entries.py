"""The shape of the bindings file, entry by entry: what may stand there, and what it means."""

import json
import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tabstream.core.binding import SCRATCH_TAB, SYNC_HEADER, ConflictRule, Direction
from tabstream.core.types.factory import TYPE_NAMES, is_known

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_TABLE = re.compile(r"[^.\s]+(?:\.[^.\s]+)?")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_SPREADSHEET_ADDRESS = re.compile(r"/d/([A-Za-z0-9_-]+)")
_RULES = tuple(rule.value for rule in ConflictRule)


def did_you_mean(wrong: str, allowed: tuple[str, ...]) -> str:
    """`did you mean 'both'? ` if one of the allowed words is close, else nothing."""
    close = get_close_matches(wrong, allowed, n=1)
    return f"did you mean {close[0]!r}? " if close else ""


def _checked(pattern: re.Pattern[str], wanted: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is not {wanted}")
        return text

    return AfterValidator(check)


def _known_type(name: str) -> str:
    if not is_known(name):
        word = name.partition("(")[0].partition("[")[0].strip()
        raise ValueError(
            f"{name!r} is not a column type: {did_you_mean(word, TYPE_NAMES)}"
            "allowed are PostgreSQL's names such as text, integer, numeric(10,2), timestamptz, jsonb, text[]"
        )
    return name


def _known_rule(name: str) -> str:
    if name not in _RULES and not _FUNCTION.fullmatch(name):
        raise ValueError(
            f"{name!r} is not a conflict rule: {did_you_mean(name, _RULES)}allowed are {', '.join(_RULES)}, "
            "or package.module:function for a rule of your own"
        )
    return name


def _known_direction(name: str) -> str:
    allowed = tuple(direction.value for direction in Direction)
    if name not in allowed:
        raise ValueError(f"{name!r} is not a direction: {did_you_mean(name, allowed)}allowed are {', '.join(allowed)}")
    return name


def _spreadsheet_id(text: str) -> str:
    if not _NAME.fullmatch(text):
        address = _SPREADSHEET_ADDRESS.search(text)
        instead = f"write {address[1]!r}" if address else "take what stands between /d/ and /edit in its address"
        raise ValueError(f"{text!r} is not the id of a spreadsheet: {instead}")
    return text


def _free_tab(text: str) -> str:
    if text == SCRATCH_TAB:
        raise ValueError(f"{text!r} is kept for tabstream's own use: bind another tab")
    return text


def _free_header(text: str) -> str:
    if text == SYNC_HEADER:
        raise ValueError(f"{text!r} is kept for tabstream's own use: give another header")
    return text


def _columns(value: Any) -> Any:
    """`all` as None, and a bare name as a column with nothing but a name."""
    if value == "all":
        return None
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a choice of columns: write all, or a list of names")
    if not value:
        raise ValueError("an empty list binds nothing: write all, or a list of names")
    return [{"name": item} if isinstance(item, str) else item for item in value]


Text = Annotated[str, Field(min_length=1)]
Rule = Annotated[str, AfterValidator(_known_rule)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ColumnEntry(_Entry):
    """One bound column."""

    name: Annotated[Text, Field(description="the column's name in the table")]
    type: Annotated[str, AfterValidator(_known_type)] | None = Field(
        None, description="the PostgreSQL type to show the column as, instead of its own"
    )
    header: Annotated[Text, AfterValidator(_free_header)] | None = Field(
        None, description="the text in row 1; the column's name if not given"
    )
    conflict: Rule | None = Field(None, description="the conflict rule of this column")
    formulas: Literal["values"] | None = Field(
        None, description="values: save what a formula shows; otherwise cells with formulas are not synced"
    )
    read_only: bool = Field(False, description="true: edits in the sheet are put back")


class GuardEntry(_Entry):
    """When rows that were deleted or changed at once wait for a confirmation."""

    hold_above_share: Annotated[float, Field(ge=0, le=1, description="share of the tab's rows, 0 to 1")] = 0.5
    hold_above_count: Annotated[int, Field(ge=0, description="number of rows")] = 1000


class BindingEntry(_Entry):
    """One table and one tab."""

    name: Annotated[
        str,
        _checked(_NAME, "a binding's name: use letters, digits, _ and - only"),
        Field(description="a name of your own, unique in the file; status, metrics and topics use it"),
    ]
    table: Annotated[
        str,
        _checked(_TABLE, "a table: write table or schema.table"),
        Field(description="table or schema.table"),
    ]
    spreadsheet: Annotated[Text, Field(description="one of the names under spreadsheets")]
    tab: Annotated[Text, Field(max_length=100), AfterValidator(_free_tab), Field(description="the tab's title")]
    direction: Annotated[str, AfterValidator(_known_direction)] = Field(
        Direction.BOTH.value, description=" | ".join(direction.value for direction in Direction)
    )
    columns: Annotated[
        list[ColumnEntry] | None,
        BeforeValidator(_columns, json_schema_input_type=Literal["all"] | list[str | ColumnEntry]),
        Field(description="all, or a list of names or columns, in the order of the tab"),
    ] = None
    conflict: Rule = Field(ConflictRule.LAST_WRITE_WINS.value, description=" | ".join(_RULES) + " | module:function")
    updated_at: Text | None = Field(None, description="the column that says when a row was changed, for last_write_wins")
    guard: GuardEntry = GuardEntry()
    settle_seconds: Annotated[float, Field(ge=0)] | None = Field(
        None, description="how long typing must rest before a new row is saved"
    )
    sweep_seconds: Annotated[float, Field(gt=0)] | None = Field(None, description="how often the whole tab is read")
    topic: Annotated[str, _checked(_TOPIC, "a topic's name")] | None = Field(
        None, description="the topic that a connector of your own streams the table to"
    )


class SpreadsheetEntry(_Entry):
    """One spreadsheet."""

    id: Annotated[str, AfterValidator(_spreadsheet_id), Field(description="what stands between /d/ and /edit in its address")]


class BindingsEntry(_Entry):
    """The whole file."""

    version: Annotated[Literal[1], Field(description="the version of this format, 1")]
    spreadsheets: Annotated[dict[Text, SpreadsheetEntry], Field(description="spreadsheets by a name of your own")]
    bindings: Annotated[list[BindingEntry], Field(description="the bindings; [] for none yet")]


def schema_text() -> str:
    """The file's JSON schema, which editors can check it with while it is written."""
    return json.dumps(BindingsEntry.model_json_schema(), indent=2) + "\n"
