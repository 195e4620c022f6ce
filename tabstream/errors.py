"""Every error of tabstream, split by what the caller does next.

TabstreamError
├── Outage                    wait and try again: nothing is wrong with the data
├── Poison                    this one message can never be read: dead-letter topic, go on
│   └── UnknownForm           because it is written in a form that is not read
├── NotAccepted               a person's value can't be saved: tell the person why
├── BindingProblem            this binding pauses until an operator acts; the others go on
│   └── FormRefused           its topic is written in a form that loses something
├── ConfigurationError        refuse to start: an operator's mistake
└── OperatorError             a command can't be done as asked: say so, exit non-zero
"""


class TabstreamError(Exception):
    """Base of all errors raised by tabstream on purpose."""


class Outage(TabstreamError):
    """Something outside can't be reached or is overloaded; the same call may work later.

    `remedy` is printed under the message, where an operator can do more than wait.
    """

    remedy = ""


class Poison(TabstreamError):
    """A message that no retry will make readable."""


class UnknownForm(Poison):
    """A message in a form that is not read; `what` names it, `remedy` says what an operator can set instead."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class NotAccepted(TabstreamError):
    """A value that a column can't take; `reason` is in plain words, for the person who typed it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BindingProblem(TabstreamError):
    """What one binding needs is missing; `remedy` says what an operator can do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}: {remedy}")
        self.problem = problem
        self.remedy = remedy


class FormRefused(BindingProblem):
    """A topic is written in a form in which a bound column loses something. `at` is the partition and offset of the message
    that showed it, where that is known."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.at: tuple[int, int] | None = None


class ConfigurationError(TabstreamError):
    """A setting or a file is wrong: the message names it, where it is, and what is allowed."""


class OperatorError(TabstreamError):
    """A command that can't be carried out as asked; `remedy` is printed under the message."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
