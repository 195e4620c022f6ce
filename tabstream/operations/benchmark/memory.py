"""How much memory the stack takes."""

import json

import psutil

from tabstream.local import stack
from tabstream.local.state import State


def resident_bytes(state: State) -> dict[str, int]:
    """Bytes by service, the supervisor included; pages that processes share are divided among them, where the system
    tells."""
    pids = {service["name"]: service["pid"] for service in stack.status(state) if service["pid"] is not None}
    pids["supervisor"] = json.loads(state.supervisor_file.read_text(encoding="utf-8"))["pid"]
    roots = set(pids.values())
    return {name: sum(_bytes(process) for process in _family(pid, roots - {pid})) for name, pid in pids.items()}


def _family(pid: int, others: set[int]) -> list[psutil.Process]:
    """A process with all below it, but for those that are counted on their own."""
    try:
        process = psutil.Process(pid)
        below = [child for child in process.children() if child.pid not in others]
    except psutil.Error:
        return []
    return [process, *(member for child in below for member in _family(child.pid, others))]


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.Error, AttributeError):
        pass
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
