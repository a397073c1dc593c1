"""Texts as editors leave them, for whatever reads a file that somebody wrote."""

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest

Reading = tuple[bytes, Callable[[Path], object]]
"""What is in a file, and how it is read."""
SAVE_AS = "it is in UTF-16, or no text; save it as UTF-8"


def write_private(name: str, content: bytes, folder: Path) -> Path:
    """Write a file that nobody else may read."""
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def check_mark_and_ends(name: str, reading: Reading, folder: Path) -> None:
    """See that a byte order mark, other ends of lines and blank lines at the end change nothing."""
    content, read = reading
    plain = read(write_private(name, content, folder))
    windows = codecs.BOM_UTF8 + content.replace(b"\n", b"\r\n") + b"\r\n\r\n"
    assert read(write_private(name, windows, folder)) == plain


def check_other_encodings(
    name: str, reading: Reading, folder: Path, errors: tuple[type[Exception], ...]
) -> None:
    """See that another encoding is named, and which one to save it in."""
    content, read = reading
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        file = write_private(name, content.decode().encode(encoding), folder)
        with pytest.raises(errors, match=SAVE_AS):
            read(file)
