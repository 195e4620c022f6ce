"""The door to the schema registry, through its Confluent-compatible API."""

import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from tabstream.config import RegistryAddress
from tabstream.errors import ConfigurationError, Outage, TabstreamError

# Every process may be upgraded first, and topics are replayed from their start: each version has to read each other.
COMPATIBILITY = "FULL_TRANSITIVE"

# https://docs.confluent.io/platform/current/schema-registry/develop/api.html#get--schemas-ids-int--id
_SCHEMA_NOT_FOUND = 40403
_TIMEOUT_SECONDS = 5.0
_CONVERTER_OF = {"PROTOBUF": "ProtobufConverter", "JSON": "JsonSchemaConverter"}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a subject as it is registered."""

    number: int
    schema_id: int
    schema: Any


class RegistryUnavailable(Outage):
    """The schema registry can't be reached, or gives no definite answer."""

    remedy = "start the schema registry, or correct TABSTREAM_SCHEMA_REGISTRY_URL"


class UnknownSchema(TabstreamError):
    """The registry has answered that it has no schema of this id."""


class OtherSchema(TabstreamError):
    """The registry's schema is not one of Avro, or can't be read without others."""


class SchemaRefused(TabstreamError):
    """The registry refuses a schema: it is not compatible with an earlier version, or not valid."""


class Registry:
    """A registry (its Confluent-compatible API). Thread-safe.

    Raises ConfigurationError for certificates that can't be read.
    """

    def __init__(self, address: RegistryAddress | str) -> None:
        if isinstance(address, str):
            address = RegistryAddress(address)
        self.url = address.url
        config: dict[str, Any] = {"url": address.url, "timeout": _TIMEOUT_SECONDS, "max.retries": 0}
        try:
            if address.ca_file is not None:
                config["ssl.ca.location"] = str(address.ca_file)
            self._client = SchemaRegistryClient(config)
        except OSError as problem:
            raise ConfigurationError(
                f"TABSTREAM_SCHEMA_REGISTRY_CA_FILE is {str(address.ca_file)!r}, which can't be read: {problem}"
            ) from None
        self._ca_file = config.get("ssl.ca.location")
        self._http: httpx.Client | None = None  # made where it is needed: reading the certificates takes a while

    def close(self) -> None:
        """Gives the connection back; nothing can be asked any more."""
        self._client.close()

    def schema(self, schema_id: int) -> dict[str, Any]:
        """The Avro schema of this id; raises UnknownSchema, OtherSchema or RegistryUnavailable."""
        try:
            found = self._client.get_schema(schema_id)
        except SchemaRegistryError as problem:
            if problem.http_status_code == 404 and problem.error_code == _SCHEMA_NOT_FOUND:
                raise self._unknown(schema_id) from problem
            raise self._unavailable(problem) from problem
        except Exception as problem:  # the client lets its HTTP library's errors through, and which library is its own choice
            raise self._unavailable(problem) from problem
        kind = found.schema_type or "AVRO"
        if kind != "AVRO":
            raise OtherSchema(f"messages of the {_CONVERTER_OF.get(kind, kind)}")
        if found.references:
            raise OtherSchema("Avro schemas that refer to others")
        return _parsed(found.schema_str or "null")

    def native(self, number: int, kind: str) -> dict[str, Any]:
        """The Avro schema by an id of Apicurio's own API; `kind` is globalIds or contentIds. Raises as `schema` does."""
        base, apis, _ = self.url.partition("/apis/")
        if not apis:
            raise OtherSchema("ids of Apicurio's own, for which TABSTREAM_SCHEMA_REGISTRY_URL must be .../apis/ccompat/v7")
        for version, whole in (("v2", {"dereference": "true"}), ("v3", {"references": "DEREFERENCE"})):
            self._http = self._http or httpx.Client(
                timeout=_TIMEOUT_SECONDS, verify=ssl.create_default_context(cafile=self._ca_file)
            )
            try:
                answer = self._http.get(f"{base}/apis/registry/{version}/ids/{kind}/{number}", params=whole)
            except httpx.HTTPError as problem:
                raise self._unavailable(problem) from problem
            if answer.status_code == 200:
                return _parsed(answer.text)
            if answer.status_code != 404:
                raise RegistryUnavailable(_refused(answer.status_code) or _answers(answer.status_code, f"{kind}/{number}"))
        raise self._unknown(number)

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
        if "CERTIFICATE_VERIFY_FAILED" in message:
            message += "; TABSTREAM_SCHEMA_REGISTRY_CA_FILE must hold the certificates that its own is signed with"
        if isinstance(problem, SchemaRegistryError) and (refused := _refused(problem.http_status_code)):
            return RegistryUnavailable(refused)
        if isinstance(problem, SchemaRegistryError) and problem.http_status_code == 404:
            message += "; TABSTREAM_SCHEMA_REGISTRY_URL must be its Confluent-compatible API, such as .../apis/ccompat/v7"
        return RegistryUnavailable(message)


def _refused(status: int) -> str | None:
    """Where the registry does not accept who asks."""
    if status not in (401, 403):
        return None
    return f"the schema registry refuses access ({status}): check the user and the password in TABSTREAM_SCHEMA_REGISTRY_URL"


def _answers(status: int, what: str) -> str:
    return f"the schema registry answers {status} for {what}"


def _avro(schema: dict[str, Any]) -> Schema:
    return Schema(json.dumps(schema), "AVRO")


def _parsed(text: str) -> dict[str, Any]:
    """An Avro schema; raises OtherSchema for what is recognised as another one."""
    try:
        parsed = json.loads(text)
    except ValueError:
        raise OtherSchema("messages with a schema that is not Avro") from None
    if isinstance(parsed, dict) and parsed.get("type") == "struct":
        raise OtherSchema("what Apicurio's ExtJsonConverter writes")
    if isinstance(parsed, dict) and "$schema" in parsed:
        raise OtherSchema("messages with a JSON schema")
    return parsed if isinstance(parsed, dict) else {"type": parsed}
