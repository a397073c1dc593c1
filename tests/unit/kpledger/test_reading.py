"""Files that people name: regular ones, and pipes that the shell has opened."""

import codecs
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kpledger.reading import check_regular, open_file, read_file, read_text


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "a named pipe"),
        (Path.mkdir, "a directory"),
        (bind, "a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
        (lambda path: path.symlink_to("/dev/stdin"), "a named pipe"),
    ],
)
def test_what_is_no_regular_file_is_refused(
    make: Callable[[Path], object], kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "one"
    make(path)
    reading, writing = os.pipe()
    stdin = os.dup(0)
    os.dup2(reading, 0)
    try:
        with pytest.raises(OSError, match=f"it is {kind}, not a regular file"):
            read_file(path, max_bytes=10)
    finally:
        os.dup2(stdin, 0)
        for one in (reading, writing, stdin):
            os.close(one)


def test_a_pipe_put_there_after_the_look_does_not_make_us_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one"
    os.mkfifo(path)
    regular = Path(__file__).stat()
    monkeypatch.setattr(Path, "stat", lambda _, **__: regular)
    with pytest.raises(OSError, match="it is a named pipe"):
        open_file(path)


def test_a_pipe_of_the_shell_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"a passphrase\n")
    os.close(writing)
    assert read_file(Path(f"/dev/fd/{reading}"), max_bytes=100) == b"a passphrase\n"
    os.close(reading)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"0123456789")
    assert read_file(path, max_bytes=10) == b"0123456789"
    with pytest.raises(OSError, match="it has more than 9 bytes"):
        read_file(path, max_bytes=9)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "nowhere", max_bytes=9)


def test_what_is_no_kind_that_we_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="it is something else, not a regular file"):
        check_regular(tmp_path, 0)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"\xef\xbb\xbfone\r\n\r\ntwo\r\n\r\n  \r\n", "one\n\ntwo\n"),
        ("caf\xe9".encode(), "caf\xe9"),
        (b"one\n\n", "one\n"),
    ],
)
def test_what_an_editor_adds_is_no_part_of_a_text(
    content: bytes, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "one"
    path.write_bytes(content)
    assert read_text(path, max_bytes=100) == text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        *(("one".encode(name), "UTF-16, or no text") for name in ("utf-16", "utf-16-le", "utf-32")),
        (codecs.BOM_UTF16_BE + "\u4e00".encode("utf-16-be"), "UTF-16, or no text"),
        ("a caf\xe9".encode("latin-1"), "not text in UTF-8: .*, byte 6"),
    ],
)
def test_another_encoding_is_named(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(content)
    with pytest.raises(OSError, match=problem):
        read_text(path, max_bytes=100)
