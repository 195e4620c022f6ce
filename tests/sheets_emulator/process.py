"""The emulator as users start it, `python -m sheets_emulator`, and Google's own client for it."""

import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httplib2
import httpx
from googleapiclient.discovery import build

from tests.sheets_emulator.running import until


class EmulatorProcess:
    """A server of its own. `folder` holds its log and, under `data`, its spreadsheets."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self._port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._folder = folder
        self._options = options
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers."""
        where = ["--host", "127.0.0.1", "--port", str(self._port), "--data-dir", str(self._folder / "data")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sheets_emulator", *where, *self._options], stdout=log, stderr=subprocess.STDOUT
            )
        until(self._answers)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ends the process; its exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(20)

    def close(self) -> None:
        self.http.close()
        if self._process is not None and self._process.poll() is None:
            self.stop()

    def control(self, **changes: Any) -> dict[str, Any]:
        """Changes settings; all of them."""
        found: dict[str, Any] = self.http.put("/control/settings", json=changes).raise_for_status().json()
        return found

    def fault(self, **fault: Any) -> None:
        """Something goes wrong in the next call."""
        self.http.post("/control/faults", json=fault).raise_for_status()

    def role(self, spreadsheet_id: str, role: str) -> None:
        """What callers may do with a spreadsheet."""
        self.http.put(f"/control/spreadsheets/{spreadsheet_id}/role", json={"role": role}).raise_for_status()

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The log of calls."""
        found: list[dict[str, Any]] = self.http.get("/control/calls", params={"since": since}).json()["calls"]
        return found

    def last_call(self) -> int:
        """The number of the newest call in the log."""
        return max((call["number"] for call in self.calls()), default=0)

    def version(self, spreadsheet_id: str) -> int:
        """Drive's counter of changes."""
        return int(self.http.get(f"/drive/v3/files/{spreadsheet_id}", params={"fields": "version"}).json()["version"])

    def _answers(self) -> bool | None:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()[-4000:]
        try:
            return self.http.get("/healthz").is_success or None
        except httpx.TransportError:
            return None


@contextmanager
def emulator_process(*options: str) -> Iterator[EmulatorProcess]:
    """A started server, gone at the end with all its data."""
    with tempfile.TemporaryDirectory() as folder:
        process = EmulatorProcess(Path(folder), options)
        try:
            process.start()
            yield process
        finally:
            process.close()


@contextmanager
def google_client(url: str) -> Iterator[Any]:
    """The `spreadsheets` resource of google-api-python-client, as anybody would make it."""
    http = httplib2.Http()
    options = {"api_endpoint": url}
    service = build("sheets", "v4", http=http, client_options=options, static_discovery=True)
    try:
        yield service.spreadsheets()
    finally:
        http.close()
