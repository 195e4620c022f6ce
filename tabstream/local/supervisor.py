"""The supervisor: a detached process that keeps the services running, and does what `control` asks.

`python -m tabstream.local.supervisor STATE_DIR`
"""

import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from tabstream.local.programs import find_programs
from tabstream.local.running import Condition, Running
from tabstream.local.services import services
from tabstream.local.state import State, write_secret


class Supervisor:
    """Runs all services of a state folder until it is told to end."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._ended = threading.Event()
        found = services(state, state.ports(), find_programs(state))
        self._running = {
            service.name: Running(service, state.logs / f"{service.name}.log", self._is_ready) for service in found
        }

    def run(self) -> None:
        """Blocks until a signal or `down` ends it; no service is left behind."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        key = secrets.token_bytes(32)
        with Listener(("127.0.0.1", 0), authkey=key) as listener:
            own = {
                "pid": os.getpid(),
                "created": psutil.Process().create_time(),
                "port": listener.address[1],
                "key": key.hex(),
            }
            write_secret(self._state.supervisor_file, json.dumps(own))
            threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
            for running in self._running.values():
                running.begin()
            self._ended.wait()
            self._end_all()
        self._state.supervisor_file.unlink(missing_ok=True)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._ended.set()

    def _is_ready(self, name: str) -> bool:
        return self._running[name].condition in (Condition.READY, Condition.DONE)

    def _listen(self, listener: Listener) -> None:
        while not self._ended.is_set():
            try:
                connection = listener.accept()
            except Exception:
                continue  # a stranger's connection, or one that was given up
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: "Connection[Any, Any]") -> None:
        with connection:
            try:
                connection.send(self._answer(connection.recv()))
            except (EOFError, OSError):
                return

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        what, name = request["do"], request.get("name")
        if name is not None and name not in self._running:
            return {"error": f"there is no service {name!r}: it is one of {', '.join(self._running)}"}
        if what == "status":
            return {"services": [self._shown(r) for r in self._running.values()]}
        if what == "down":
            self._ended.set()
        elif name is not None:
            running = self._running[name]
            if what in ("stop", "restart"):
                running.stop()
            if what in ("start", "restart"):
                running.start()
        return {}

    def _shown(self, running: Running) -> dict[str, Any]:
        return asdict(running.report()) | {"ever_ready": running.ever_ready, "needs": list(running.service.needs)}

    def _end_all(self) -> None:
        """Those that nobody needs any more end first."""
        left = dict(self._running)
        while left:
            needed = {need for running in left.values() for need in running.service.needs}
            free = [name for name in left if name not in needed]
            threads = [threading.Thread(target=left.pop(name).end) for name in free]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()


def main() -> None:
    """Runs the supervisor of the state folder named on the command line."""
    Supervisor(State(Path(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
