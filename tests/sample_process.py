"""A process for the tests of `serve`: `python -m tests.sample_process MODE` with MODE drain, fail, return or hang."""

import sys
import threading
from collections.abc import Sequence

import structlog
from starlette.routing import BaseRoute

from tabstream import logs
from tabstream.process import Readiness, serve


class Sample:
    """Waits for a broker that never comes."""

    name = "sample"

    def __init__(self, mode: str) -> None:
        self._mode = mode

    def run(self, stop: threading.Event) -> None:
        """Ends as its mode says."""
        if self._mode == "fail":
            raise RuntimeError("no such thing")
        if self._mode == "return":
            return
        stop.wait()
        structlog.get_logger().info("draining")
        if self._mode == "hang":
            threading.Event().wait()

    def readiness(self) -> Readiness:
        """Never ready."""
        return Readiness(False, ("waits for the broker",))

    def reload(self) -> None:
        """Says so."""
        structlog.get_logger().info("reload")

    def routes(self) -> Sequence[BaseRoute]:
        """None."""
        return ()


if __name__ == "__main__":
    logs.configure("json", "sample")
    sys.exit(serve(Sample(sys.argv[1]), "127.0.0.1", 0))
