"""The door to the schema registry, through its Confluent-compatible API."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from tabstream.errors import Outage, TabstreamError

# Every process may be upgraded first, and topics are replayed from their start: each version has to read each other.
COMPATIBILITY = "FULL_TRANSITIVE"

# https://docs.confluent.io/platform/current/schema-registry/develop/api.html#get--schemas-ids-int--id
_SCHEMA_NOT_FOUND = 40403
_TIMEOUT_SECONDS = 5.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a subject as it is registered."""

    number: int
    schema_id: int
    schema: Any


class RegistryUnavailable(Outage):
    """The schema registry can't be reached, or gives no definite answer."""


class UnknownSchema(TabstreamError):
    """The registry has answered that it has no schema of this id."""


class SchemaRefused(TabstreamError):
    """The registry refuses a schema: it is not compatible with an earlier version, or not valid."""


class Registry:
    """A registry at `url` (its Confluent-compatible API). Thread-safe."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = SchemaRegistryClient({"url": url, "timeout": _TIMEOUT_SECONDS, "max.retries": 0})

    def close(self) -> None:
        """Gives the connection back; nothing can be asked any more."""
        self._client.close()

    def schema(self, schema_id: int) -> dict[str, Any]:
        """The Avro schema of this id; raises UnknownSchema or RegistryUnavailable."""
        try:
            text = self._client.get_schema(schema_id).schema_str
        except SchemaRegistryError as problem:
            if problem.http_status_code == 404 and problem.error_code == _SCHEMA_NOT_FOUND:
                raise self._unknown(schema_id) from problem
            raise self._unavailable(problem) from problem
        except Exception as problem:  # the client lets its HTTP library's errors through, and which library is its own choice
            raise self._unavailable(problem) from problem
        parsed = json.loads(text or "null")
        return parsed if isinstance(parsed, dict) else {"type": parsed}

    def register(self, subject: str, schema: dict[str, Any]) -> int:
        """The schema's id, registered under this subject if it is new; raises SchemaRefused or RegistryUnavailable."""
        try:
            schema_id = self._client.register_schema(subject, _avro(schema))
            # A registry may refuse a rule for a subject that it does not have yet, so the rule comes second.
            self._client.set_compatibility(subject, COMPATIBILITY)
        except SchemaRegistryError as problem:
            if problem.http_status_code in {409, 422}:
                raise SchemaRefused(f"the registry refuses the schema of {subject!r}: {problem}") from problem
            raise self._unavailable(problem) from problem
        except Exception as problem:  # as above
            raise self._unavailable(problem) from problem
        return schema_id

    def subjects(self) -> list[str]:
        """All subjects; raises RegistryUnavailable."""
        try:
            return list(self._client.get_subjects())
        except Exception as problem:  # as above
            raise self._unavailable(problem) from problem

    def versions(self, subject: str) -> list[int]:
        """The numbers of a subject's versions, none where there is no such subject; raises RegistryUnavailable."""
        return sorted(self._found(lambda: self._client.get_versions(subject)) or [])

    def version(self, subject: str, number: int) -> Version | None:
        """One version of a subject, None where there is none; raises RegistryUnavailable."""
        found = self._found(lambda: self._client.get_version(subject, number))
        if found is None:
            return None
        return Version(number, int(found.schema_id or 0), json.loads(found.schema.schema_str or "null"))

    def version_of(self, subject: str, schema: dict[str, Any]) -> int | None:
        """The version under which a schema is registered, None where it is not; raises RegistryUnavailable."""
        found = self._found(lambda: self._client.lookup_schema(subject, _avro(schema)))
        return None if found is None else found.version

    def rule(self, subject: str) -> str | None:
        """The subject's own compatibility rule, None where it has none; raises RegistryUnavailable."""
        found = self._found(lambda: self._client.get_compatibility(subject))
        return None if found is None else str(found)

    def is_compatible(self, subject: str, schema: dict[str, Any], number: int) -> bool:
        """Whether the subject's rule allows a schema beside one of its versions; raises RegistryUnavailable."""
        return bool(self._found(lambda: self._client.test_compatibility(subject, _avro(schema), number)))

    def _found(self, ask: Callable[[], _T]) -> _T | None:
        """The answer, None for what the registry does not have."""
        try:
            return ask()
        except SchemaRegistryError as problem:
            if problem.http_status_code == 404 and str(problem.error_code).startswith("404"):
                return None
            raise self._unavailable(problem) from problem
        except Exception as problem:  # as above
            raise self._unavailable(problem) from problem

    def _unknown(self, schema_id: int) -> TabstreamError:
        if self.subjects():
            return UnknownSchema(f"the registry has no schema with id {schema_id}")
        # Messages name schemas, so a registry without any has not loaded its data yet, lost it, or is not the right one.
        return RegistryUnavailable(f"the schema registry is empty, but messages use its schema {schema_id}")

    def _unavailable(self, problem: Exception) -> RegistryUnavailable:
        message = f"the schema registry gives no answer: {type(problem).__name__}: {problem}"
        if isinstance(problem, SchemaRegistryError) and problem.http_status_code == 404:
            message += "; TABSTREAM_SCHEMA_REGISTRY_URL must be its Confluent-compatible API, such as .../apis/ccompat/v7"
        return RegistryUnavailable(message)


def _avro(schema: dict[str, Any]) -> Schema:
    return Schema(json.dumps(schema), "AVRO")
