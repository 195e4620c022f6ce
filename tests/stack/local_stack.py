"""A stack that is used as a person uses it: by the command line, in a state folder of its own."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil
import psycopg

COMMAND_SECONDS = 300
_STARTS = Path(tempfile.gettempdir()) / "tabstream-tests-start"


def until(condition: Callable[[], bool], what: str, timeout_seconds: float = 60) -> None:
    """Waits for a condition; fails saying what did not happen."""
    pause = threading.Event()
    end = time.monotonic() + timeout_seconds
    while time.monotonic() < end:
        if condition():
            return
        pause.wait(0.1)
    raise AssertionError(f"did not happen within {timeout_seconds:g} s: {what}")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class LocalStack:
    """The stack of one state folder. Whatever it starts carries a word in its environment, by which it is found."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self._word = f"tabstream-test-{uuid.uuid4()}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TABSTREAM_")}
        self.environment = {**inherited, "TABSTREAM_TEST": self._word, "COLUMNS": "200", **environment}

    def local(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`tabstream local ARGUMENTS` on this stack."""
        return self.command("local", *arguments, "--state-dir", str(self.folder), **environment)

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`tabstream ARGUMENTS`."""
        return subprocess.run(
            [sys.executable, "-m", "tabstream.cli", *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """`tabstream local ARGUMENTS` in a process group of its own, as a terminal would run it."""
        return subprocess.Popen(
            [sys.executable, "-m", "tabstream.cli", "local", *arguments, "--state-dir", str(self.folder)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def up(self, *arguments: str) -> None:
        """Starts it; a stack that does not start fails the test with what it said. Two that start at once could choose the
        same ports, before either listens."""
        with _STARTS.open("w") as starts:
            fcntl.flock(starts, fcntl.LOCK_EX)
            done = self.local("up", *arguments)
        assert done.returncode == 0, f"the stack did not start:\n{done.stdout}{done.stderr}"

    def env(self) -> dict[str, Any]:
        """What `env --json` prints."""
        found: dict[str, Any] = json.loads(self._checked("env", "--json"))
        return found

    def services(self) -> dict[str, dict[str, Any]]:
        """What `status --json` prints, by name."""
        return {service["name"]: service for service in json.loads(self._checked("status", "--json"))}

    def settings(self, **changes: str) -> dict[str, str]:
        """The variables with which the other commands talk to this stack."""
        env = self.env()
        names = ("database_url", "bootstrap_servers", "schema_registry_url", "connect_url", "sheets_url", "bindings_file")
        return {**{f"TABSTREAM_{name.upper()}": env[name] for name in names}, **changes}

    def database(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """A session in the stack's database, in autocommit."""
        return psycopg.connect(self.env()["database_url"], autocommit=True)

    def processes(self) -> set[psutil.Process]:
        """All that was started for this stack and runs; children too, which may hide their environment."""
        found = {process for process in psutil.process_iter() if self._is_ours(process)}
        for process in list(found):
            found |= _children(process)
        return found

    def leftovers(self) -> list[str]:
        """Processes and locks that should not be there once the stack is down."""
        running = [f"process {p.pid}: {_shown(p)}" for p in self.processes()]
        names = ("lock", "supervisor.json")
        return running + [f"file {name}" for name in names if (self.folder / name).exists()]

    def _checked(self, *arguments: str) -> str:
        done = self.local(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("TABSTREAM_TEST") == self._word and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def interrupt(process: "subprocess.Popen[str]", number: int = signal.SIGINT) -> str:
    """Sends the signal to the whole process group, as a terminal does, and returns what was printed until the end."""
    os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=COMMAND_SECONDS)
    return said


class TakenPorts:
    """Listens on those of the ports that are free, so that nobody else can."""

    def __init__(self, ports: Iterable[int]) -> None:
        self._listeners = []
        for port in ports:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free, as the stack sees it
            try:
                listener.bind(("127.0.0.1", port))
                listener.listen()
                self._listeners.append(listener)
            except OSError:
                listener.close()  # taken by somebody else: as good

    def close(self) -> None:
        """Gives them back."""
        for listener in self._listeners:
            listener.close()


def _children(process: psutil.Process) -> set[psutil.Process]:
    try:
        return {child for child in process.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE}
    except psutil.Error:
        return set()


def _shown(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:200]
    except psutil.Error:
        return "(gone)"
