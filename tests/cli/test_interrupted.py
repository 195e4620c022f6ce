"""Ctrl-C ends a command quietly, also one that is still being imported."""

import os
import signal
import socket
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


@pytest.mark.parametrize(
    ("command", "variable"),
    [("rebuild leads --as-of 2h --json", "TABSTREAM_SHEETS_URL"), ("schemas list --json", "TABSTREAM_SCHEMA_REGISTRY_URL")],
)
def test_ctrl_c_while_a_command_waits_is_told_in_one_line(command: str, variable: str, tmp_path: Path) -> None:
    file = tmp_path / "bindings.yaml"
    file.write_text(
        "version: 1\nspreadsheets: {s: {id: 1AbC}}\nbindings: [{name: leads, table: leads, spreadsheet: s, tab: Leads}]\n",
        encoding="utf-8",
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TABSTREAM_")},
            "TABSTREAM_BINDINGS_FILE": str(file),
            "TABSTREAM_DATABASE_URL": "postgresql://u@127.0.0.1:1/none",
            "TABSTREAM_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            variable: f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        with subprocess.Popen(
            [sys.executable, "-m", "tabstream.cli", *command.split()],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            asked, _ = silent.accept()
            with asked:
                running.send_signal(signal.SIGINT)
                said, told = running.communicate()
    assert (running.returncode, said) == (130, "")
    assert told == "broken off: run it again; nothing half-done is left that the next run does not mend\n"
