"""What a request can be refused with.

`Refused` is an INVALID_ARGUMENT (400) with the text that Google gives; the server adds which request it was.
"""


class Refused(Exception):
    """The workbook does not allow this; `message` is what Google answers, without the `Invalid requests[N]` prefix."""

    def __init__(self, message: str, prefixed: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.prefixed = prefixed
