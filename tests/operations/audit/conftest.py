"""A spreadsheet of the emulator, for operations that look at one."""

from tests.sheet_sink.conftest import empty_desk, leads, server, services

__all__ = ["empty_desk", "leads", "server", "services"]
