"""The state folder of a local stack: what is where in it, and which ports were chosen."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_NAME = ".tabstream"

USUAL_PORTS = {
    "postgres": 5432,
    "kafka": 9092,
    "controller": 9093,
    "registry": 8081,
    "registry-management": 9000,
    "connect": 8083,
    "emulator": 8085,
    "producer": 8090,
    "sheet-sink": 9401,
    "database-sink": 9402,
}


@dataclass(frozen=True, slots=True)
class State:
    """A state folder. Paths only; nothing is created by making this object."""

    root: Path

    @property
    def logs(self) -> Path:
        """One log file a service."""
        return self.root / "logs"

    @property
    def ports_file(self) -> Path:
        """The chosen ports."""
        return self.root / "ports.json"

    @property
    def supervisor_file(self) -> Path:
        """Where the supervisor is and how to talk to it."""
        return self.root / "supervisor.json"

    @property
    def lock_file(self) -> Path:
        """Held while `up` or `down` runs."""
        return self.root / "lock"

    @property
    def bindings_file(self) -> Path:
        """The bindings of the local stack."""
        return self.root / "bindings.yaml"

    @property
    def producer_secret_file(self) -> Path:
        """What the Apps Script signs with."""
        return self.root / "producer-secret"

    @property
    def database_password_file(self) -> Path:
        """The password of the local database."""
        return self.root / "database-password"

    @property
    def external_database_file(self) -> Path:
        """The URL of a server that is not ours to start; absent where PostgreSQL is a part of the stack."""
        return self.root / "database-url"

    @property
    def emulator(self) -> Path:
        """The spreadsheets of the stand-in for Google."""
        return self.root / "emulator"

    @property
    def kafka(self) -> Path:
        """Kafka's data and configuration."""
        return self.root / "kafka"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data, in a folder that the user it runs as can reach."""
        if os.geteuid() != 0 or open_to_others(self.root.resolve()):
            return self.root / "postgres"
        name = hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:12]
        return Path("/var/tmp") / f"tabstream-{name}"

    def prepare(self) -> None:
        """Creates the folders, secrets and an empty bindings file, where they are missing."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for path in (self.producer_secret_file, self.database_password_file):
            if not path.exists():
                write_secret(path, secrets.token_urlsafe(24))
        if not self.bindings_file.exists():
            self.bindings_file.write_text("version: 1\nspreadsheets: {}\nbindings: []\n", encoding="utf-8")

    def wipe(self) -> None:
        """Forgets all that the stack has made, and the folder, unless something else lies in it."""
        for folder in (self.postgres, self.kafka, self.emulator, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (
            self.ports_file,
            self.supervisor_file,
            self.lock_file,
            self.bindings_file,
            self.producer_secret_file,
            self.database_password_file,
            self.external_database_file,
        ):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.root.rmdir()

    def ports(self) -> dict[str, int]:
        """The chosen ports; empty before the first start."""
        if not self.ports_file.exists():
            return {}
        found: dict[str, int] = json.loads(self.ports_file.read_text(encoding="utf-8"))
        return found

    def choose_ports(self) -> dict[str, int]:
        """Chooses free ports: those of the last time, else the usual ones, else any; and remembers them."""
        chosen = choose(self.ports(), USUAL_PORTS, is_free, free_port)
        self.ports_file.write_text(json.dumps(chosen), encoding="utf-8")
        return chosen


def choose(
    before: Mapping[str, int], usual: Mapping[str, int], free: Callable[[int], bool], any_free: Callable[[], int]
) -> dict[str, int]:
    """A port for each name of `usual`, no two alike."""
    chosen: dict[str, int] = {}
    for name, port in usual.items():
        candidates = [p for p in (before.get(name), port) if p is not None and p not in chosen.values() and free(p)]
        picked = candidates[0] if candidates else any_free()
        while picked in chosen.values():
            picked = any_free()
        chosen[name] = picked
    return chosen


def is_free(port: int) -> bool:
    """True where both this machine's addresses and all addresses can be listened on at the port."""
    for address in ("127.0.0.1", "0.0.0.0"):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((address, port))
            except OSError:
                return False
    return True


def free_port() -> int:
    """A port on which nobody listens, below the range of outgoing connections."""
    for _ in range(200):
        port = 20_000 + secrets.randbelow(10_000)
        if is_free(port):
            return port
    raise OSError("no free port between 20000 and 30000")


def open_to_others(path: Path) -> bool:
    """True where every folder up the path lets any user pass."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.exists())


def write_secret(path: Path, text: str) -> None:
    """Writes a file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
