"""The bindings file: which table belongs to which tab. `docs/bindings.md` is its reference.

Loading is all or nothing, and names everything that is wrong at once, each with its file and line.
"""

from pathlib import Path

from pydantic import ValidationError

from tabstream.bindings_entries import BindingEntry, BindingsEntry, ColumnEntry
from tabstream.bindings_problems import contradictions, in_words
from tabstream.core.binding import Binding, Bindings, ColumnChoice, Direction
from tabstream.errors import ConfigurationError
from tabstream.yaml_lines import Problem, parse


def load_bindings(path: Path | str) -> Bindings:
    """Reads and checks the file; raises ConfigurationError, one line for each thing that is wrong."""
    return read_bindings(read_text(Path(path)), str(path))


def read_text(path: Path) -> str:
    """The file's text, unchecked; raises ConfigurationError where it can't be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file: write it (docs/bindings.md), or set TABSTREAM_BINDINGS_FILE to where it is"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: can't be read as UTF-8 text: {error}") from None


def read_bindings(text: str, file_name: str) -> Bindings:
    """The same for text; `file_name` is what the messages call it."""
    document = parse(text)
    problems = list(document.problems)
    entry = None
    if document.data is None and not problems:
        problems.append(Problem(1, "the file is empty: it needs version, spreadsheets and bindings (docs/bindings.md)"))
    elif document.data is not None:
        try:
            entry = BindingsEntry.model_validate(document.data)
        except ValidationError as error:
            problems.extend(in_words(document, found) for found in error.errors())
        problems.extend(contradictions(document))
    if problems or entry is None:
        raise ConfigurationError("\n".join(f"{file_name}:{p.line}: {p.text}" for p in sorted(set(problems))))
    return _bindings(entry)


def _bindings(entry: BindingsEntry) -> Bindings:
    ids = {name: spreadsheet.id for name, spreadsheet in entry.spreadsheets.items()}
    return Bindings(tuple(_binding(b, ids[b.spreadsheet]) for b in entry.bindings), ids)


def _binding(entry: BindingEntry, spreadsheet_id: str) -> Binding:
    return Binding(
        name=entry.name,
        table=entry.table,
        spreadsheet=entry.spreadsheet,
        spreadsheet_id=spreadsheet_id,
        tab=entry.tab,
        direction=Direction(entry.direction),
        columns=None if entry.columns is None else tuple(_choice(column) for column in entry.columns),
        conflict=entry.conflict,
        updated_at=entry.updated_at,
        hold_above_share=entry.guard.hold_above_share,
        hold_above_count=entry.guard.hold_above_count,
        settle_seconds=entry.settle_seconds,
        sweep_seconds=entry.sweep_seconds,
        topic=entry.topic,
    )


def _choice(entry: ColumnEntry) -> ColumnChoice:
    return ColumnChoice(entry.name, entry.header, entry.type, entry.conflict, entry.formulas == "values", entry.read_only)
