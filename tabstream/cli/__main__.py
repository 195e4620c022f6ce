"""`python -m tabstream.cli`: the same as the command `tabstream`."""

from tabstream.cli.entry import main

main()
