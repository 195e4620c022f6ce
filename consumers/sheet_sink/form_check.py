"""Whether a table's topic is written in a form that is read, found out before anything of it is shown."""

from collections.abc import Sequence

from consumers.sheet_sink.inbox import RawMessage
from tabstream.core.binding import TableShape
from tabstream.core.envelopes import KEYS
from tabstream.errors import BindingProblem, FormRefused, Poison, UnknownForm
from tabstream.kafka.events import Events

_OTHER_REGISTRY = "TABSTREAM_SCHEMA_REGISTRY_URL must be the registry that the connector's converters use"


def require_readable(messages: Sequence[RawMessage], topic: str, shape: TableShape, events: Events) -> None:
    """Raises BindingProblem where none of these messages can be read, FormRefused where a column loses something."""
    if messages and not any(raw.key for raw in messages):
        raise BindingProblem(f"topic {topic!r} carries messages without keys", KEYS)
    problems: list[Exception] = []
    for raw in messages:
        try:
            events.key(raw.key, topic, shape)
            if raw.value is not None:
                events.change(raw.value, topic, shape)
        except FormRefused as refused:
            refused.at = raw.partition, raw.offset
            raise
        except (Poison, KeyError, TypeError, ValueError, ArithmeticError) as unreadable:
            problems.append(unreadable)
    if not problems or len(problems) < len(messages):
        return  # single ones are dead letters
    form = next((problem for problem in problems if isinstance(problem, UnknownForm)), None)
    if form is not None:
        raise BindingProblem(f"topic {topic!r} carries {form.what}", form.remedy)
    raise BindingProblem(f"no message of topic {topic!r} can be read: {problems[-1]}", _OTHER_REGISTRY)
