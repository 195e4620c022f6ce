"""Where the command `tabstream` begins: imports almost nothing, so that Ctrl-C is quiet while the rest is imported."""

import sys


def main() -> None:
    """Runs the command line; Ctrl-C, whenever it comes, ends with exit code 130 and no stack trace."""
    try:
        from tabstream.cli.main import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.exit(130)
