"""The one shape of the long-running processes: signals, health, metrics, and how they end.

The HTTP server answers before `run` begins, so that a process that waits for a broker says what it waits for. SIGTERM
and SIGINT ask for a drain; a second one ends the process at once, which is safe: what was not finished is done again.
SIGHUP has the bindings file read at once.
"""

import json
import os
import signal
import socket
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

import structlog
import uvicorn
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tabstream import metrics
from tabstream.errors import ConfigurationError

_DRAIN_SECONDS = 30

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Ready means that the process makes progress or has nothing to do; `reasons` say why it is not. `warnings` are what an
    operator has to put right although it is ready."""

    ready: bool
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Process(Protocol):
    """What `serve` runs."""

    @property
    def name(self) -> str:
        """The process's name in logs and metrics: producer, sheet-sink or database-sink."""

    def run(self, stop: threading.Event) -> None:
        """Blocks until `stop` is set and all is drained; an exception ends the process with exit code 1."""

    def readiness(self) -> Readiness:
        """Whether it makes progress; cheap, and called from any thread."""

    def reload(self) -> None:
        """Has its bindings file read at once; called by a signal handler, so it only sets a flag."""

    def routes(self) -> Sequence[BaseRoute]:
        """HTTP routes of its own."""


def serve(process: Process, host: str, port: int) -> int:
    """Runs the process with /healthz, /readyz and /metrics until a signal or an error ends it; returns the exit code.

    Must be called in the main thread. Raises ConfigurationError if the address can't be listened on.
    """
    stop = threading.Event()
    server = _Server(process, stop, _listen(host, port))
    previous = {s: signal.signal(s, _stopper(stop)) for s in (signal.SIGTERM, signal.SIGINT)}
    previous[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda *_: process.reload())
    server.start()
    log.info("started", host=host, port=server.port, pid=os.getpid())
    try:
        process.run(stop)
    except Exception:
        log.exception("ended by an error")
        return 1
    finally:
        ended_early = not stop.is_set()
        stop.set()
        server.end()
        for number, handler in previous.items():
            signal.signal(number, handler)
    if ended_early or server.failed:
        log.error("ended without being asked to")
        return 1
    log.info("ended")
    return 0


def application(process: Process, stop: threading.Event) -> Starlette:
    """The HTTP application of a process: its own routes, health and metrics."""

    def healthz(_: Request) -> Response:
        return _json(200, {"process": process.name, "state": "stopping" if stop.is_set() else "running"})

    def readyz(_: Request) -> Response:
        readiness = _readiness(process, stop)
        told = {"ready": readiness.ready, "reasons": readiness.reasons, "warnings": readiness.warnings}
        return _json(200 if readiness.ready else 503, told)

    def show_metrics(request: Request) -> Response:
        metrics.READY.labels(process.name).set(_readiness(process, stop).ready)
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(REGISTRY), headers={"content-type": content_type})

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", show_metrics)]
    return Starlette(routes=[*process.routes(), *routes])


def _readiness(process: Process, stop: threading.Event) -> Readiness:
    return Readiness(False, ("stopping",)) if stop.is_set() else process.readiness()


class _Server:
    """uvicorn in a thread of its own; if it fails, the process is asked to stop."""

    def __init__(self, process: Process, stop: threading.Event, listener: socket.socket) -> None:
        config = uvicorn.Config(
            application(process, stop),
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._stop = stop
        self._listener = listener
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self.failed = False

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def end(self) -> None:
        """Finishes the requests in flight and stops to listen."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        try:
            self._server.run([self._listener])
        except Exception:
            log.exception("http server failed")
        finally:
            self.failed = not self._server.should_exit
            self._stop.set()


def _listen(host: str, port: int) -> socket.socket:
    with ExitStack() as on_error:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = on_error.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(512)
        except OSError as problem:
            message = f"can't listen on {host!r} port {port!r}: {problem}; choose another port"
            raise ConfigurationError(message) from problem
        on_error.pop_all()
    return listener


def _stopper(stop: threading.Event) -> Any:
    def handle(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    return handle


def _json(status: int, content: Any) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
