"""Ctrl-C ends a command quietly, also one that is still being imported."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def script() -> str:
    """What the command `tabstream` that pip makes does."""
    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    module, function = pyproject["project"]["scripts"]["tabstream"].split(":")
    return f"from {module} import {function}; {function}()"


@pytest.mark.parametrize("program", [("-c", script()), ("-m", "tabstream.cli")], ids=["script", "module"])
def test_ctrl_c_during_the_imports_ends_with_130_and_without_a_stack_trace(program: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *program, "status"], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
