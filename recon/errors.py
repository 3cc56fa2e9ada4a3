"""Every error that stops work, with its exit code.

    ReconError
    ├── UsageError          2   the command line asks for what is not there
    ├── BadInputError       3   a case or an input that is not what it says it is
    │   └── CaseError       3   case.toml, with the line
    ├── UnreachableError    4   a source that did not answer, or refused
    └── IntegrityError      5   evidence that does not match its hash

Exit codes 0 (nothing disagrees) and 1 (findings) are answers, not errors.
What stops one export and not the others is *recorded* with :meth:`Acquisition.failed`
or as a :class:`~recon.collector.Warn`, and decides the exit code at the end.
"""

from __future__ import annotations


class ReconError(Exception):
    """An error that a person can act on: what was expected, what was found, where, what to do."""

    exit_code = 3

    def __init__(self, expected: str, found: str, where: str, todo: str = "") -> None:
        """Keep the four parts apart, so that programs can read them too."""
        self.expected = expected
        self.found = found
        self.where = where
        self.todo = todo
        super().__init__(expected, found, where, todo)

    def __str__(self) -> str:
        text = f"{self.where}: expected {self.expected}; found {self.found}"
        return f"{text}; {self.todo}" if self.todo else text


class UsageError(ReconError):
    """The command line asks for something that is not there."""

    exit_code = 2


class BadInputError(ReconError):
    """A case or an input that is not what it says it is."""

    exit_code = 3


class CaseError(BadInputError):
    """A wrong ``case.toml``; ``where`` holds file and line."""


class UnreachableError(ReconError):
    """A source that did not answer, or refused."""

    exit_code = 4


class IntegrityError(ReconError):
    """Evidence that does not match its hash."""

    exit_code = 5
