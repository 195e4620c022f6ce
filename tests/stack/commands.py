"""Commands as an operator of a stack with the demo in it gives them, and what the operator sees of it."""

import json
import re
import signal
import subprocess
import sys
from typing import Any

import httpx

from tabstream.operations.demo.installing import Place
from tests.stack.local_stack import LocalStack, until

Bound = tuple[LocalStack, Place]
Command = subprocess.CompletedProcess[str]
PROCESSES = ("producer", "sheet-sink", "database-sink")


def run(bound: Bound, *arguments: str, **environment: str) -> Command:
    """`tabstream ARGUMENTS` as an operator of this stack gives it; never a stack trace."""
    done = bound[0].command(*arguments, **bound[0].settings(**environment))
    assert "Traceback" not in done.stdout + done.stderr
    return done


def told(bound: Bound, *arguments: str) -> str:
    """What a command prints that succeeds."""
    done = run(bound, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(bound: Bound, *arguments: str) -> Any:
    """What it prints for programs."""
    return json.loads(told(bound, *arguments, "--json"))


def lines(bound: Bound, *arguments: str) -> list[dict[str, Any]]:
    """What it prints for programs, a line for each message."""
    return [json.loads(line) for line in told(bound, *arguments, "--json").splitlines()]


def refused(bound: Bound, *arguments: str, **environment: str) -> str:
    """What a command says that fails as an operator's mistake does: with exit code 1, and once."""
    done = run(bound, *arguments, **environment)
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("error:") == 1, done.stderr
    assert done.stdout == ""
    return done.stderr


def reports(bound: Bound) -> list[dict[str, Any]]:
    """What `status` says of each binding, however busy the machine is."""
    found: list[dict[str, Any]] = json.loads(run(bound, "status", "--json", "--wait", "10").stdout)["bindings"]
    return found


def report(bound: Bound) -> dict[str, Any]:
    """The same of the demo's binding."""
    return next(found for found in reports(bound) if found["binding"] == "leads")


def rebind(bound: Bound, text: str) -> None:
    """Another bindings file, which differs from the one before; returns once every process goes by it."""
    before = {name: taken_up(bound, name) for name in PROCESSES}
    bound[1].state.bindings_file.write_text(text, encoding="utf-8")
    for name in PROCESSES:
        until(lambda name=name: taken_up(bound, name) > before[name], f"{name} to take the bindings file up", 20)  # type: ignore[misc]


def taken_up(bound: Bound, name: str) -> float:
    """How often a process has taken a changed bindings file up."""
    shown = httpx.get(bound[0].env()["metrics"][name]).text
    return float(re.findall(r"^tabstream_bindings_taken_up_total (\S+)$", shown, re.MULTILINE)[0])


def readyz(bound: Bound, name: str) -> Any:
    """What a process answers on /readyz."""
    return httpx.get(bound[0].env()["metrics"][name].replace("/metrics", "/readyz")).json()


def begun(bound: Bound, *arguments: str) -> "subprocess.Popen[str]":
    """A command that goes on until Ctrl-C, in a process group of its own; also where the tests themselves ignore Ctrl-C, as
    what a shell runs in the background does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "tabstream.cli", *arguments],
            env={**bound[0].environment, **bound[0].settings(PYTHONUNBUFFERED="1")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
