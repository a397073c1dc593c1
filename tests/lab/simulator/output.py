"""Standard output of the programs here; whoever reads it may go away, as `head` does."""

import os
import sys
from collections.abc import Callable
from signal import SIGPIPE
from typing import Final, NoReturn

UNREAD: Final = 128 + SIGPIPE
"""Exit code of a program that nobody listens to any more; the one a shell reports for others."""


def write_line(line: str) -> None:
    """Write a line."""
    sys.stdout.write(line + "\n")


def exit_with(program: Callable[[], int]) -> NoReturn:
    """Run a program and exit with what it returns, or without a word if its reader is gone."""
    try:
        try:
            sys.exit(program())
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and what is left has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(UNREAD)
