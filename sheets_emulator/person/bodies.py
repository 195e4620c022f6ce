"""The bodies of the person API. Cells and ranges are in A1 notation, rows are counted from 1, columns have their letters."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Row = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=1, le=100_000)]


class Body(BaseModel):
    """Unknown names are refused, so that a misspelt one is not taken for nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TypeText(Body):
    """Text as typed at a keyboard: `5`, `=A1+1`, `12/31/2025`, `'5`."""

    cell: str
    text: str


class Paste(Body):
    """A block of texts from the clipboard; each is read as if it were typed."""

    cell: str
    values: list[list[str]] = Field(min_length=1)


class Fill(Body):
    """Copies `source` over `target` by dragging: repeated as often as needed, formulas shifted."""

    source: str
    target: str


class Cells(Body):
    """A range."""

    range: str


class Note(Body):
    """A cell's note; an empty text takes it away."""

    cell: str
    text: str


class InsertRows(Body):
    """Blank rows, `before` a row (formatted as it) or `after` one."""

    before: Row | None = None
    after: Row | None = None
    count: Count = 1

    @model_validator(mode="after")
    def _is_one_place(self) -> "InsertRows":
        if (self.before is None) == (self.after is None):
            raise ValueError("give either 'before' or 'after'")
        return self


class Rows(Body):
    """Whole rows."""

    rows: list[Row] = Field(min_length=1)


class MoveRows(Body):
    """Neighbouring rows, dragged to before another one."""

    rows: list[Row] = Field(min_length=1)
    before: Row


class CopyRows(Body):
    """Whole rows, hidden columns included, pasted from row `to` on: over what is there, or (`insert`) between."""

    rows: list[Row] = Field(min_length=1)
    to: Row
    insert: bool = False


class HideRows(Body):
    """Rows to hide or to show."""

    rows: list[Row] = Field(min_length=1)
    hidden: bool = True


class InsertColumns(Body):
    """Blank columns before one."""

    before: str
    count: Count = 1


class Columns(Body):
    """Whole columns."""

    columns: list[str] = Field(min_length=1)


class HideColumns(Body):
    """Columns to hide or to show."""

    columns: list[str] = Field(min_length=1)
    hidden: bool = True


class Sort(Body):
    """The whole tab by a column; frozen rows stay."""

    column: str
    descending: bool = False


class SortRange(Body):
    """A selected range by one of its columns; what is outside of it stays."""

    range: str
    column: str
    descending: bool = False


class Rename(Body):
    """A tab's new title."""

    title: str


class Hide(Body):
    """Whether the tab is hidden."""

    hidden: bool = True


class Empty(Body):
    """Nothing."""


class ScriptFiles(Body):
    """The files of the Apps Script, as `clasp push` would send them."""

    files: dict[str, str] = Field(min_length=1)


class RunFunction(Body):
    """A function of the script, and what it is given."""

    function: str = Field(min_length=1)
    arguments: list[object] = []
