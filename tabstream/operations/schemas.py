"""The schemas of our own topics: what the registry has of them, and whether this version fits beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tabstream.errors import OperatorError
from tabstream.kafka import own_schemas
from tabstream.kafka.registry import COMPATIBILITY, Registry, Version

REGISTER = "run: tabstream schemas register"


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject of ours. `registered` is the version of this tabstream's schema, None where it is not registered; `rule` is
    the subject's own compatibility rule, None where it has none."""

    subject: str
    schema: str
    versions: tuple[int, ...]
    registered: int | None
    rule: str | None
    incompatible_with: tuple[int, ...] = ()

    @property
    def problem(self) -> str | None:
        """What is wrong, None where this version of tabstream can read and write beside all others."""
        if self.incompatible_with:
            return f"this tabstream's schema is not compatible with {_versions(self.incompatible_with)}"
        if self.registered is None:
            return "this tabstream's schema is not registered"
        if self.rule != COMPATIBILITY:
            return f"its rule is {self.rule or 'the default of the registry'}, and must be {COMPATIBILITY}"
        return None

    @property
    def remedy(self) -> str | None:
        """What to do about the problem."""
        if self.problem is None:
            return None
        if self.incompatible_with:
            return "use a version of tabstream that fits; if somebody else registered that schema, delete it in the registry"
        return REGISTER


def read_subjects(registry: Registry, names: Mapping[str, str]) -> list[Subject]:
    """How the registry has each subject of `names`, which gives our schema's name; raises RegistryUnavailable."""
    return [_read_subject(registry, subject, name) for subject, name in names.items()]


def subject_named(names: Mapping[str, str], asked: str) -> str:
    """The subject that an operator means: `edit`, `tabstream.edits` and `tabstream.edits-value` are the same.

    Raises OperatorError for another.
    """
    for subject, name in names.items():
        if asked in (subject, subject.removesuffix("-value"), name):
            return subject
    raise OperatorError(f"{asked!r} is no schema of tabstream's own topics", f"choose one of: {', '.join(names.values())}")


def read_version(registry: Registry, subject: str, number: int | None) -> Version:
    """A version, or the newest; raises OperatorError where there is none, or RegistryUnavailable."""
    known = registry.versions(subject)
    if not known:
        raise OperatorError(f"the registry has no subject {subject!r}", REGISTER)
    wanted = known[-1] if number is None else number
    found = registry.version(subject, wanted) if wanted in known else None
    if found is None:
        raise OperatorError(f"{subject!r} has no version {wanted}", f"choose one of: {', '.join(map(str, known))}")
    return found


def _read_subject(registry: Registry, subject: str, name: str) -> Subject:
    schema: dict[str, Any] = own_schemas.load(name)
    versions = tuple(registry.versions(subject))
    if not versions:
        return Subject(subject, name, (), None, None)
    # Asked of each version, whatever the rule of the subject compares with.
    refused = tuple(number for number in versions if not registry.is_compatible(subject, schema, number))
    return Subject(subject, name, versions, registry.version_of(subject, schema), registry.rule(subject), refused)


def _versions(numbers: tuple[int, ...]) -> str:
    return f"version{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
