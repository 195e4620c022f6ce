"""What a shell completes: names that are in the bindings file."""

from tabstream.errors import TabstreamError

_TOPICS = ("edits", "results", "signals", "status", "dead-letters")


def binding_names(incomplete: str) -> list[str]:
    """The bindings whose names begin like this. Where the file can't be read there are none: a shell has no place for a
    message."""
    from tabstream.bindings_file import load_bindings
    from tabstream.config import load_settings

    try:
        path = load_settings().bindings_file
        names = [binding.name for binding in load_bindings(path).bindings] if path else []
    except TabstreamError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def topic_names(incomplete: str) -> list[str]:
    """The short names of topics, and bindings, which name their tables' topics."""
    return [name for name in _TOPICS if name.startswith(incomplete)] + binding_names(incomplete)


def own_schemas(incomplete: str) -> list[str]:
    """The schemas of our own topics."""
    return [name for name in ("edit", "signal", "status") if name.startswith(incomplete)]
