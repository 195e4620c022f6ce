from collections.abc import Iterator

import pytest

from tests.sheets_emulator.running import Emulator, Person, Receiver, running


@pytest.fixture(scope="session")
def server() -> Iterator[Emulator]:
    with running() as found:
        yield found


@pytest.fixture
def emulator(server: Emulator) -> Emulator:
    """The server, with a spreadsheet that only this test uses."""
    server.new_book()
    return server


@pytest.fixture
def person(emulator: Emulator) -> Person:
    return emulator.person()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()
