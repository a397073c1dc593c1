"""Where commands write what they make: what is there already stays what it is."""

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from booked import open_booked_trade
from copied import store, write_copy, write_genesis
from founding import issue, make_certificate
from typer.testing import CliRunner

from kpclient.cli import app
from kpclient.errors import UsageError
from kpclient.files import UnwritableError, check_destination, write_durably, write_public

FILE = Path("file")
CONTENT = b"what a command makes\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def touch_private() -> None:
    FILE.touch(0o600)


def link_to_private() -> None:
    Path("target").touch(0o640)
    FILE.symlink_to("target")


def link_to_nothing_yet() -> None:
    Path("elsewhere").mkdir()
    FILE.symlink_to("elsewhere/target")


def link_to_null() -> None:
    FILE.symlink_to(os.devnull)


def make_null(minor: int = 3) -> None:
    """Make a device of our own; with 7 it is full. That of the machine could be lost here."""
    try:
        os.mknod(FILE, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
    except PermissionError:
        pytest.skip("making a device needs root")


def describe(path: Path) -> tuple[int, int, bool]:
    found = path.stat()
    return found.st_mode, found.st_uid, path.is_symlink()


@pytest.mark.parametrize("make", [touch_private, link_to_private, link_to_null, make_null])
def test_what_is_there_is_written_through(make: Callable[[], None]) -> None:
    make()
    before = describe(FILE)
    check_destination("--out", FILE)
    write_public(FILE, CONTENT)
    assert describe(FILE) == before
    assert not stat.S_ISREG(before[0]) or FILE.read_bytes() == CONTENT


def test_a_link_to_what_is_not_there_yet_is_followed() -> None:
    link_to_nothing_yet()
    check_destination("--out", FILE)
    write_public(FILE, CONTENT)
    assert (FILE.is_symlink(), Path("elsewhere/target").read_bytes()) == (True, CONTENT)
    assert sorted(one.name for one in Path("elsewhere").iterdir()) == ["target"]


def test_a_named_pipe_is_written_for_whoever_reads_it() -> None:
    os.mkfifo(FILE)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(FILE.read_bytes()), daemon=True)
    check_destination("--out", FILE)
    with pytest.raises(UnwritableError, match="no program reads it"):
        write_public(FILE, CONTENT)
    reader.start()
    while True:  # until the reader has opened it
        try:
            write_public(FILE, CONTENT)
            break
        except UnwritableError:
            continue
    reader.join(10)
    assert (read, stat.S_ISFIFO(FILE.stat().st_mode)) == ([CONTENT], True)


def bind() -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(FILE))


def write_other() -> None:
    FILE.write_bytes(b"other")


def link_to_other() -> None:
    Path("target").write_bytes(b"other")
    FILE.symlink_to("target")


@pytest.mark.parametrize("make", [bind, FILE.mkdir, write_other, link_to_other])
def test_what_would_be_lost_is_refused(make: Callable[[], None]) -> None:
    make()
    before = describe(FILE)
    with pytest.raises(UsageError, match="file exists already"):
        check_destination("--out", FILE)
    with pytest.raises(UnwritableError):  # it was put there after the look
        write_public(FILE, CONTENT)
    assert describe(FILE) == before


@pytest.mark.parametrize("name", ["", ".", "none/file", "file/below", "x" * 300, "loop"])
def test_a_name_that_cannot_be_one_is_refused_in_words(name: str) -> None:
    FILE.touch()
    Path("loop").symlink_to("loop")
    with pytest.raises(UsageError) as caught:
        check_destination("--out", Path(name))
    assert "Errno" not in str(caught.value)


def test_a_directory_that_was_taken_away_is_named_in_words(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(UsageError, match="file cannot be written: No such file or directory"):
        check_destination("--out", FILE)


def test_a_full_disk_leaves_an_empty_file_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    touch_private()

    def fail(_: int, __: bool) -> None:  # noqa: FBT001 (of os)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "set_blocking", fail)
    with pytest.raises(UnwritableError, match="No space left"):
        write_public(FILE, CONTENT)
    assert (FILE.stat().st_mode & 0o777, FILE.read_bytes()) == (0o600, b"")


def test_a_full_device_is_told_in_words() -> None:
    make_null(7)
    with pytest.raises(UnwritableError, match="No space left on device"):
        write_public(FILE, CONTENT)
    assert stat.S_ISCHR(FILE.stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_file_that_is_replaced_keeps_its_mode_and_a_link_to_it_stays(mode: int) -> None:
    write_durably(Path("target"), b"old", replace=False)
    Path("target").chmod(mode)
    FILE.symlink_to("target")
    write_durably(FILE, CONTENT, replace=True)
    assert (FILE.is_symlink(), Path("target").read_bytes()) == (True, CONTENT)
    assert Path("target").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("make", [link_to_null, lambda: os.mkfifo(FILE)])
def test_what_is_no_file_is_not_replaced(make: Callable[[], None]) -> None:
    make()
    before = describe(FILE)
    with pytest.raises(UnwritableError, match="not a regular file"):
        write_durably(FILE, CONTENT, replace=True)
    assert describe(FILE) == before


@pytest.mark.parametrize("trouble", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_a_file_system_without_hard_links_keeps_what_is_there(
    trouble: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(os, "link", refuse)
    write_durably(FILE, CONTENT, replace=False)
    with pytest.raises(FileExistsError):
        write_durably(FILE, b"another", replace=False)
    write_public(Path("public"), CONTENT)
    assert (FILE.read_bytes(), Path("public").read_bytes()) == (CONTENT, CONTENT)
    assert sorted(one.name for one in Path().iterdir()) == ["file", "public"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ledger = open_booked_trade()
    issue(ledger, make_certificate())
    directory = tmp_path_factory.mktemp("copy")
    write_genesis(directory)
    return write_copy(directory, map(store, ledger.blocks))


def run(place: Path, *words: str, how: str = "") -> subprocess.CompletedProcess[bytes]:
    where = ("--copy", place, "--genesis", place / "genesis.json", "--home", place / "home")
    line = [sys.executable, "-m", "kpclient", *words, *map(str, where)]
    shell = ["/bin/sh", "-c", f'"$@" {how}', "sh", *line]
    return subprocess.run(shell, capture_output=True, check=False, timeout=120)


SUMMARY = ("stats", "summary", "--year", "2026")


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output_is_written_as_such(place: Path, name: str) -> None:
    printed = run(place, *SUMMARY, "--format", "csv")
    assert printed.returncode == 0
    assert run(place, *SUMMARY, "--format", "csv", "--out", name).stdout == printed.stdout
    appended = run(place, *SUMMARY, "--format", "csv", "--out", name, how=">both; cat both")
    assert appended.stdout == printed.stdout
    table = run(place, *SUMMARY, "--format", "parquet", "--out", name, how="> some.parquet")
    assert table.returncode == 0
    assert pq.read_table("some.parquet").num_rows == len(printed.stdout.splitlines()) - 1
    # What draws is a process of its own, which runs nothing of the directory it stands in.
    Path("pygraphviz.py").write_text("raise SystemExit('of somebody else')")
    drawn = run(place, "trace", make_certificate().number, "--svg", name)
    assert drawn.stdout.startswith(b"<?xml")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ((*SUMMARY, "--format", "parquet", "--out", "x.parquet", "--json"), "--json"),
        ((*SUMMARY, "--format", "csv", "--json"), "--json"),
        ((*SUMMARY, "--format", "table", "--json"), "--json"),
        ((*SUMMARY, "--format", "csv", "--out", "x.parquet"), "--out"),
        ((*SUMMARY, "--format", "parquet", "--out", "x.csv"), "--out"),
        ((*SUMMARY, "--json", "--out", "x.CSV"), "--out"),
        (("trace", "BW00000042", "--dot", "--json"), "--dot"),
        (("trace", "BW00000042", "--svg", "-", "--json"), "--json"),
        (("trace", "BW00000042", "--svg", "x.png"), "--svg"),
        (("books", "--out", "x.parquet"), "--out"),
        (("books", "--out", "-"), "--out"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    place: Path, words: tuple[str, ...], option: str
) -> None:
    copy = ("--copy", str(place), "--genesis", str(place / "genesis.json"))
    ended = CliRunner().invoke(app, [*words, *copy])
    assert (ended.exit_code, ended.stderr.partition(": ")[2][: len(option)]) == (2, option)
    assert list(Path().glob("x.*")) == []


def test_books_are_written_into_an_empty_file_and_over_nothing(place: Path) -> None:
    touch_private()
    assert run(place, "books", "--out", str(FILE)).returncode == 0
    assert (FILE.stat().st_mode & 0o777, FILE.read_bytes()[:6]) == (0o600, b"SQLite")
    again = run(place, "books", "--out", str(FILE))
    assert (again.returncode, b"exists already" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--home"),
        ("list", "--genesis"),
        ("books", "-o"),
        ("books", "--copy"),
        ("trace", "BW000001", "--svg"),
        (
            "stats",
            "annex3",
            "--participant",
            "BW",
            "--period",
            "2026Q1",
            "--format",
            "csv",
            "--out",
        ),
        ("note", "BW", "--text", "T", "--key", "x", "--offline"),
        ("note", "BW", "--text", "T", "--key", "x", "--passphrase-file"),
        ("issue", "--draft"),
        ("submit",),
        ("cosign",),
        ("make", "note_filed", "--body"),
    ],
    ids=" ".join,
)
def test_an_empty_name_of_a_file_is_called_empty(words: tuple[str, ...]) -> None:
    """No directory ``.`` that nobody has typed."""
    result = CliRunner().invoke(app, [*words, ""])
    assert (result.exit_code, "it is empty" in result.stderr) == (2, True), result.output
