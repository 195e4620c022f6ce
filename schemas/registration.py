"""Registers the schemas of our own topics, each under `<topic>-value`, with the rule that later versions are held to."""

from dataclasses import dataclass

from tabstream.kafka import own_schemas
from tabstream.kafka.registry import Registry
from tabstream.kafka.topics import EDITS, SIGNALS, STATUS

SUBJECTS = {f"{EDITS}-value": "edit", f"{SIGNALS}-value": "signal", f"{STATUS}-value": "status"}


@dataclass(frozen=True, slots=True)
class Registered:
    """A schema of ours and the id that the registry gave it."""

    subject: str
    schema_id: int


def register_all(registry_url: str) -> tuple[Registered, ...]:
    """Registers what is not registered yet; raises SchemaRefused for an incompatible schema, or RegistryUnavailable."""
    registry = Registry(registry_url)
    return tuple(Registered(subject, registry.register(subject, own_schemas.load(name))) for subject, name in SUBJECTS.items())
