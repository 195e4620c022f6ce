"""How long a person waits for `tabstream status`: the whole command, with the start of Python in it."""

import os
import subprocess
import sys
import time

from tabstream.local.services import Addresses
from tabstream.local.state import State
from tabstream.operations.benchmark.figure import Figure
from tabstream.operations.measuring.percentiles import milliseconds, percentile

_SECONDS = 60.0


def status_answers(state: State, times: int) -> Figure:
    """Asks a stack so many times, one after the other. Raises CalledProcessError where it doesn't answer."""
    environment = {**os.environ, **Addresses(state, state.ports()).settings()}
    took = [_milliseconds(environment) for _ in range(times)]
    measured = f"p50 {milliseconds(percentile(took, 0.5))}, longest {milliseconds(max(took))}"
    return Figure("tabstream status, the whole command", measured, str(times), "under 1 s")


def _milliseconds(environment: dict[str, str]) -> float:
    began = time.monotonic()
    command = [sys.executable, "-m", "tabstream.cli", "status"]
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False, timeout=_SECONDS)
    if done.returncode > 1:  # 1 is an answer, too: something needs an operator
        done.check_returncode()
    return (time.monotonic() - began) * 1_000
