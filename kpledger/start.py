"""How both commands start: whatever ends them while they are still being imported is said in words.

That takes half a second, before :mod:`kpledger.command` is there. Nothing slow is imported here.
Python itself would end with 1, which is the code of a verdict.
"""

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import Final, NoReturn

EXIT_INTERRUPTED: Final = 130
"""Ctrl-C; a shell says so of what SIGINT has ended: 128, and the number of the signal."""
_UNDECIDED, _CRASHED = 2, 70  # as kpledger.command has them
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
    try:
        main = import_module(program).main
        if is_usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        main()
    except KeyboardInterrupt as error:
        end_interrupted(*error.args)
    except ImportError as error:
        remedy = f"pip install '.[{program[2:].partition('.')[0]}]' in a clone of the project"
        if error.name == "plyvel":
            remedy += ", for LevelDB; from Python 3.13 on with a C++ compiler and libleveldb-dev"
        _end(f"the program cannot be loaded: {error}; {remedy}", _UNDECIDED)
    except (OSError, MemoryError) as error:
        _end(f"this machine hinders the program: {str(error) or 'no memory'}", _UNDECIDED)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is no verdict)
        _end(f"an error of the program itself; please report it: {error!r}", _CRASHED)


def interrupt(number: int, _frame: object) -> NoReturn:
    """Let a signal interrupt the program as Ctrl-C does."""
    raise KeyboardInterrupt(number)


def end_interrupted(number: int = signal.SIGINT) -> NoReturn:
    """End the program, which a signal has interrupted, and say so.

    Raises:
        SystemExit: always.
    """
    if sys.stderr is not None:
        sys.stderr.write(_SAID)
    raise SystemExit(128 + number)


def _end(sentence: str, code: int) -> NoReturn:
    with suppress(OSError):  # nobody can hear
        os.write(2, f"error: {sentence}\n".encode(errors="backslashreplace"))
    raise SystemExit(code) from None


def _leave() -> NoReturn:
    with suppress(OSError):  # nobody can hear
        os.write(2, _SAID.encode())
    os._exit(EXIT_INTERRUPTED)
