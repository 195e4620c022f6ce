"""What the documents say can be done: their commands, links and settings exist."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from tabstream.bindings_file import read_bindings
from tabstream.cli.main import app
from tabstream.config import Settings

REPOSITORY = Path(__file__).parents[1]
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "schemas").glob("*.md")])
IDS = [str(path.relative_to(REPOSITORY)) for path in DOCUMENTS]
EVERY_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)


def commands(text: str) -> list[str]:
    """The command lines of `tabstream` in code spans and code blocks."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```\w*\n.*?```", "", text, flags=re.DOTALL))
    lines = [line.strip() for block in blocks for line in block.splitlines()] + spans
    return [line for line in lines if re.match(r"(?:\S*/)?tabstream\s+[a-z-]", line)]


def problem_with(line: str) -> str | None:
    """Why the command line would not be understood, None if it would."""
    words = [word for word in shlex.split(line, comments=True)[1:] if word not in ("...", "…")]
    words = words[: next((n for n, word in enumerate(words) if word in ("|", ">", "&&")), len(words))]
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        known = command.commands
        names = words.pop(0).split("|")
        if unknown := [name for name in names if name not in known]:
            return f"no command {unknown[0]!r} among {sorted(known)}"
        command = known[names[0]]
        words = [word for word in words if word != "|"]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]
    return f"no option {unknown[0]!r} among {sorted(options)}" if unknown else None


@EVERY_DOCUMENT
def test_every_command_exists_with_its_options(document: Path) -> None:
    found = {line: problem_with(line) for line in commands(document.read_text(encoding="utf-8"))}
    assert {line: problem for line, problem in found.items() if problem} == {}


@pytest.mark.parametrize("line", ["tabstream fly", "tabstream local up --fast", "tabstream demo --chekc", "tabstream local u"])
def test_a_command_that_is_not_there_is_found_bad(line: str) -> None:
    assert problem_with(line) is not None


def test_the_readme_names_commands_at_all() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert len(commands(text)) >= 5


@EVERY_DOCUMENT
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@EVERY_DOCUMENT
def test_every_setting_exists(document: Path) -> None:
    known = {f"TABSTREAM_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"\bTABSTREAM_[A-Z_]+[A-Z]\b", document.read_text(encoding="utf-8")))
    others = {name for name in named if name.startswith("TABSTREAM_KAFKA__")} | OTHER_VARIABLES | script_properties()
    assert named - known - {f"{name}_FILE" for name in known} - others == set()


def script_properties() -> set[str]:
    """What the Apps Script is told by its project's properties."""
    script = (REPOSITORY / "sheet_producer/apps_script/Code.gs").read_text(encoding="utf-8")
    return set(re.findall(r"_PROPERTY = '(\w+)'", script))


# Read by the command line, by tests, or as a family.
OTHER_VARIABLES = {
    "TABSTREAM_CONTRACT_CREDENTIALS_FILE",
    "TABSTREAM_CONTRACT_SPREADSHEET_ID",
    "TABSTREAM_STATE_DIR",
    "TABSTREAM_KAFKA",
}


@EVERY_DOCUMENT
def test_every_make_target_exists(document: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8"))) <= targets


@EVERY_DOCUMENT
def test_every_bindings_file_shown_is_valid(document: Path) -> None:
    blocks = re.findall(r"^( *)```yaml\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for indent, block in blocks:
        text = "\n".join(re.sub(r"<[^>]+>", "filled-in", line.removeprefix(indent)) for line in block.splitlines())
        if {"version", "bindings"} <= set(yaml.safe_load(text)):
            read_bindings(text, document.name)


def test_make_help_lists_the_readme_s_and_contributing_s_targets() -> None:
    said = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for target in ("setup", "demo", "test", "unit", "benchmark"):
        assert re.search(rf"^{target} ", said, re.MULTILINE)


def test_the_python_version_is_told_the_same_everywhere() -> None:
    wanted = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    for name in ("README.md", "CONTRIBUTING.md"):
        assert f"Python {wanted} or newer" in (REPOSITORY / name).read_text(encoding="utf-8")
    assert f"FROM python:{wanted}-slim" in (REPOSITORY / "deploy/app/Dockerfile").read_text()


def test_every_exit_code_that_a_command_s_help_names_is_in_the_table() -> None:
    text = (REPOSITORY / "docs/exit-codes.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE))
    rows = dict(re.findall(r"^\| `tabstream ([a-z -]+?)(?: --\w+)?` \| .* \| (.*) \|$", text, re.MULTILINE))
    for name, help_text in helps(typer.main.get_command(app)).items():
        named = {code for told in re.findall(r"[Ee]xit code (\d+)|(?<=\. )(\d)(?=:)", help_text) for code in told if code}
        assert named <= listed, name
        assert ("3" in named) == bool(rows.get(name, "").strip()), f"{name}: exit code 3"


def helps(command: Any, name: str = "") -> dict[str, str]:
    """The help of each command that does something, by its words."""
    if not hasattr(command, "commands"):
        return {name: command.help or ""}
    return {
        words: text for part, sub in command.commands.items() for words, text in helps(sub, f"{name} {part}".strip()).items()
    }
