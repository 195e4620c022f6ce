from collections.abc import Iterator

import pytest

from consumers.sheet_sink.services import Services
from tests.core.tabs import desired
from tests.kafka.conftest import registry
from tests.sheet_sink import desk
from tests.sheet_sink.desk import Desk
from tests.sheets_emulator.process import EmulatorProcess, emulator_process

__all__ = ["registry"]


@pytest.fixture(scope="package")
def server() -> Iterator[EmulatorProcess]:
    with emulator_process("--no-quotas") as found:
        yield found


@pytest.fixture(scope="package")
def services(server: EmulatorProcess) -> Iterator[Services]:
    with desk.broker() as address, desk.services(server.url, address) as made:
        yield made


@pytest.fixture
def empty_desk(services: Services, server: EmulatorProcess) -> Iterator[Desk]:
    """A spreadsheet that is not set up yet."""
    with desk.desk(services, server) as made:
        yield made


@pytest.fixture
def leads(empty_desk: Desk) -> Desk:
    """The tab, set up and without rows."""
    empty_desk.set_up()
    return empty_desk


@pytest.fixture
def filled(leads: Desk) -> Desk:
    """Three rows, with a remark of somebody's at each."""
    leads.change(desired(1, "Ada", 1.0, 0), desired(2, "Bo", 2.0, 0), desired(3, "Cy", 3.0, 0))
    leads.flush()
    for row in (2, 3, 4):
        leads.person.act("type", cell=f"E{row}", text=f"remark {row - 1}")
    return leads
