"""What goes wrong in a script.

`ScriptError` is thrown into the script, which may catch it; `ScriptFailed` is what became of an execution that did not;
`BadScript` refuses files that can't be a script.
"""


class ScriptError(Exception):
    """An error as a service of Apps Script throws it; `name` is the error's name in the script."""

    def __init__(self, message: str, name: str = "Exception") -> None:
        super().__init__(message)
        self.message = message
        self.name = name


class ScriptFailed(Exception):
    """An execution that ended with an error; the message is what the script's log shows."""


class BadScript(Exception):
    """Files that Apps Script would not take; the message says why."""
