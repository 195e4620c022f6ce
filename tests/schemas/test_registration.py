"""All of our schemas are in the registry, under their topics' names, with their rule."""

from schemas.registration import SUBJECTS, register_all
from tests.kafka.registry_server import RegistryServer


def test_every_schema_is_registered_and_again_without_harm(registry: RegistryServer) -> None:
    first = register_all(registry.url)
    assert register_all(registry.url) == first
    assert {registered.subject for registered in first} == set(registry.subjects) == set(SUBJECTS)
    assert registry.compatibility == dict.fromkeys(SUBJECTS, "FULL_TRANSITIVE")
