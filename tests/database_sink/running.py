"""A database sink as it runs in production, but for the broker (librdkafka's mock) and the registry (a few lines)."""

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from consumers.database_sink.process import DatabaseSink
from tabstream.bindings_watch import WatchedBindings
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.postgres.connection import Connection
from tests.bindings_text import bindings_text


def until(condition: Callable[[], bool], what: str, timeout_seconds: float = 30) -> None:
    """Waits for a condition; fails saying what did not happen."""
    pause = threading.Event()
    for _ in range(int(timeout_seconds / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError(f"did not happen within {timeout_seconds} s: {what}")


class Running:
    """The process in a thread; an exception that ends it fails the test at the end of the block."""

    def __init__(self, settings: Settings, binding: Binding, topic_id: Callable[[], str] = lambda: "topic") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tabstream-test-")
        self._bindings_file = Path(self._folder.name) / "bindings.yaml"
        self._bindings_file.write_text(bindings_text(binding), encoding="utf-8")
        self.sink = DatabaseSink(settings, WatchedBindings(self._bindings_file), SystemClock(), topic_id)
        self._stop = threading.Event()
        self._problems: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Running":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        if self._problems:
            raise self._problems[0]

    def bind(self, *bindings: Binding) -> None:
        """Other bindings in the file, and SIGHUP."""
        self._bindings_file.write_text(bindings_text(*bindings), encoding="utf-8")
        self.sink.reload()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        if self._thread.is_alive():
            raise AssertionError("the process does not end")
        self._folder.cleanup()

    def _run(self) -> None:
        try:
            self.sink.run(self._stop)
        except BaseException as problem:
            self._problems.append(problem)


def count(database: Connection, query: str) -> int:
    found = database.execute(query.encode()).fetchone()
    return int(str(found[0])) if found else 0
