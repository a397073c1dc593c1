"""Each exit code has one meaning, whatever a command raises."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from kpledger.command import Program

SLOW = 'print("importing", flush=True)\nimport time\ntime.sleep(60)'
"""Found in the place of a library, it stands for an import that takes long."""


def run_raising(error: BaseException) -> Result:
    app = typer.Typer(cls=Program)

    @app.callback()
    def start() -> None:
        """Have commands below it."""

    @app.command()
    def fail() -> None:
        raise error

    return CliRunner().invoke(app, ["fail"])


@pytest.mark.parametrize(
    "error", [RuntimeError("x\x1b"), RecursionError(), MemoryError(), KeyError("x"), ValueError()]
)
def test_a_fault_of_the_program_is_no_verdict(error: Exception) -> None:
    result = run_raising(error)
    assert (result.exit_code, result.stdout) == (70, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: an error of the program itself, which decides nothing")
    assert type(error).__name__ in line
    assert "test_command.py:" in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (PermissionError(13, "Permission denied", "a\x1bb"), 2, "error: a�b: Permission denied\n"),
        (OSError("odd"), 2, "error: odd\n"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (EOFError(), 2, "error: standard input has ended, and there is a question"),
        (typer.Abort(), 2, "error: standard input has ended, and there is a question"),
        (typer.Exit(1), 1, ""),
        (typer.BadParameter("no"), 2, "Usage: "),
    ],
)
def test_what_is_foreseen_ends_with_its_code(error: BaseException, code: int, said: str) -> None:
    result = run_raising(error)
    assert (result.exit_code, result.stderr[: len(said)]) == (code, said)
    assert said or not result.stderr


def signal_while_importing(
    folder: Path, library: str, command: Sequence[str | Path], *signals: signal.Signals
) -> tuple[int, bytes]:
    """Send signals to a command that waits in an import; gives its code and what it says."""
    (folder / f"{library}.py").write_text(SLOW)
    with subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"importing\n"
        for one in signals:
            process.send_signal(one)
        _, said = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.parametrize("program", ["kpledger", "kpnode"])
def test_an_interrupt_while_it_is_imported_is_told_in_one_line(
    program: str, tmp_path: Path
) -> None:
    command = (Path(sys.executable).with_name(program), "--version")
    found = signal_while_importing(tmp_path, "typer", command, signal.SIGINT)
    assert found == (130, b"interrupted\n")


def test_an_interrupt_is_nothing_to_the_process_of_the_books(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "kpnode.books")
    both = signal.SIGINT, signal.SIGTERM
    found = signal_while_importing(tmp_path, "uvloop", command, *both)
    assert found == (-signal.SIGTERM, b"")


@pytest.mark.parametrize("program", ["kpclient.cli", "kpnode"])
@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("--version >&-", 2, b"error: standard output is closed"),
        ("--version 2>&- <&-", 0, b""),
        ("--version >/dev/full", 2, b"error: "),
        ("--no-such-option 2>/dev/full", 2, b""),
    ],
)
def test_a_stream_that_takes_nothing(program: str, shell: str, code: int, said: bytes) -> None:
    ended = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m {program} {shell}"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr[: len(said)]) == (code, said)
