"""`tabstream schemas`: what the registry has of our own schemas, and what an operator is told of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.registration import SUBJECTS
from tabstream.cli.schemas import app
from tabstream.errors import OperatorError
from tabstream.kafka import own_schemas
from tabstream.kafka.registry import RegistryUnavailable
from tests.kafka.registry_server import RegistryServer

EDITS = "tabstream.edits-value"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[RegistryServer]:
    server = RegistryServer()
    monkeypatch.setenv("TABSTREAM_SCHEMA_REGISTRY_URL", server.url)
    yield server
    server.stop()


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


def as_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json")[1])


def test_an_empty_registry_has_none_and_is_told_what_to_run(registry: RegistryServer) -> None:
    code, said = run("list")
    assert (code, said.count("not registered")) == (0, len(SUBJECTS))
    code, said = run("check")
    assert (code, said.count("not registered"), said.count("run: tabstream schemas register")) == (1, 3, 3)
    assert registry.subjects == {}, "looking registers nothing"


def test_what_is_registered_is_compatible_and_listed(registry: RegistryServer) -> None:
    assert {one["subject"] for one in as_json("register")} == set(SUBJECTS)
    assert registry.compatibility == dict.fromkeys(SUBJECTS, "FULL_TRANSITIVE")
    assert run("register")[0] == 0
    code, said = run("check")
    assert (code, said.count("version 1, compatible with every version")) == (0, 3)
    assert [(one["schema"], one["versions"], one["registered"]) for one in as_json("list")] == [
        (name, [1], 1) for name in SUBJECTS.values()
    ]


def test_a_version_of_somebody_else_that_does_not_fit_is_named(registry: RegistryServer) -> None:
    registry.add(EDITS, {"type": "record", "name": "Other", "fields": []})
    registry.compatibility[EDITS] = "FULL_TRANSITIVE"
    registry.refuse = True
    code, said = run("check")
    assert code == 1
    assert f"{EDITS}: this tabstream's schema is not compatible with version 1" in said
    with pytest.raises(OperatorError, match="the registry refuses the schema of 'tabstream"):
        run("register")


def test_a_subject_under_another_rule_is_told(registry: RegistryServer) -> None:
    run("register")
    registry.compatibility[EDITS] = "NONE"
    code, said = run("check")
    assert code == 1
    assert f"{EDITS}: its rule is NONE, and must be FULL_TRANSITIVE" in said
    run("register")
    assert run("check")[0] == 0, "the remedy cures it"


@pytest.mark.parametrize("name", ["edit", "tabstream.edits", EDITS])
def test_a_schema_is_shown_by_any_of_its_names(registry: RegistryServer, name: str) -> None:
    registry.add(EDITS, {"type": "record", "name": "Old", "fields": []})
    registry.add(EDITS, own_schemas.load("edit"))
    assert json.loads(run("show", name)[1]) == own_schemas.load("edit")
    assert json.loads(run("show", name, "--version", "1")[1])["name"] == "Old"
    assert json.loads(run("show", name, "--own")[1]) == own_schemas.load("edit")


def test_a_schema_that_is_not_there_is_an_operators_mistake_bad(registry: RegistryServer) -> None:
    with pytest.raises(OperatorError, match="'leads' is no schema of tabstream's own topics"):
        run("show", "leads")
    with pytest.raises(OperatorError, match="has no subject 'tabstream"):
        run("show", "edit")
    run("register")
    with pytest.raises(OperatorError, match="has no version 7") as refused:
        run("show", "edit", "--version", "7")
    assert refused.value.remedy == "choose one of: 1"


def test_a_registry_that_is_away_is_an_outage_bad(registry: RegistryServer) -> None:
    registry.fault = (503, {"error_code": 50301, "message": "starting"})
    for command in ("list", "check", "register"):
        with pytest.raises(RegistryUnavailable):
            run(command)
