from tests.sheets_emulator.conftest import emulator, person, receiver, server

__all__ = ["emulator", "person", "receiver", "server"]
