"""The body of `POST /edits`, as the Apps Script sends it. Fields that are not named here are ignored.

Cells are CellData objects: https://developers.google.com/sheets/api/reference/rest/v4/spreadsheets/cells#CellData
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator
from typing_extensions import TypedDict

from tabstream.errors import TabstreamError

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Index = Annotated[int, Field(ge=0, lt=2**31)]
Milliseconds = Annotated[int, Field(ge=0, lt=2**53)]


class MalformedPost(TabstreamError):
    """A body that is no POST of ours; the message names the field and what is allowed."""


SCRIPT_VERSION = 1
"""The version of `apps_script/Code.gs`; a script that names none is older."""


class ErrorData(TypedDict, total=False):
    """An error in a cell, such as REF."""

    type: str


class ValueData(TypedDict, total=False):
    """An ExtendedValue of the Sheets API."""

    numberValue: FiniteFloat
    stringValue: str
    boolValue: bool
    formulaValue: str
    errorValue: ErrorData


class CellData(TypedDict, total=False):
    """What we use of a CellData of the Sheets API."""

    userEnteredValue: ValueData
    effectiveValue: ValueData
    formattedValue: str


class Touched(BaseModel):
    """The edited range: 0-based, half-open."""

    model_config = ConfigDict(frozen=True)

    start_row: Index
    end_row: Index
    start_column: Index
    end_column: Index

    @model_validator(mode="after")
    def _is_a_range(self) -> "Touched":
        if self.end_row <= self.start_row or self.end_column <= self.start_column:
            raise ValueError("a range must end after it starts")
        return self


class PostedRow(BaseModel):
    """One row as it is now, from column A to the width of the header."""

    model_config = ConfigDict(frozen=True)

    row: Index
    values: list[CellData] = []


class Post(BaseModel):
    """One execution of a trigger."""

    model_config = ConfigDict(frozen=True)

    version: Literal[1]
    script_version: Index = 0
    id: Text
    spreadsheet_id: Text
    sheet_id: Index
    tab: Text
    zone: Text
    event: Literal["edit", "change", "poke"]
    change_type: str | None = None
    last_row: Index | None = None
    read_begin_ms: Milliseconds
    read_end_ms: Milliseconds
    touched: Touched | None = None
    header: list[CellData] = []
    rows: list[PostedRow] = []

    @model_validator(mode="after")
    def _is_an_interval(self) -> "Post":
        if self.read_end_ms < self.read_begin_ms:
            raise ValueError("read_end_ms must not be before read_begin_ms")
        return self


def parse_post(body: bytes) -> Post:
    """The POST in a body; raises MalformedPost."""
    try:
        return Post.model_validate_json(body)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{first['msg'][:1].lower()}{first['msg'][1:]}".removeprefix("value error, ")
        raise MalformedPost(f"{where}: {message}" if where else message) from None
