"""A secret can be changed while the producer runs."""

from pathlib import Path

import pytest

from sheet_producer.secret_file import SecretFile
from tabstream.errors import ConfigurationError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("tulip-tulip-tulip\n")
    return path


def test_a_changed_file_is_read_again(path: Path) -> None:
    file = SecretFile(path)
    assert file.secrets() == (b"tulip-tulip-tulip",)
    path.write_text("crocus-crocus-crocus\n\ntulip-tulip-tulip\n")
    assert file.secrets() == (b"crocus-crocus-crocus", b"tulip-tulip-tulip")


@pytest.mark.parametrize(
    "spoil", [Path.unlink, lambda path: path.write_text("\n"), lambda path: path.write_bytes(b"\xff\xff")]
)
def test_a_file_that_is_spoilt_later_leaves_the_secrets_bad(path: Path, spoil: object) -> None:
    assert callable(spoil)
    file = SecretFile(path)
    spoil(path)
    assert file.secrets() == (b"tulip-tulip-tulip",)


def test_a_file_that_can_not_be_used_at_the_start_is_refused_bad(path: Path) -> None:
    path.write_text("  \n")
    with pytest.raises(ConfigurationError, match="is empty: write a secret to it"):
        SecretFile(path)
    path.unlink()
    with pytest.raises(ConfigurationError, match="TABSTREAM_PRODUCER_SECRET_FILE can't be read"):
        SecretFile(path)
