"""The wheel holds our packages with their data files, and no other top-level name."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
NAMES = {"tabstream", "consumers", "connectors", "schemas", "sheet_producer", "sheets_emulator"}
DATA = (
    "connectors/postgres-source.json",
    "schemas/edit.avsc",
    "schemas/signal.avsc",
    "schemas/status.avsc",
    "sheet_producer/apps_script/Code.gs",
    "sheet_producer/apps_script/appsscript.json",
    "tabstream/operations/demo/page/index.html",
    "tabstream/operations/demo/page/app.js",
    "tabstream/operations/demo/page/style.css",
    "tabstream/postgres/schema.sql",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as it would be released."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in NAMES:
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests", "deploy", "docs"):
        (source / name).mkdir()
        (source / name / "__init__.py").touch()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(target)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_its_top_level_names_are_these(unpacked: Path) -> None:
    assert {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")} == NAMES


def test_it_holds_the_licence(unpacked: Path) -> None:
    licence = next(unpacked.glob("*.dist-info")) / "licenses" / "LICENSE"
    assert "Apache License" in licence.read_text()


@pytest.mark.parametrize("name", DATA)
def test_it_holds_what_the_code_reads(unpacked: Path, name: str) -> None:
    assert (unpacked / name).read_bytes() == (REPOSITORY / name).read_bytes()


def test_every_data_file_of_a_package_is_in_it(unpacked: Path) -> None:
    kinds = {".sql", ".avsc", ".json", ".gs", ".html", ".css", ".js", ".yaml"}
    ours = {path.relative_to(REPOSITORY) for name in NAMES for path in (REPOSITORY / name).rglob("*") if path.suffix in kinds}
    released = {path for path in ours if path.parts[:2] == ("schemas", "released")}  # the rule's tests need them, nothing else
    assert {str(path) for path in ours - released if not (unpacked / path).exists()} == set()


def test_its_command_line_runs_from_it_alone(unpacked: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    code = "import tabstream.cli.main as m, sys; print(m.__file__); sys.argv = ['tabstream', '--help']; m.main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(unpacked))
    assert "connectors" in done.stdout
