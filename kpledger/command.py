"""How both commands end, ``kpledger`` and ``kpnode``: their exit codes, and whatever goes wrong.

A verdict is heard by scripts, so each code has one meaning, and what a program did not foresee
never ends with the code of a verdict. Beside the two programs nothing imports this module: it knows
streams and Typer, which the library needs nowhere else.
"""

import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TextIO

import typer
from rich.console import Console
from typer.core import TyperGroup

from kpledger.base.selftest import LibraryError, check_libraries
from kpledger.base.text import clean, shorten
from kpledger.reading import say_trouble
from kpledger.start import end_interrupted

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

EXIT_DONE: Final = 0
EXIT_REFUSED: Final = 1
"""A rule said no, something is not what it claims to be, or what is meant is not there."""
EXIT_UNDECIDED: Final = 2
"""Wrong usage, or nothing could be found out: unreachable, unreadable, not decided yet."""
EXIT_LATER: Final = 75
"""The system lacks something for the moment; the same may do a moment later (EX_TEMPFAIL)."""
EXIT_CRASHED: Final = 70
"""An error of the program itself (EX_SOFTWARE of sysexits.h): nothing is said of the ledger."""
EXIT_UNREAD: Final = 141
"""Whoever read the answer stopped reading; a shell says so of what SIGPIPE has ended."""

_UNFOLDED: Final = 1_000_000
"""Columns where nothing is to be folded."""
_STANDARD: Final = 3
"""Descriptors that every program has: standard input, output and error."""


class Program(TyperGroup):
    """The commands of a program; whatever they raise ends it with a sentence and an exit code."""

    def main(self, *args: object, **options: object) -> object:
        """Run the command that was typed, and end the program."""
        _claim_streams()
        return super().main(*args, **options)  # type: ignore[arg-type]  # passed on as they come

    def make_context(self, *args: object, **options: object) -> typer.Context:
        """Read what was typed; prints help."""
        with _ending():
            return super().make_context(*args, **options)  # type: ignore[arg-type,return-value]

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # of Typer's own click
        """Run the command, if the libraries give the answers that they are known to give."""
        with _ending():
            check_libraries()
            return super().invoke(ctx)


def make_program(
    name: str, version: str, about: str, example: str, *, cls: type[Program] = Program
) -> typer.Typer:
    """Make what the commands of a program are added to; its help ends with an example."""
    app = typer.Typer(
        name=name,
        cls=cls,
        help=about,
        epilog=example_epilog(example),
        context_settings={"max_content_width": 100},
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    def print_version(wanted: bool) -> None:  # noqa: FBT001 (the signature of a typer callback)
        if wanted:
            typer.echo(f"{name} {version}")
            raise typer.Exit

    wanting = typer.Option(
        "--version", callback=print_version, is_eager=True, help="Print the version."
    )

    @app.callback(help=about)
    def start(*, _version: Annotated[bool, wanting] = False) -> None:
        """Take what stands in front of every command."""

    return app


def example_epilog(example: str) -> str:
    """Give what a help ends with."""
    return f"\b\nExample:\n  {example}"


def number_parser(
    kind: type[int] | type[float], least: float | None = None, most: float | None = None
) -> Callable[[object], int | float]:
    """Give what reads a number that is typed: digits, at most with a point, as in every table.

    Python would take ``1_0``, blanks, and the digits of every script.
    """
    form = re.compile(r"-?\d{1,15}" + r"(\.\d{1,9})?" * (kind is float), re.ASCII)

    def read(typed: object) -> int | float:
        if form.fullmatch(str(typed)) is None:
            raise ValueError(f"a {'' if kind is float else 'whole '}number is expected")
        number = kind(str(typed))
        if least is not None and number < least:
            raise ValueError(f"{least} is the least")
        if most is not None and number > most:
            raise ValueError(f"{most} is the most")
        return number

    return read


@contextmanager
def _ending() -> Iterator[None]:
    """End the program if something goes wrong that no command has dealt with.

    Raises:
        SystemExit: something did; what is wrong has been said.
    """
    try:
        yield
    except (KeyboardInterrupt, typer.Abort, EOFError) as error:
        # A prompt that is interrupted aborts, as does one that nobody can answer.
        for one in (error, error.__context__):
            if isinstance(one, KeyboardInterrupt):
                end_interrupted(*one.args)
        _say("standard input has ended, and there is a question to be answered on it")
        raise SystemExit(EXIT_UNDECIDED) from None
    except OSError as error:
        end_on_error(error)
    except (LibraryError, ImportError, MemoryError) as error:
        _say(str(error) or "there is not enough memory on this machine")
        raise SystemExit(EXIT_UNDECIDED) from None
    except Exception as error:
        if str(error) == "can't start new thread":
            _say("no thread can be started: end other processes, or raise their limit (ulimit -u)")
            raise SystemExit(EXIT_UNDECIDED) from None
        if isinstance(error, typer.BadParameter):
            error.message = error.message.removeprefix("Value error, ")
        if isinstance(getattr(error, "exit_code", None), int):
            raise  # what Typer itself knows to end the program with
        _say(_describe_crash(error))
        _forget_output()
        raise SystemExit(EXIT_CRASHED) from None


def end_on_error(error: OSError, where: str = "") -> NoReturn:
    """End a program that cannot read or write what it has to.

    If nobody reads its answer any more, as behind ``| head``, there is nothing to say.

    Raises:
        SystemExit: always.
    """
    is_unread = isinstance(error, BrokenPipeError)
    if not is_unread:
        _say(f"{where}{say_trouble(error)}")
    _forget_output()
    raise SystemExit(EXIT_UNREAD if is_unread else EXIT_UNDECIDED) from None


def _describe_crash(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    said = shorten(f"{type(error).__name__}: {error}".removesuffix(": "))
    return f"an error of the program itself, which decides nothing; please report it: {said}{place}"


def _claim_streams() -> None:
    """See that there is somewhere to write to, before anything is done.

    Raises:
        SystemExit: standard output is closed.
    """
    # A file that is opened next would take the number of a closed stream, and what is said with it.
    while (free := os.open(os.devnull, os.O_RDWR)) < _STANDARD:
        pass
    os.close(free)
    is_closed = sys.stdout is None
    sys.stdin, sys.stdout, sys.stderr = (
        _nowhere() if stream is None else stream for stream in (sys.stdin, sys.stdout, sys.stderr)
    )
    sys.stderr = _forgive(sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Programs read UTF-8, whatever people read here; what nobody can read, as standard error.
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
    if is_closed:
        _say("standard output is closed; send it to a file, or to /dev/null")
        raise SystemExit(EXIT_UNDECIDED)


def open_console(stream: TextIO) -> Console:
    """Give what lays text out for a stream: plain and unfolded unless a terminal is behind it.

    Variables such as ``FORCE_COLOR`` or ``COLUMNS`` change nothing of that.
    """
    is_terminal = stream.isatty()
    width = None if is_terminal else _UNFOLDED
    return Console(file=stream, force_terminal=is_terminal, highlight=False, width=width)


class _Deaf(io.FileIO):
    """Standard error where nobody can hear: that changes no verdict and no exit code."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write what can be written."""
        try:
            return super().write(data)
        except OSError:
            return len(memoryview(data))


def _forgive(stream: TextIO) -> TextIO:
    """Give standard error so that a full disk or a closed pipe behind it ends nothing."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return stream  # a test's
    raw = io.BufferedWriter(_Deaf(number, "w", closefd=False))
    return io.TextIOWrapper(
        raw, encoding=stream.encoding, errors="backslashreplace", line_buffering=True
    )


def _nowhere() -> TextIO:
    return Path(os.devnull).open("r+", encoding="utf-8")


def _forget_output() -> None:
    """See that what could not be written is not tried again when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)


def _say(sentence: str) -> None:
    """Tell people, if there is anywhere to say it."""
    try:
        sys.stderr.write(f"error: {clean(sentence)}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
