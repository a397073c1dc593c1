"""What can go wrong on the people's side, and the exit code each kind of trouble ends with.

The errors of the ledger itself are in :mod:`kpledger.base.errors`; here are those of files, keys
and lines. Every class of this package derives from :class:`ClientError`.
"""

from pathlib import Path
from typing import ClassVar

from kpledger.command import EXIT_REFUSED, EXIT_UNDECIDED


class ClientError(Exception):
    """Anything that ends a command."""

    EXIT_CODE: ClassVar[int] = EXIT_UNDECIDED
    IS_ANSWERED: ClassVar[bool] = False
    """Whether the command has given its answer, and only the exit code is left to be said."""

    def describe(self) -> dict[str, str]:
        """Give what is known about it, name by name."""
        return {"detail": str(self)}


class UsageError(ClientError):
    """What was asked for makes no sense; says what would.

    Attributes:
        field: the option, file or line it is about.
    """

    def __init__(self, field: str, problem: str, accepted: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
        self.accepted = accepted

    def describe(self) -> dict[str, str]:
        """Give what is known about it, name by name."""
        return {"detail": self.problem, "field": self.field, "accepted": self.accepted}


class FileError(ClientError):
    """A file or a directory that cannot be used.

    Attributes:
        path: which.
    """

    TROUBLE: ClassVar[str] = ""
    """What all errors of its class say of the file."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}{self.TROUBLE}: {problem}")
        self.path = path


class PartlyRefusedError(ClientError):
    """Some of what was sent was refused; the answer says which."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED
    IS_ANSWERED: ClassVar[bool] = True


class PartlyUndecidedError(ClientError):
    """Some of what was sent is not decided yet; the answer says which."""

    EXIT_CODE: ClassVar[int] = EXIT_UNDECIDED
    IS_ANSWERED: ClassVar[bool] = True
