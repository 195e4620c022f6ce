"""The registry's checks, and the command that cures them."""

import os
import shlex
import subprocess
import sys

from schemas.registration import SUBJECTS, register_all
from tabstream.config import Settings
from tabstream.operations.doctor.asking import ask_registry
from tabstream.operations.doctor.findings import Finding, Verdict
from tabstream.operations.doctor.registry import judge
from tests.kafka.registry_server import RegistryServer
from tests.operations.doctor.curing import ill


def findings(registry: RegistryServer) -> list[Finding]:
    return ill(judge(ask_registry(Settings(schema_registry_url=registry.url))))


def run(registry: RegistryServer, remedy: str) -> None:
    program, *arguments = shlex.split(remedy)
    assert program == "tabstream"
    environment = {**os.environ, "TABSTREAM_SCHEMA_REGISTRY_URL": registry.url}
    command = [sys.executable, "-m", "tabstream.cli", *arguments]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def test_schemas_that_are_not_registered_yet_are_registered_by_the_command(registry: RegistryServer) -> None:
    found = findings(registry)
    assert [(finding.subject, finding.verdict) for finding in found] == [(name, Verdict.WARNING) for name in SUBJECTS]
    run(registry, found[0].steps[0].text)
    assert findings(registry) == []


def test_a_rule_that_lets_any_version_in_is_set_by_the_command(registry: RegistryServer) -> None:
    register_all(registry.url)
    registry.compatibility["tabstream.edits-value"] = "NONE"
    del registry.compatibility["tabstream.status-value"]
    edits, status = findings(registry)
    assert (edits.subject, "its rule is NONE" in edits.found, edits.verdict) == ("tabstream.edits-value", True, Verdict.WRONG)
    assert (status.subject, "the default of the registry" in status.found) == ("tabstream.status-value", True)
    run(registry, edits.steps[0].text)
    assert findings(registry) == []


def test_a_version_that_this_one_does_not_fit_is_told(registry: RegistryServer) -> None:
    register_all(registry.url)
    registry.refuse = True
    assert {(finding.verdict, "not compatible with version 1" in finding.found) for finding in findings(registry)} == {
        (Verdict.WRONG, True)
    }
