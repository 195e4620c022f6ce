"""Bringing the demo up: stack, table, spreadsheet, script, binding. What is there already is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from tabstream.errors import OperatorError
from tabstream.local import stack
from tabstream.local.state import State
from tabstream.operations.demo.binding import bound_spreadsheet, write_binding
from tabstream.operations.demo.emulator import Emulator
from tabstream.operations.demo.google import TAB, create_spreadsheet
from tabstream.operations.demo.person import Person
from tabstream.operations.demo.table import ensure_table

TRIGGER_DELAY_MS = 1_000
QUEUE_LIMIT = 2

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo is."""

    state: State
    database_url: str
    sheets_url: str
    person_url: str
    spreadsheet_id: str


def install(state: State, say: Say) -> Place:
    """Starts the stack and sets the demo up in it; returns once all parts run. Raises OperatorError with a remedy."""
    is_new: bool | None = None
    in_time = False

    def told(text: str) -> None:
        """Binds as soon as there is a database and a spreadsheet server, while the slower parts still start."""
        nonlocal is_new, in_time
        say(text)
        if is_new is None and _can_bind(state):
            is_new = _bind(state, say)
            in_time = _condition(state, "connector") == "waiting"

    stack.up(state, told)
    if is_new is None:
        is_new = _bind(state, say)
    if is_new and not in_time:
        for name in ("connector", "producer", "sheet-sink", "database-sink"):
            stack.control(state, "restart", name)
            say(f"{name}: knows the table")
    place = _place(state)
    _as_google_would(place)
    return place


def _can_bind(state: State) -> bool:
    if not stack.is_up(state) or _condition(state, "connector") != "waiting":
        return False
    return all(_condition(state, name) in ("ready", None) for name in ("postgres", "emulator"))


def _bind(state: State, say: Say) -> bool:
    """Makes what is missing of table, spreadsheet and binding; True if there was no binding. The script is told again
    where the producer is, which may have moved."""
    found = stack.environment(state)
    rows = ensure_table(found["database_url"])
    say(f"the table leads has {rows} rows")
    spreadsheet_id = bound_spreadsheet(state.bindings_file)
    is_new = spreadsheet_id is None
    if spreadsheet_id is None:
        spreadsheet_id = create_spreadsheet(found["sheets_url"])
        write_binding(state.bindings_file, spreadsheet_id)
    _install_script(_place(state), found["producer_url"])
    say("the spreadsheet has its Apps Script")
    return is_new


def _place(state: State) -> Place:
    found = stack.environment(state)
    spreadsheet_id = bound_spreadsheet(state.bindings_file)
    if spreadsheet_id is None:
        raise OperatorError(f"{state.bindings_file} binds nothing any more", "run the demo again")
    return Place(state, found["database_url"], found["sheets_url"], found["person_url"], spreadsheet_id)


def _condition(state: State, name: str) -> str | None:
    """What a service is doing; None where the stack has no such part."""
    return next((str(s["condition"]) for s in stack.status(state) if s["name"] == name), None)


def script_files() -> dict[str, str]:
    """The Apps Script of a bound spreadsheet, by file names."""
    scripts = files("sheet_producer").joinpath("apps_script")
    return {name: scripts.joinpath(name).read_text(encoding="utf-8") for name in ("Code.gs", "appsscript.json")}


def _install_script(place: Place, producer_url: str) -> None:
    secret = place.state.producer_secret_file.read_text(encoding="utf-8").splitlines()[0].strip()
    person = Person(place.person_url, place.spreadsheet_id, TAB)
    try:
        person.put_script(script_files())
        person.run_script("install", producer_url, secret)
    finally:
        person.close()


def _as_google_would(place: Place) -> None:
    """Quotas on, triggers a second late, two events queued at most."""
    person = Person(place.person_url, place.spreadsheet_id, TAB)
    emulator = Emulator(place.sheets_url)
    try:
        person.settings(TRIGGER_DELAY_MS, QUEUE_LIMIT)
        emulator.settings(quotas=True, latency_ms=0)
    finally:
        person.close()
        emulator.close()
