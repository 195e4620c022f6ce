"""Calls of the Sheets API: what is left of the quota, and how many were made."""

import time
from collections import Counter

from tabstream.operations.demo.emulator import Call, Emulator
from tabstream.operations.demo.reader import READER
from tabstream.operations.demo.story.scene import StepFailed

_LOOK_SECONDS = 1.0
_WAIT_SECONDS = 120.0


def calls_since(emulator: Emulator, number: int) -> list[Call]:
    """The calls after a number, but for those of the comparing reader."""
    return [call for call in emulator.calls(number) if call.user != READER]


def wait_for_quota(emulator: Emulator, left_used: int = 6) -> None:
    """Waits until hardly anything of the last minute's quota is used; StepFailed if that does not come."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while (used := emulator.used(apart_from=READER)) > left_used:
        if time.monotonic() > deadline:
            raise StepFailed(f"{used} calls a minute are made while nothing happens")
        time.sleep(_LOOK_SECONDS)


def summary(calls: list[Call]) -> str:
    """`3 reads (get 3), 1 write (batchUpdate 1)`."""
    parts = []
    for kind in ("read", "write"):
        methods = Counter(call.method for call in calls if call.kind == kind)
        count = methods.total()
        named = ", ".join(f"{method} {times}" for method, times in methods.most_common())
        parts.append(f"{count} {kind}{'' if count == 1 else 's'}" + (f" ({named})" if named else ""))
    return ", ".join(parts)
