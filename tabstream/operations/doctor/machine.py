"""What is judged of this machine: the settings, the bindings file, and packages of the same names as ours.

Imports nothing of tabstream's other top-level packages: where another package stands in for one, this is all that runs.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

from tabstream.config import Settings
from tabstream.operations.doctor.findings import Finding, Group, hand, ok, shell, wrong

NAMES = ("consumers", "connectors", "schemas", "sheet_producer")
_OURS = "tabstream"
_NEEDED = ("database_url", "bindings_file")
_MACHINE = Group.MACHINE
_CLASHES = "package names"


@dataclass(frozen=True, slots=True)
class Package:
    """A top-level package by its name: the distributions that bring it, and the path of a foreign one that is imported."""

    name: str
    distributions: tuple[str, ...]
    foreign_path: str | None = None


def look_at_packages() -> list[Package]:
    """Our generic names as this interpreter finds them."""
    home = Path(__file__).parents[3]
    brought = packages_distributions()
    return [Package(name, tuple(sorted(set(brought.get(name, ())))), _foreign(name, home)) for name in NAMES]


def judge_packages(packages: Iterable[Package]) -> Iterator[Finding]:
    """Each package that clashes, or that none does."""
    clean = True
    for package in packages:
        others = [name for name in package.distributions if name != _OURS]
        if others or package.foreign_path is not None:
            clean = False
            yield _clash(package, others)
    if clean:
        yield ok(_MACHINE, _CLASHES, "no other distribution has a package of one of our names")


def shadowed(packages: Iterable[Package]) -> bool:
    """Whether tabstream can't run at all for it."""
    return any(package.foreign_path is not None for package in packages)


def judge_settings(settings: Settings, bindings_problem: str | None, count: int) -> Iterator[Finding]:
    """`bindings_problem` is what is wrong with the bindings file, `count` how many bindings it has."""
    missing = [name for name in _NEEDED if getattr(settings, name) in ("", None)]
    keys = settings.google_credentials_file, settings.google_credentials_folder
    if keys == (None, None) and not settings.sheets_url:
        missing.append("google_credentials_file")
    for name in missing:
        meaning = Settings.model_fields[name].description
        variable = f"TABSTREAM_{name.upper()}"
        yield wrong(_MACHINE, "settings", f"{variable} is not set", hand(f"set {variable}: it is {meaning}"))
    if not missing:
        yield ok(_MACHINE, "settings", "all that is needed is set")
    if bindings_problem is not None:
        step = hand("correct what it says; docs/bindings.md names all that can be said")
        yield wrong(_MACHINE, "bindings file", bindings_problem, step)
    elif settings.bindings_file is not None:
        said = f"{str(settings.bindings_file)!r}: {count} binding{'' if count == 1 else 's'}"
        yield ok(_MACHINE, "bindings file", said)


def _clash(package: Package, others: Sequence[str]) -> Finding:
    if package.foreign_path is not None:
        found = f"{package.foreign_path!r} is imported in place of tabstream's package"
    else:
        found = f"it is also in {', '.join(others)}: the one installed last has overwritten files of the other"
    apart = hand("or keep both apart: install tabstream in an environment of its own, by `uv tool install` or pipx")
    if others:
        step = shell(sys.executable, "-m", "pip", "uninstall", "--yes", *others)
    else:
        step = hand(f"move {package.foreign_path} away, or take its folder out of PYTHONPATH")
    return wrong(_MACHINE, _CLASHES, found, step, apart, subject=package.name)


def _foreign(name: str, home: Path) -> str | None:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = [Path(place) for place in spec.submodule_search_locations or ()] or [Path(spec.origin or "")]
    return None if home / name in places else str(places[0])
