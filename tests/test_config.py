"""Settings come from variables or files, and a wrong one is named with what is allowed."""

from pathlib import Path

import pytest

from tabstream.config import Settings, load_settings
from tabstream.errors import ConfigurationError


def test_a_variable_sets_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABSTREAM_PRODUCER_PORT", "9999")
    monkeypatch.setenv("TABSTREAM_BINDINGS_FILE", "bindings.yaml")
    settings = load_settings()
    assert (settings.producer_port, settings.bindings_file) == (9999, Path("bindings.yaml"))


def test_a_secret_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:p@h/d\n")
    monkeypatch.setenv("TABSTREAM_DATABASE_URL_FILE", str(tmp_path / "url"))
    assert load_settings().database_url == "postgresql://u:p@h/d"
    monkeypatch.setenv("TABSTREAM_DATABASE_URL", "postgresql://other/d")
    assert load_settings().database_url == "postgresql://other/d"


def test_kafka_properties_are_passed_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("tulip\n")
    monkeypatch.setenv("TABSTREAM_KAFKA__SECURITY__PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("TABSTREAM_KAFKA__SASL__PASSWORD_FILE", str(tmp_path / "password"))
    assert load_settings().kafka == {"security.protocol": "SASL_SSL", "sasl.password": "tulip"}


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TABSTREAM_PRODUCER_PORT", "tcp://10.0.0.1:80", "TABSTREAM_PRODUCER_PORT is 'tcp://10.0.0.1:80'"),
        ("TABSTREAM_SHEETS_URL", "sheets", "must start with http:// or https://"),
        ("TABSTREAM_BOOTSTRAP_SERVERS", "kafka:abc", "must be host:port"),
        ("TABSTREAM_BOOTSTRAP_SERVERS", "one:9092,", "must be host:port"),
        ("TABSTREAM_CONNECT_URL", "http://connect:abc", "TABSTREAM_CONNECT_URL must be http:// or https:// with a host"),
        ("TABSTREAM_CONNECT_URL", "http://connect:99999", "a port from 1 to 65535"),
        ("TABSTREAM_SCHEMA_REGISTRY_URL", "http://[::1", "TABSTREAM_SCHEMA_REGISTRY_URL must be http"),
        ("TABSTREAM_SHEETS_URL", "http://", "TABSTREAM_SHEETS_URL is 'http://': must be http"),
        ("TABSTREAM_QUOTA_SHARE", "1.5", "less than or equal to 1"),
        ("TABSTREAM_LOG_FORMAT", "xml", "'json' or 'console'"),
        ("TABSTREAM_DATABASE_URL_FILE", "/nowhere/url", "TABSTREAM_DATABASE_URL_FILE names '/nowhere/url'"),
        ("TABSTREAM_TOPIC_PREFIX", "a/b", "TABSTREAM_TOPIC_PREFIX is 'a/b'"),
    ],
)
def test_a_wrong_variable_is_named_bad(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    assert message in str(raised.value)


def test_a_setting_that_a_process_needs_is_named_if_empty() -> None:
    with pytest.raises(ConfigurationError, match="TABSTREAM_BINDINGS_FILE is not set: it is the YAML file"):
        Settings().require("bootstrap_servers", "bindings_file")


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABSTREAM_DATABASE_URL", "postgresql://u:tulip@h/d")
    monkeypatch.setenv("TABSTREAM_KAFKA__SASL__PASSWORD", "tulip")
    monkeypatch.setenv("TABSTREAM_SCHEMA_REGISTRY_URL", "u:tulip@h")
    with pytest.raises(ConfigurationError) as raised:
        load_settings()
    assert "tulip" not in str(raised.value)
    monkeypatch.delenv("TABSTREAM_SCHEMA_REGISTRY_URL")
    assert "tulip" not in repr(load_settings())
