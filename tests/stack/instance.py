"""One more instance of a process, beside those that the stack runs."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx

from tests.stack.local_stack import LocalStack


class Instance:
    """`tabstream run NAME`, which a test may kill, stop and continue."""

    def __init__(self, local: LocalStack, name: str, **settings: str) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self._port = listener.getsockname()[1]
        environment = local.settings(TABSTREAM_METRICS_PORT=str(self._port), TABSTREAM_METRICS_HOST="127.0.0.1", **settings)
        log = (local.folder / f"{name}-{self._port}.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tabstream.cli", "run", name],
            env={**local.environment, **environment},
            stdout=log,
            stderr=log,
        )
        log.close()
        self.name = f"{socket.gethostname()}-{self._process.pid}"

    def ready(self) -> bool:
        """What it says of itself."""
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/readyz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def metric(self, name: str, **labels: str) -> float:
        """What it counts, over all labels that are not given."""
        found = 0.0
        for line in httpx.get(f"http://127.0.0.1:{self._port}/metrics", timeout=10).text.splitlines():
            told = dict(re.findall(r'(\w+)="([^"]*)"', line))
            if re.match(rf"{name}[{{ ]", line) and labels.items() <= told.items():
                found += float(line.rpartition(" ")[2])
        return found

    def kill(self) -> None:
        """As the kernel does when memory is short."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """It does nothing until it is told to go on."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        """Ends it, whatever has become of it."""
        if self._process.poll() is None:
            self.go_on()
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
