"""What the local stack runs: order, addresses, settings, and that no secret is in a command line."""

from pathlib import Path

import pytest

from connectors.source import Source, configuration
from tabstream.config import Settings
from tabstream.local.preparing import prepare
from tabstream.local.programs import Programs
from tabstream.local.services import Addresses, Service, connect_properties, kafka_properties, read_settings, services
from tabstream.local.state import USUAL_PORTS, State, write_secret

REPOSITORY = Path(__file__).parents[2]
SECRET_ARGUMENTS = ("password", "secret")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    made = State(tmp_path / "state")
    made.prepare()
    return made


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(Path("/java"), Path("/jars"), Path("/postgres"), REPOSITORY, None)


def named(state: State, programs: Programs) -> dict[str, Service]:
    return {service.name: service for service in services(state, USUAL_PORTS, programs)}


def all_needs(found: dict[str, Service], name: str) -> set[str]:
    """Everything that is ready before the service starts."""
    direct = set(found[name].needs)
    return direct.union(*(all_needs(found, need) for need in direct))


def test_everything_starts_after_what_it_needs(state: State, programs: Programs) -> None:
    found = named(state, programs)
    assert all(set(service.needs) <= set(found) for service in found.values())
    assert all(name not in all_needs(found, name) for name in found)
    assert all_needs(found, "connect") >= {"kafka"}
    assert all_needs(found, "connector") >= {"postgres", "kafka", "registry", "connect"}
    assert all_needs(found, "sheet-sink") >= {"emulator", "connector"}
    assert all_needs(found, "database-sink") >= {"postgres", "connector"}


def test_another_server_takes_the_place_of_postgresql(state: State, programs: Programs) -> None:
    write_secret(state.external_database_file, "postgresql://me:p@elsewhere/x\n")
    found = named(state, programs)
    assert "postgres" not in found
    assert all("postgres" not in service.needs for service in found.values())
    assert found["database-sink"].environment["TABSTREAM_DATABASE_URL"] == "postgresql://me:p@elsewhere/x"


def test_no_secret_is_in_a_command_line(state: State, programs: Programs) -> None:
    secrets = [path.read_text().strip() for path in (state.database_password_file, state.producer_secret_file)]
    for service in named(state, programs).values():
        assert not [part for part in service.command if any(secret in part for secret in secrets)]


def test_the_processes_get_settings_that_they_know(state: State, programs: Programs) -> None:
    known = {f"TABSTREAM_{name.upper()}" for name in Settings.model_fields}
    for service in named(state, programs).values():
        given = {name for name in service.environment if name.startswith("TABSTREAM_")}
        assert given <= known


def test_the_database_url_survives_any_password(state: State) -> None:
    write_secret(state.database_password_file, "a/b@c:d%e")
    url = Addresses(state, USUAL_PORTS).database_url
    made = configuration(Source(url, "x", "http://r", ()))
    assert made["database.password"] == "a/b@c:d%e"
    assert made["database.port"] == str(USUAL_PORTS["postgres"])


def test_the_shared_configuration_is_used_with_the_stack_s_own_addresses(
    state: State, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secret(state.external_database_file, "postgresql://me@elsewhere/x")
    (state.kafka / "data").mkdir(parents=True)
    (state.kafka / "data" / "meta.properties").touch()
    ports = {**USUAL_PORTS, "kafka": 19092, "controller": 19093, "connect": 18083}
    prepare(state, ports, programs)
    broker, worker = properties(kafka_properties(state)), properties(connect_properties(state))
    assert broker["listeners"] == "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093"
    assert broker["log.dirs"] == str(state.kafka / "data")
    assert worker["bootstrap.servers"] == "127.0.0.1:19092"
    assert worker["listeners"] == "http://127.0.0.1:18083"
    shared = properties(REPOSITORY / "connectors" / "worker.properties")
    assert {key for key in shared if worker[key] != shared[key]} == {"bootstrap.servers", "listeners", "plugin.path"}


def properties(path: Path) -> dict[str, str]:
    """A properties file as Java reads it: the last of two settings counts."""
    lines = [line.partition("=") for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return {key: value for key, _, value in lines}


def test_postgresql_s_settings_are_those_of_the_containers_but_for_the_address() -> None:
    found = read_settings(REPOSITORY / "deploy" / "postgres" / "postgresql.conf")
    assert found["wal_level"] == "logical"
    assert "listen_addresses" not in found


def test_comments_and_quotes_of_a_postgresql_conf_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "postgresql.conf"
    path.write_text("# a = b\nwal_level = logical   # why\nlog_line_prefix = '%m '\n\nlisten_addresses = '*'\n")
    assert read_settings(path) == {"wal_level": "logical", "log_line_prefix": "%m "}
