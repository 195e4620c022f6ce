"""`tabstream run` refuses a wrong configuration with one clear line."""

import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from tabstream.cli.run import run

app = typer.Typer()
app.command()(run)


@pytest.mark.parametrize(
    ("name", "environment", "message"),
    [
        (
            "producer",
            {},
            "error: TABSTREAM_BINDINGS_FILE is not set: it is the YAML file that names tables and tabs; "
            "TABSTREAM_PRODUCER_SECRET_FILE is not set: it is ",
        ),
        ("database-sink", {"TABSTREAM_BINDINGS_FILE": "b.yaml"}, "error: TABSTREAM_DATABASE_URL is not set"),
        (
            "database-sink",
            {"TABSTREAM_BINDINGS_FILE": "b.yaml", "TABSTREAM_DATABASE_URL": "mysql://u:tulip@h/d"},
            "error: TABSTREAM_DATABASE_URL can't be read: it must look like postgresql://",
        ),
        ("sheet-sink", {"TABSTREAM_METRICS_PORT": "high"}, "error: TABSTREAM_METRICS_PORT is 'high'"),
    ],
)
def test_a_wrong_setting_is_named_bad(name: str, environment: dict[str, str], message: str) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TABSTREAM_")}
    command = [sys.executable, "-m", "tabstream.cli", "run", name]
    result = subprocess.run(command, env=clean | environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(message)


def test_an_unknown_process_is_refused_with_the_known_ones_bad() -> None:
    result = CliRunner().invoke(app, ["consumer"])
    assert result.exit_code == 2
    assert "database-sink" in result.stderr
