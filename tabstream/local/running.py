"""One service under supervision: started when what it needs is ready, started again when it dies, stopped when asked."""

import contextlib
import os
import pwd
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from tabstream.local.services import NotReady, Service

_PROBE_EVERY_SECONDS = 0.1
_STOP_SECONDS = 20.0
_SOON_SECONDS = 10.0
_LONGEST_BACKOFF_SECONDS = 5.0


class Condition(StrEnum):
    """What a service is doing."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """A service as `status` shows it; memory in bytes, uptime in seconds."""

    name: str
    condition: str
    pid: int | None
    restarts: int
    uptime_seconds: float
    memory_bytes: int
    exit_code: int | None
    problem: str


class Running:
    """Runs one service in a thread. `is_ready` tells whether a service that this one needs is ready."""

    def __init__(self, service: Service, log: Path, is_ready: Callable[[str], bool]) -> None:
        self.service = service
        self.wanted = True
        self.condition = Condition.WAITING
        self.restarts = 0
        self.ever_ready = False
        self._log = log
        self._is_ready = is_ready
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._exit_code: int | None = None
        self._problem = ""
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._poke = threading.Event()
        self._thread = threading.Thread(target=self._run, name=service.name, daemon=True)

    def begin(self) -> None:
        """Begins to supervise."""
        self._thread.start()

    def start(self) -> None:
        """Asks for the service to run; a task that is done runs again."""
        with self._lock:
            self.wanted = True
            if self.condition in (Condition.STOPPED, Condition.DONE):
                self.condition = Condition.WAITING
        self._poke.set()

    def stop(self) -> None:
        """Stops the service and keeps it stopped; returns when its process is gone."""
        with self._lock:
            self.wanted = False
            self.condition, self._problem = Condition.STOPPED, ""
            process, self._process = self._process, None
        self._poke.set()
        if process is not None:
            _terminate(process, self.service.stop_signal)

    def end(self) -> None:
        """Stops the service and its supervision."""
        self._end.set()
        self.stop()
        self._thread.join(_STOP_SECONDS)

    def report(self) -> Report:
        """How the service is."""
        pid = self._pid()
        memory = 0
        if pid is not None:
            try:
                family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
                memory = sum(_memory(member) for member in family)
            except psutil.Error:
                memory = 0
        uptime = time.monotonic() - self._started if pid is not None else 0.0
        return Report(
            self.service.name, self.condition.value, pid, self.restarts, uptime, memory, self._exit_code, self._problem
        )

    def _pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def _run(self) -> None:
        quick_deaths = 0
        while not self._end.is_set():
            if not self.wanted or self.condition is Condition.DONE:
                self._pause(1.0)
                continue
            if not all(self._is_ready(name) for name in self.service.needs):
                self._show(None, Condition.WAITING)
                self._pause(_PROBE_EVERY_SECONDS)
                continue
            process = self._launch()
            if process is None or not self._died(process):
                continue
            lived = time.monotonic() - self._started
            quick_deaths = 0 if lived > _SOON_SECONDS else quick_deaths + 1
            self.restarts += 1
            self._pause(min(_LONGEST_BACKOFF_SECONDS, 0.1 * 2**quick_deaths))

    def _show(self, process: subprocess.Popen[bytes] | None, condition: Condition, problem: str = "") -> None:
        """What is seen of a process that was meanwhile asked to stop is not shown."""
        with self._lock:
            if self.wanted and process in (None, self._process):
                self.condition, self._problem = condition, problem

    def _launch(self) -> subprocess.Popen[bytes] | None:
        """The new process; None if the service was stopped meanwhile."""
        service = self.service
        account = pwd.getpwnam(service.user) if service.user else None
        with self._lock, self._log.open("ab") as log:
            if not self.wanted:
                return None
            self.condition = Condition.STARTING
            self._started = time.monotonic()
            self._process = process = subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **service.environment},
                cwd="/" if account else None,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                start_new_session=True,
            )
        return process

    def _died(self, process: subprocess.Popen[bytes]) -> bool:
        """Attends to the process until it ends; False if it was asked to end, or is a task that is done."""
        while process.poll() is None and not self._end.is_set():
            if self.condition is not Condition.READY and not self.service.task:
                self._probe(process)
            if self.condition is Condition.READY:
                process.wait()
            else:
                self._end.wait(_PROBE_EVERY_SECONDS)
        code = process.poll()
        with self._lock:
            asked = self._process is not process
            if not asked:
                self._exit_code = code
        if asked or code is None:
            return False
        done = self.service.task and code == 0
        self.ever_ready = self.ever_ready or done
        self._show(process, Condition.DONE if done else Condition.FAILED, "" if done else f"ended with {code}")
        return not done

    def _probe(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self.service.probe()
        except NotReady as problem:
            self._show(process, Condition.STARTING, str(problem))
            return
        self.ever_ready = True
        self._show(process, Condition.READY)

    def _pause(self, seconds: float) -> None:
        self._poke.wait(seconds)
        self._poke.clear()


def _terminate(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)  # one that was stopped can't end
    process.send_signal(number)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0
