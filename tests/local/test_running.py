"""One service under supervision, with real processes."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tabstream.local.endings import tail, tail_of_failure, telling
from tabstream.local.running import Condition, Running
from tabstream.local.services import NotReady, Service

SLEEPER = "import time\nwhile True: time.sleep(60)"
STUBBORN = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\n" + SLEEPER


def until(condition: Callable[[], bool], what: str) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError(f"did not happen: {what}")


class Bench:
    """Starts services of a few lines of Python, and ends them with the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Running] = []
        self.ready_needs: set[str] = set()

    def run(
        self, code: str, probe: Callable[[], None] = lambda: None, needs: tuple[str, ...] = (), task: bool = False
    ) -> Running:
        service = Service("thing", (sys.executable, "-c", code), needs, probe, task=task)
        made = Running(service, self._folder / "thing.log", self.ready_needs.__contains__)
        self._made.append(made)
        made.begin()
        return made

    def close(self) -> None:
        for made in self._made:
            made.end()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def ready(running: Running) -> int:
    until(lambda: running.condition is Condition.READY, "ready")
    pid = running.report().pid
    assert pid is not None
    return pid


def test_it_is_ready_when_its_probe_agrees(bench: Bench) -> None:
    up = threading.Event()

    def probe() -> None:
        if not up.is_set():
            raise NotReady("not yet")

    running = bench.run(SLEEPER, probe)
    until(lambda: running.report().problem == "not yet", "starting, with the reason")
    assert running.condition is Condition.STARTING
    up.set()
    ready(running)
    assert running.report().problem == ""


def test_it_waits_for_what_it_needs(bench: Bench) -> None:
    running = bench.run(SLEEPER, needs=("other",))
    until(lambda: running.condition is Condition.WAITING, "waiting")
    assert running.report().pid is None
    bench.ready_needs.add("other")
    ready(running)


def test_one_that_dies_is_started_again(bench: Bench) -> None:
    running = bench.run(SLEEPER)
    first = ready(running)
    os.kill(first, signal.SIGKILL)
    until(lambda: running.restarts == 1 and running.condition is Condition.READY, "ready again")
    assert running.report().pid != first


def test_one_that_can_t_start_says_its_exit_code(bench: Bench) -> None:
    def probe() -> None:
        raise NotReady("nobody listens")

    running = bench.run("raise SystemExit(3)", probe)
    until(lambda: running.restarts >= 2, "tried again")
    assert running.report().exit_code == 3
    assert not running.ever_ready


def test_a_stop_is_for_good_and_a_start_ends_it(bench: Bench) -> None:
    running = bench.run(SLEEPER)
    pid = ready(running)
    running.stop()
    assert running.condition is Condition.STOPPED
    assert not psutil.pid_exists(pid)
    running.start()
    assert running.condition is not Condition.STOPPED
    assert ready(running) != pid
    assert running.restarts == 0


def test_one_that_was_frozen_is_stopped(bench: Bench) -> None:
    running = bench.run(SLEEPER)
    pid = ready(running)
    os.kill(pid, signal.SIGSTOP)
    running.stop()
    assert not psutil.pid_exists(pid)


def test_one_that_ignores_its_signal_is_killed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabstream.local.running._STOP_SECONDS", 0.2)
    running = bench.run(STUBBORN)
    pid = ready(running)
    running.stop()
    assert not psutil.pid_exists(pid)


def test_a_task_is_done_once_and_again_when_asked(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    running = bench.run(f"open({str(mark)!r}, 'a').write('x')", task=True)
    until(lambda: running.condition is Condition.DONE, "done")
    running.start()
    until(lambda: mark.read_text() == "xx" and running.condition is Condition.DONE, "done again")


def test_a_task_that_fails_is_tried_again(bench: Bench, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"import os, sys; p = {str(mark)!r}; there = os.path.exists(p); open(p, 'w').close(); sys.exit(0 if there else 1)"
    running = bench.run(code, task=True)
    until(lambda: running.condition is Condition.DONE, "done")
    assert running.restarts == 1


def test_many_stops_and_starts_leave_one_process_and_then_none(bench: Bench) -> None:
    running = bench.run(SLEEPER)
    for _ in range(20):
        running.stop()
        running.start()
    ready(running)
    ours = [p for p in psutil.Process().children() if SLEEPER in p.cmdline() and p.status() != psutil.STATUS_ZOMBIE]
    assert len(ours) == 1
    running.end()
    assert not ours[0].is_running()


JAVA = "start\nException: the reason\n\tat a.B.c(B.java:1)\nCaused by: X: deeper\n\tat d.E.f(E.java:2)\n\t... 4 more\n"


def test_the_end_of_a_log_is_without_stack_frames_where_a_failure_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(JAVA)
    assert tail_of_failure(log, 2) == "Exception: the reason\nCaused by: X: deeper"
    assert tail(log, 1) == "\t... 4 more"
    assert telling("\n\n") == "(it said nothing)"
    assert tail(tmp_path / "none") == tail_of_failure(tmp_path / "none") == "(no log)"
