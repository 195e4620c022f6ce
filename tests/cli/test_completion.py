"""A shell completes the names of bindings, and says nothing where it can't."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tabstream.core.binding import Binding
from tests.bindings_text import bindings_text

LEADS = Binding("leads", "leads", "crm", "1AbC-x_y", "Leads")
LEGAL = Binding("legal", "legal", "crm", "1AbC-x_y", "Legal")
ORDERS = Binding("orders", "orders", "crm", "1AbC-x_y", "Orders")


def completed(line: str, **environment: str) -> list[str]:
    """What bash is offered for the last word of a command line."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TABSTREAM_")}
    words = line.split(" ")
    asked = {"_TABSTREAM_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    program = "from tabstream.cli.main import app; app(prog_name='tabstream')"
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean | asked | environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "bindings.yaml"
    made.write_text(bindings_text(LEADS, LEGAL, ORDERS), encoding="utf-8")
    return made


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("tabstream pause le", ["leads", "legal"]),
        ("tabstream history ", ["leads", "legal", "orders"]),
        ("tabstream held apply o", ["orders"]),
        ("tabstream audit leads l", ["leads", "legal"]),
        ("tabstream tail s", ["signals", "status"]),
        ("tabstream tail o", ["orders"]),
        ("tabstream schemas show e", ["edit"]),
        ("tabstream resum", ["resume"]),
    ],
)
def test_names_are_completed(file: Path, line: str, names: list[str]) -> None:
    assert completed(line, TABSTREAM_BINDINGS_FILE=str(file)) == names


def test_a_file_that_is_wrong_or_missing_completes_nothing_bad(tmp_path: Path, file: Path) -> None:
    file.write_text("version: 2\n", encoding="utf-8")
    assert completed("tabstream pause ", TABSTREAM_BINDINGS_FILE=str(file)) == []
    assert completed("tabstream pause ", TABSTREAM_BINDINGS_FILE=str(tmp_path / "none.yaml")) == []
    assert completed("tabstream pause ") == []
