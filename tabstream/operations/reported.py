"""The bindings as their owners have reported them."""

from tabstream.bindings_file import load_bindings
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.errors import OperatorError
from tabstream.kafka.messages import Status
from tabstream.kafka.status_topic import decode, read_newest, status_decoder
from tabstream.operations.status import is_unbound

_SECONDS = 5.0


def read_status(settings: Settings, binding: str) -> Status:
    """The newest status of a binding; raises Outage, or OperatorError where nobody has reported such a binding."""
    raw = read_newest(settings, _SECONDS)
    if binding not in raw:
        if binding in file_names(settings):
            raise OperatorError(f"no sheet sink has reported {binding!r} yet", "start one: tabstream run sheet-sink")
        known = ", ".join(sorted(raw)) or "none"
        raise OperatorError(f"no sheet sink has reported a binding {binding!r}", f"choose one of: {known}")
    statuses, unreadable = decode({binding: raw[binding]}, status_decoder(settings))
    if binding in unreadable:
        raise OperatorError(f"the status of {binding!r} can't be read: {unreadable[binding]}", "use the sheet sink's version")
    if is_unbound(statuses[0]):
        raise OperatorError(f"{binding!r} is not bound any more", "bring its entry back to the sheet sink's bindings file")
    return statuses[0]


def read_statuses(settings: Settings) -> list[Status]:
    """The newest status of every binding that is bound, by name; raises Outage, or OperatorError for one that can't be
    read."""
    raw = read_newest(settings, _SECONDS)
    statuses, unreadable = decode(raw, status_decoder(settings)) if raw else ([], {})
    if unreadable:
        name, reason = next(iter(unreadable.items()))
        raise OperatorError(f"the status of {name!r} can't be read: {reason}", "use the sheet sink's version")
    return sorted((status for status in statuses if not is_unbound(status)), key=lambda status: status.binding)


def file_names(settings: Settings) -> list[str]:
    """The names in the bindings file, none where there is no file; raises ConfigurationError for a wrong one."""
    return [b.name for b in load_bindings(settings.bindings_file).bindings] if settings.bindings_file else []


def binding_of(settings: Settings, name: str) -> Binding:
    """The entry of the bindings file, for what needs the database too; raises ConfigurationError, or OperatorError where
    there is no such entry."""
    settings.require("bindings_file", "database_url")
    bindings = load_bindings(settings.required_path("bindings_file"))
    binding = bindings.named(name)
    if binding is None:
        known = ", ".join(b.name for b in bindings.bindings)
        raise OperatorError(f"there is no binding {name!r} in the bindings file", f"choose one of: {known}")
    return binding
