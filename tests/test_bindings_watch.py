"""A changed bindings file is taken up by a running process; a wrong one is refused, and the bindings stay as they were."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from tabstream.bindings_watch import WatchedBindings
from tabstream.core.binding import Binding, binding_changes
from tabstream.errors import ConfigurationError
from tests.bindings_text import bindings_text
from tests.sheets_emulator.running import until

LEADS = Binding("leads", "leads", "crm", "1AbC-x_y", "Leads")
ORDERS = Binding("orders", "orders", "crm", "1AbC-x_y", "Orders")
WRONG = "version: 1\nspreadsheets: {}\nbindings:\n  - {name: leads, tabel: leads}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "bindings.yaml"
    made.write_text(bindings_text(LEADS), encoding="utf-8")
    return made


@pytest.fixture
def watched(file: Path) -> WatchedBindings:
    return WatchedBindings(file)


@pytest.fixture
def running(watched: WatchedBindings) -> Iterator[WatchedBindings]:
    stop = threading.Event()
    watched.start(stop)
    yield watched
    stop.set()
    watched.reload()


def names(watched: WatchedBindings) -> list[str]:
    return [binding.name for binding in watched.current.bindings]


def refused() -> float | None:
    return REGISTRY.get_sample_value("tabstream_bindings_refused")


def test_a_file_that_is_wrong_at_the_start_is_an_operators_mistake_bad(file: Path) -> None:
    file.write_text(WRONG, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="tabel"):
        WatchedBindings(file)


def test_a_change_is_taken_up_once_it_rests(file: Path, watched: WatchedBindings) -> None:
    file.write_text(bindings_text(LEADS, ORDERS), encoding="utf-8")
    watched.look()
    assert names(watched) == ["leads"]
    watched.look()
    assert names(watched) == ["leads", "orders"]


def test_what_is_half_written_is_not_taken_up(file: Path, watched: WatchedBindings) -> None:
    file.write_text("", encoding="utf-8")
    watched.look()
    file.write_text(bindings_text(), encoding="utf-8")
    watched.look()
    file.write_text(bindings_text(LEADS), encoding="utf-8")
    watched.look()
    watched.look()
    assert names(watched) == ["leads"]
    assert watched.warnings == ()


def test_a_wrong_file_is_refused_with_its_line_until_it_is_right(file: Path, watched: WatchedBindings) -> None:
    before = watched.current
    file.write_text(WRONG, encoding="utf-8")
    watched.look()
    watched.look()
    assert watched.current is before
    [warning] = watched.warnings
    assert f"{file}:4: " in warning
    assert "unknown key 'tabel': did you mean 'table'?" in warning
    assert refused() == 1
    file.write_text(bindings_text(ORDERS), encoding="utf-8")
    watched.look()
    watched.look()
    assert (names(watched), watched.warnings, refused()) == (["orders"], (), 0)


def test_a_file_that_comes_back_as_it_was_is_refused_no_more(file: Path, watched: WatchedBindings) -> None:
    before = watched.current
    file.unlink()
    watched.look()
    watched.look()
    assert "there is no such file" in watched.warnings[0]
    file.write_text(bindings_text(LEADS), encoding="utf-8")
    watched.look()
    watched.look()
    assert watched.warnings == ()
    assert watched.current is before, "nobody has to open anything again"


def test_another_target_of_a_symbolic_link_is_a_change(tmp_path: Path) -> None:
    for name, binding in (("..first", LEADS), ("..second", ORDERS)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "bindings.yaml").write_text(bindings_text(binding), encoding="utf-8")
    data = tmp_path / "..data"
    data.symlink_to("..first")
    watched = WatchedBindings(data / "bindings.yaml")
    (tmp_path / "new").symlink_to("..second")
    (tmp_path / "new").rename(data)
    watched.look()
    watched.look()
    assert names(watched) == ["orders"]


def test_the_file_is_looked_at_every_second(file: Path, running: WatchedBindings) -> None:
    file.write_text(bindings_text(ORDERS), encoding="utf-8")
    until(lambda: True if names(running) == ["orders"] else None)


def test_what_is_asked_for_is_judged_at_the_first_look(file: Path, watched: WatchedBindings) -> None:
    file.write_text(bindings_text(ORDERS), encoding="utf-8")
    watched.look(at_once=True)
    assert names(watched) == ["orders"]


def test_bindings_are_told_apart_by_their_names() -> None:
    moved = Binding("leads", "leads", "crm", "1AbC-x_y", "Others")
    changes = binding_changes([LEADS, ORDERS], [moved, Binding("parts", "parts", "crm", "1AbC-x_y", "Parts")])
    assert ([b.name for b in changes.added], changes.removed, changes.changed) == (["parts"], ("orders",), (moved,))
    nothing = binding_changes([LEADS, ORDERS], [ORDERS, LEADS])
    assert (nothing.added, nothing.removed, nothing.changed) == ((), (), ())
