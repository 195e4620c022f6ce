"""Changes that go on in a thread while something else happens."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Load:
    """Does `act` every so many seconds between `with` and its end; what it raised is raised there."""

    def __init__(self, act: Callable[[], None], every_seconds: float) -> None:
        self._act = act
        self._every_seconds = every_seconds
        self._end = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error

    def go_on(self, seconds: float) -> None:
        """Lets it go on for a while."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                self._act()
                self._end.wait(self._every_seconds)
        except Exception as error:
            self._error = error
