"""Each exit code has one meaning, whatever a command raises."""

import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

import kpclient.cli
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
    "error", [RuntimeError("x\x1b"), RecursionError(), KeyError("x"), ValueError()]
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
        (MemoryError(), 2, "error: there is not enough memory on this machine\n"),
        (ImportError("libleveldb.so.1"), 2, "error: libleveldb.so.1\n"),
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


FORCED = {"FORCE_COLOR": "1", "COLUMNS": "20", "TTY_COMPATIBLE": "1", "CLICOLOR_FORCE": "1"}


def run_plainly(*words: str, environment: dict[str, str]) -> tuple[int, bytes, bytes]:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", *words],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("kpclient", "rules"),
        ("kpnode", "status", "--node", "http://127.0.0.1:1"),
        ("kpclient", "make", "note_filed", "--fields"),
    ],
)
@pytest.mark.parametrize("environment", [FORCED, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_nothing_is_coloured_or_folded_in_a_pipe(
    words: tuple[str, ...], environment: dict[str, str]
) -> None:
    found = run_plainly(*words, environment=environment)
    assert found == run_plainly(*words, environment={})
    assert b"\x1b" not in found[1] + found[2]
    assert words[0] != "kpnode" or b"127.0.0.1:1 " in found[1]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_programs_read_utf8_whatever_the_locale(encoding: str) -> None:
    environment = {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    words = ("kpclient", "status", "--genesis", "/nowhere/caf\u00e9", "--json")
    _, printed, _ = run_plainly(*words, environment=environment)
    assert "/nowhere/caf\u00e9 cannot be read" in json.loads(printed)["problem"]["detail"]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"KPLEDGER_HOME": "~no-such-user/x"}, "--home: ~no-such-user/x is not known"),
        ({"HOME": "/proc/nowhere"}, "/proc/nowhere: No such file or directory"),
        ({"HOME": "/dev/null"}, "Not a directory"),
    ],
)
def test_a_home_that_is_none_is_told_in_words(environment: dict[str, str], says: str) -> None:
    environment |= {"KPLEDGER_PASSPHRASE": "for the tests only"}
    words = ("kpclient", "keys", "new", "--author", "BW/root")
    code, printed, said = run_plainly(*words, environment=environment)
    assert (code, printed, said[:7]) == (2, b"", b"error: ")
    assert says in said.decode()
    assert b"Errno" not in said


def test_a_user_that_the_system_does_not_know_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container runs programs under any number, without HOME."""

    def find_nobody(number: int) -> object:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", find_nobody)
    for name in ("HOME", "KPLEDGER_HOME"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(kpclient.cli.app, ["keys", "list"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--home: ~/.config/kpledger is not known: no such user has a home" in result.stderr
