"""One real stack for all tests that need one; a stack that does not start fails them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tabstream.local.state import USUAL_PORTS, State
from tabstream.operations.demo.installing import Place, install
from tabstream.operations.demo.story.scene import Scene
from tests.stack.local_stack import LocalStack, TakenPorts

TAKEN = ("kafka", "registry", "producer")


# Half an hour together: `make long-test` runs them, `make test` does not.
LONG = (
    "test_binding_a_tab",
    "test_doctor",
    "test_estates",
    "test_operating",
    "test_replay",
    "test_scale_out",
    "test_security",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a stack."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.long if item.path.stem in LONG else pytest.mark.stack)


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A home folder that nobody else can read."""
    folder = Path(tempfile.mkdtemp(prefix="tabstream-home-"))
    folder.chmod(0o700)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def stack(home: Path) -> Iterator[LocalStack]:
    """A stack that is up, in a home that others can't read, on a machine where some usual ports are taken."""
    made = LocalStack(home / "stack", HOME=str(home))
    taken = TakenPorts(USUAL_PORTS[name] for name in TAKEN)
    try:
        made.up()
        yield made
    finally:
        taken.close()
        made.local("down", "--wipe")
    left = made.leftovers() + [str(path) for path in (made.folder, State(made.folder).postgres) if path.exists()]
    assert left == [], "the stack leaves something behind"


@pytest.fixture(scope="module")
def bound(home: Path) -> Iterator[tuple[LocalStack, Place]]:
    """A stack of its own with the demo's table bound to a tab."""
    made = LocalStack(home / "loop", HOME=str(home))
    made.up()
    try:
        yield made, install(State(made.folder), lambda text: None)
    finally:
        made.local("down", "--wipe")


@pytest.fixture(scope="module")
def scene(bound: tuple[LocalStack, Place]) -> Iterator[Scene]:
    """Both sides of the bound table, and a person."""
    with Scene(bound[1]) as made:
        httpx.put(f"{bound[1].sheets_url}/control/settings", json={"quotas": False}).raise_for_status()
        made.until_equal(60)
        yield made


@pytest.fixture
def spare(home: Path) -> Iterator[LocalStack]:
    """A second stack, not started, for tests of starts that fail."""
    folder = Path(tempfile.mkdtemp(dir=home))
    made = LocalStack(folder / "stack", HOME=str(home))
    yield made
    made.local("down", "--wipe")
    shutil.rmtree(folder)
