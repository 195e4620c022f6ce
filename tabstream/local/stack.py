"""Starting, stopping and asking the local stack."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client
from pathlib import Path
from typing import IO, Any

import psutil

from tabstream.bindings_file import load_bindings
from tabstream.errors import ConfigurationError, OperatorError
from tabstream.local.endings import tail, tail_of_failure
from tabstream.local.preparing import prepare
from tabstream.local.programs import find_programs
from tabstream.local.services import Addresses
from tabstream.local.state import State

_START_SECONDS = 240
_GIVE_UP_AFTER_RESTARTS = 4
_POLL_SECONDS = 0.15
_DOWN_SECONDS = 60
_SUPERVISOR_SECONDS = 20
_VARIABLE = "TABSTREAM_STACK"
"""In the environment of the supervisor, and so of every service: the state folder."""


def up(state: State, say: Callable[[str], None]) -> None:
    """Starts what is not running and returns when all is ready. Raises OperatorError, with nothing left running by it."""
    programs = find_programs(state)
    with _locked(state), _ended_like_ctrl_c():
        if is_up(state):
            for service in status(state):
                if service["condition"] == "stopped":
                    _ask(state, {"do": "start", "name": service["name"]})
            _wait_until_ready(state, say)
            return
        end_orphans(state)
        try:
            _check_bindings(state)
            state.prepare()
            ports = state.choose_ports()
            say("preparing PostgreSQL and Kafka")
            prepare(state, ports, programs)
            _spawn(state)
            _wait_until_ready(state, say)
        except BaseException:
            _bring_down(state)
            raise


def down(state: State, wipe: bool = False) -> None:
    """Stops everything; `wipe` forgets the data too."""
    if not state.root.exists():
        return
    with _locked(state):
        _bring_down(state)
    if wipe:
        state.wipe()


def is_up(state: State) -> bool:
    """True while the supervisor lives."""
    return _supervisor(state) is not None


def status(state: State) -> list[dict[str, Any]]:
    """Every service as the supervisor sees it; raises OperatorError if the stack is down."""
    found: list[dict[str, Any]] = _ask(state, {"do": "status"})["services"]
    return found


def control(state: State, what: str, name: str) -> None:
    """`start`, `stop` or `restart` of one service; returns when it is stopped, or ready again. Raises OperatorError."""
    answer = _ask(state, {"do": what, "name": name})
    if "error" in answer:
        raise OperatorError(answer["error"], "tabstream local status lists them")
    if what != "stop":
        _wait_until_ready(state, lambda text: None, name)


def environment(state: State) -> dict[str, Any]:
    """The addresses, files and process ids of the stack; raises OperatorError if it is down."""
    services = status(state)
    at = Addresses(state, state.ports())
    return {
        "database_url": at.database_url,
        "bootstrap_servers": at.bootstrap_servers,
        "schema_registry_url": at.schema_registry_url,
        "connect_url": at.url("connect"),
        "sheets_url": at.url("emulator"),
        "person_url": f"{at.url('emulator')}/person/v1",
        "producer_url": at.url("producer"),
        "producer_secret_file": str(state.producer_secret_file),
        "bindings_file": str(state.bindings_file),
        "spreadsheets": _spreadsheets(state),
        "metrics": {name: f"{at.url(name)}/metrics" for name in ("producer", "sheet-sink", "database-sink")},
        "pids": {service["name"]: service["pid"] for service in services if service["pid"] is not None},
        "state_dir": str(state.root),
    }


def end_orphans(state: State) -> None:
    """Ends services whose supervisor was killed."""
    victims = [process for process in psutil.process_iter() if _serves(process, state)]
    for process in victims:
        with suppress(psutil.Error):
            process.resume()
            process.send_signal(signal.SIGINT if "postgres" in process.name() else signal.SIGTERM)
    _, alive = psutil.wait_procs(victims, 15)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, 5)


def _serves(process: psutil.Process, state: State) -> bool:
    try:
        return process.environ().get(_VARIABLE) == str(state.root.resolve())
    except (psutil.Error, OSError):
        return False  # ended meanwhile, or somebody else's


def _check_bindings(state: State) -> None:
    if state.bindings_file.exists():
        try:
            load_bindings(state.bindings_file)
        except ConfigurationError as problem:
            raise OperatorError(str(problem), "correct the bindings file") from problem


def _spreadsheets(state: State) -> dict[str, str]:
    try:
        return dict(load_bindings(state.bindings_file).spreadsheets)
    except ConfigurationError:
        return {}


@contextmanager
def _locked(state: State) -> Iterator[None]:
    """Holds the lock; its file is there only as long."""
    with _lock(state) as file:
        try:
            yield
        finally:
            Path(file.name).unlink(missing_ok=True)


def _lock(state: State) -> IO[str]:
    state.root.mkdir(parents=True, exist_ok=True)
    while True:
        file = state.lock_file.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_ino == state.lock_file.stat().st_ino:
                return file
        except BlockingIOError as problem:
            file.close()
            raise OperatorError(
                f"another `tabstream local up` or `down` works on {state.root}", "wait for it to end"
            ) from problem
        except FileNotFoundError:
            pass  # its last holder took the file away after it was opened
        file.close()


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM and a closed terminal clean up as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _spawn(state: State) -> None:
    log = state.logs / "supervisor.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tabstream.local.supervisor", str(state.root)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, _VARIABLE: str(state.root.resolve())},
        )
    try:
        deadline = time.monotonic() + _SUPERVISOR_SECONDS
        while not is_up(state):
            if process.poll() is not None or time.monotonic() > deadline:
                raise OperatorError(f"the supervisor did not start; the end of {log}:\n{tail(log)}", "see above")
            time.sleep(_POLL_SECONDS)
    except BaseException:
        process.terminate()
        process.wait(_DOWN_SECONDS)
        raise


def _wait_until_ready(state: State, say: Callable[[str], None], only: str | None = None) -> None:
    shown: dict[str, str] = {}
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if not is_up(state):
            log = state.logs / "supervisor.log"
            raise OperatorError(f"the stack was ended meanwhile; the end of {log}:\n{tail(log)}", "run the command again")
        services = [s for s in status(state) if only is None or s["name"] == only]
        for service in services:
            if shown.get(service["name"]) != service["condition"]:
                shown[service["name"]] = service["condition"]
                say(f"{service['name']}: {service['condition']}")
            if service["restarts"] >= _GIVE_UP_AFTER_RESTARTS and not service["ever_ready"]:
                raise _not_started(state, service)
        late = [s for s in services if s["condition"] not in ("ready", "done", "stopped")]
        if not late:
            return
        if time.monotonic() > deadline:
            raise _not_started(state, late[0])
        time.sleep(_POLL_SECONDS)


def _not_started(state: State, service: dict[str, Any]) -> OperatorError:
    log = state.logs / f"{service['name']}.log"
    why = service["problem"] or service["condition"]
    return OperatorError(
        f"{service['name']} did not start ({why}); the end of {log}:\n{tail_of_failure(log)}",
        "correct what it says and run `tabstream local up` again; `tabstream local down --wipe` begins afresh",
    )


def _bring_down(state: State) -> None:
    supervisor = _supervisor(state)
    if supervisor is not None:
        with suppress(psutil.NoSuchProcess):
            supervisor.resume()
            supervisor.terminate()
        try:
            supervisor.wait(_DOWN_SECONDS)
        except psutil.TimeoutExpired:
            supervisor.kill()
    end_orphans(state)
    state.supervisor_file.unlink(missing_ok=True)


def _supervisor(state: State) -> psutil.Process | None:
    try:
        own = json.loads(state.supervisor_file.read_text(encoding="utf-8"))
        process = psutil.Process(own["pid"])
        same = abs(process.create_time() - own["created"]) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, psutil.Error):
        return None


def _ask(state: State, request: dict[str, Any]) -> dict[str, Any]:
    try:
        own = json.loads(state.supervisor_file.read_text(encoding="utf-8"))
        with Client(("127.0.0.1", own["port"]), authkey=bytes.fromhex(own["key"])) as connection:
            connection.send(request)
            answer: dict[str, Any] = connection.recv()
            return answer
    except (OSError, ValueError, EOFError) as problem:
        raise OperatorError(f"the local stack of {state.root} is not running", "start it: tabstream local up") from problem
