"""docker-compose.yml and the images hold what each service needs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
LOCAL_SERVICES = {
    *("postgres", "kafka", "registry", "connect", "emulator"),
    *("connector", "producer", "sheet-sink", "database-sink"),
}


@pytest.fixture
def services() -> dict[str, Any]:
    return dict(yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))["services"])


def locked(name: str) -> set[str]:
    """The distributions with versions that a requirements file installs."""
    return set(re.findall(r"^([a-z0-9._-]+(?:\[\w+\])?==\S+)", (REPOSITORY / name).read_text(), re.MULTILINE))


def test_compose_runs_the_same_services_as_the_local_stack(services: dict[str, Any]) -> None:
    always = {name for name, service in services.items() if not service.get("profiles")}
    assert always == LOCAL_SERVICES


def test_what_the_internet_reaches_does_not_know_the_database(services: dict[str, Any]) -> None:
    knowing = {name for name, service in services.items() if "TABSTREAM_DATABASE_URL" in service.get("environment", ())}
    assert knowing == {"connector", "sheet-sink", "database-sink", "auditor"}


def test_files_that_are_built_from_or_mounted_exist(services: dict[str, Any]) -> None:
    builds = {service["build"]["dockerfile"] for service in services.values() if "build" in service}
    mounts = {volume.partition(":")[0] for s in services.values() for volume in s.get("volumes", ())}
    arguments = {s["build"]["args"]["REQUIREMENTS"] for s in services.values() if "args" in s.get("build", {})}
    files = builds | arguments | {mount for mount in mounts if mount.startswith("./")}
    assert [name for name in files if not (REPOSITORY / name).is_file()] == []


def test_what_is_published_is_this_machine_s_alone(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_stand_in_s_image_has_what_it_imports(services: dict[str, Any]) -> None:
    installed = locked(services["emulator"]["build"]["args"]["REQUIREMENTS"])
    assert {"fastapi", "quickjs", "uvicorn", "httpx", "orjson"} <= {name.partition("==")[0] for name in installed}


@pytest.mark.parametrize("name", ["requirements-services.txt", "requirements-emulator.txt"])
def test_images_hold_the_versions_that_are_tested(name: str) -> None:
    assert locked(name) - locked("requirements.txt") == set()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-services.txt", "requirements-emulator.txt"])
def test_locked_requirements_are_hashed_and_name_no_registry(name: str) -> None:
    text = (REPOSITORY / name).read_text()
    assert text.count("==") <= text.count("--hash=sha256:")
    assert "://" not in text


def test_every_copied_file_of_the_image_exists() -> None:
    text = (REPOSITORY / "deploy/app/Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for name in line.split()]
    assert copied
    assert [name for name in copied if not name.startswith("$") and not (REPOSITORY / name).exists()] == []
