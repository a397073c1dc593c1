"""How both commands start: Ctrl-C ends them in words, also while they are still being imported.

That takes half a second, before :mod:`kpledger.command` is there. Nothing slow is imported here.
"""

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Final, NoReturn

EXIT_INTERRUPTED: Final = 130
"""Ctrl-C; a shell says so of what SIGINT has ended."""
_SAID: Final = "interrupted\n"


def start(program: str) -> None:
    """Import the module of a command, and run its function ``main``.

    Raises:
        SystemExit: the command has ended, or was interrupted.
    """
    # Processes that it starts run nothing that lies in the directory it was started in.
    os.environ["PYTHONSAFEPATH"] = "1"
    # What is raised while a module is imported may be swallowed on its way; the end is not. Who
    # ignores interrupts, as in the background of a script, goes on doing so.
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_usual:
        signal.signal(signal.SIGINT, lambda _number, _frame: _leave())
    main = import_module(program).main
    if is_usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        end_interrupted()


def end_interrupted() -> NoReturn:
    """End the program, which was interrupted, and say so.

    Raises:
        SystemExit: always.
    """
    if sys.stderr is not None:
        sys.stderr.write(_SAID)
    raise SystemExit(EXIT_INTERRUPTED)


def _leave() -> NoReturn:
    with suppress(OSError):  # nobody can hear
        os.write(2, _SAID.encode())
    os._exit(EXIT_INTERRUPTED)
