"""The state folder: ports, secrets, and where PostgreSQL's data can lie."""

import itertools
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tabstream.bindings_file import load_bindings
from tabstream.local import state as state_module
from tabstream.local.state import USUAL_PORTS, State, choose, is_free, open_to_others

USUAL = {"a": 10, "b": 20, "c": 30}


def counter() -> Callable[[], int]:
    return itertools.count(1000).__next__


@pytest.mark.parametrize(
    ("before", "taken", "chosen"),
    [
        ({}, set(), {"a": 10, "b": 20, "c": 30}),
        ({}, {20}, {"a": 10, "b": 1000, "c": 30}),
        ({"a": 11, "b": 21, "c": 31}, set(), {"a": 11, "b": 21, "c": 31}),
        ({"a": 11, "b": 21, "c": 31}, {21}, {"a": 11, "b": 20, "c": 31}),
        ({"a": 11, "b": 21, "c": 31}, {21, 20}, {"a": 11, "b": 1000, "c": 31}),
        ({"a": 20}, set(), {"a": 20, "b": 1000, "c": 30}),
        ({"gone": 77}, set(), {"a": 10, "b": 20, "c": 30}),
    ],
)
def test_ports_are_those_of_last_time_else_the_usual_else_any(
    before: dict[str, int], taken: set[int], chosen: dict[str, int]
) -> None:
    assert choose(before, USUAL, lambda port: port not in taken, counter()) == chosen


def test_no_two_parts_get_the_same_port() -> None:
    ports = iter([5, 5, 6, 6, 7])
    assert choose({}, USUAL, lambda port: False, lambda: next(ports)) == {"a": 5, "b": 6, "c": 7}


def test_a_port_on_which_somebody_listens_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert not is_free(listener.getsockname()[1])


def test_the_chosen_ports_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "is_free", lambda port: port != USUAL_PORTS["kafka"])
    state = State(tmp_path)
    chosen = state.choose_ports()
    assert chosen["kafka"] != USUAL_PORTS["kafka"]
    assert {**chosen, "kafka": 0} == {**USUAL_PORTS, "kafka": 0}
    assert len(set(chosen.values())) == len(chosen)
    monkeypatch.setattr(state_module, "is_free", lambda port: True)
    assert State(tmp_path).choose_ports() == chosen == json.loads((tmp_path / "ports.json").read_text())


def test_a_new_state_folder_has_secrets_of_its_own_and_no_bindings(tmp_path: Path) -> None:
    one, other = State(tmp_path / "one"), State(tmp_path / "other")
    for state in (one, other):
        state.prepare()
    secrets = {path.read_text() for s in (one, other) for path in (s.producer_secret_file, s.database_password_file)}
    assert len(secrets) == 4
    assert one.producer_secret_file.stat().st_mode & 0o777 == 0o600
    assert load_bindings(one.bindings_file).bindings == ()


def test_preparing_again_changes_nothing(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    state.prepare()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_is_closed_where_one_above_it_is(tmp_path: Path) -> None:
    inner = tmp_path / "home" / "project"
    inner.mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    assert not open_to_others(inner)


def test_root_keeps_postgresql_s_data_where_its_user_can_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    tmp_path.chmod(0o700)
    one, other = State(tmp_path / "one"), State(tmp_path / "other")
    assert open_to_others(one.postgres.parent)
    assert one.postgres != other.postgres
    assert one.postgres == State(tmp_path / "." / "one").postgres


def test_a_user_keeps_postgresql_s_data_in_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    tmp_path.chmod(0o700)
    assert State(tmp_path).postgres.parent == tmp_path
