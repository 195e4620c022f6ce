"""What is judged of the schema registry. Pure."""

from collections.abc import Iterator, Sequence

from tabstream.kafka.registry import COMPATIBILITY
from tabstream.operations.doctor.findings import Finding, Group, hand, ok, shell, warning, wrong
from tabstream.operations.schemas import Subject

CHECKS = ("reachable", "schema")
_REGISTRY = Group.REGISTRY
_REGISTER = shell("tabstream", "schemas", "register")


def judge(subjects: Sequence[Subject]) -> Iterator[Finding]:
    """Each of our subjects."""
    yield ok(_REGISTRY, "reachable", "it answers")
    for subject in subjects:
        yield _subject(subject)


def _subject(subject: Subject) -> Finding:
    name, problem = subject.subject, subject.problem
    if problem is None:
        return ok(_REGISTRY, "schema", f"registered, {COMPATIBILITY}", subject=name)
    if subject.incompatible_with:
        return wrong(_REGISTRY, "schema", problem, hand(subject.remedy or ""), subject=name)
    if subject.registered is None:
        said = f"{problem}; the process that writes it first will do so"
        return warning(_REGISTRY, "schema", said, _REGISTER, subject=name)
    return wrong(_REGISTRY, "schema", problem, _REGISTER, subject=name)
