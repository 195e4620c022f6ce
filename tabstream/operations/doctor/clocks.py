"""What is judged of the clocks: conflicts are decided by the times of three machines. Pure."""

from collections.abc import Iterator

from tabstream.operations.doctor.findings import Finding, Group, Step, hand, ok, shell, skipped, warning, wrong

CHECKS = ("google", "database")
_CLOCKS = Group.CLOCKS
_NOTICED_MS = 1_000
_GRAVE_MS = 60_000
_SYNCHRONISE = shell("sudo", "timedatectl", "set-ntp", "true")

Ahead = tuple[float, float]
"""How far another clock is ahead of this machine's: at least, at most, in milliseconds."""


def judge(google: Ahead | None, database: Ahead | None) -> Iterator[Finding]:
    """Google's clock is taken to be right; None where it could not be seen."""
    off = _off(google) if google is not None else 0
    if google is None:
        yield from skipped(_CLOCKS, ["google"], "Google has not answered")
    else:
        yield _finding("google", off, f"this machine is {_said(-off)} Google", _SYNCHRONISE)
    if database is None:
        yield from skipped(_CLOCKS, ["database"], "the database can't be asked")
    else:
        apart = _off(database)
        step = _SYNCHRONISE if off else hand(f"on the database's machine, run: {_SYNCHRONISE.text}")
        yield _finding("database", apart, f"the database is {_said(apart)} this machine", step)


def _finding(check: str, off_ms: float, said: str, step: Step) -> Finding:
    if abs(off_ms) > _GRAVE_MS:
        return wrong(_CLOCKS, check, said, step)
    if off_ms:
        return warning(_CLOCKS, check, f"{said}: conflicts may be decided the wrong way", step)
    return ok(_CLOCKS, check, "within a second of this machine")


def _off(ahead: Ahead) -> float:
    """What is certain of the difference, 0 where it may be a second or less."""
    least, most = ahead
    if least > _NOTICED_MS:
        return least
    return most if most < -_NOTICED_MS else 0


def _said(off_ms: float) -> str:
    return f"{abs(off_ms) / 1000:.0f} s {'ahead of' if off_ms > 0 else 'behind'}"
