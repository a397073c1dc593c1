"""How both commands read what people name or lay down: regular files, of sensible size.

A name that is typed may lead anywhere. A named pipe makes whoever opens it wait for a writer, a
device never ends, and some devices do something as soon as they are opened. So what is read is a
regular file. One pipe is let in: a descriptor that the shell has opened for this program,
``/dev/stdin`` or the ``/dev/fd/63`` of ``<(command)``, because its writer is there already.

Like :mod:`kpledger.command` this belongs to the two programs; nothing of the library imports it.
"""

import codecs
import errno
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

_PIECE_BYTES: Final = 1 << 20
_STDIN: Final = Path("/dev/stdin")
_DESCRIPTORS: Final = frozenset(map(Path, ("/dev/fd", "/proc/self/fd")))
_KINDS: Final[Mapping[Callable[[int], bool], str]] = {
    stat.S_ISDIR: "a directory",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISLNK: "a link",
}


def open_file(path: Path, *, follow: bool = True) -> BinaryIO:
    """Open a regular file, or a pipe of the shell's, to read it; a link to one if it may follow.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    _check(path, path.stat(follow_symlinks=follow).st_mode)
    # Between the look and this somebody may put a pipe there, which must not make us wait.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    handle = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    try:
        mode = os.fstat(handle).st_mode
        _check(path, mode)
        if stat.S_ISFIFO(mode):
            os.set_blocking(handle, True)
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def read_file(path: Path, *, max_bytes: int) -> bytes:
    """Read a whole file of limited size.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger.
    """
    content = bytearray()
    with open_file(path) as file:
        # Files of the kernel's may have nothing to say for now; that is an error, and no end.
        while piece := os.read(file.fileno(), min(_PIECE_BYTES, max_bytes + 1 - len(content))):
            content += piece
            if len(content) > max_bytes:
                raise OSError(errno.EFBIG, f"it has more than {max_bytes} bytes", str(path))
    return bytes(content)


def read_text(path: Path, *, max_bytes: int) -> str:
    """Read a whole text file of limited size, as people write them on any system.

    A byte order mark, how lines end, and blank lines at the end are the editor's, and left out.

    Raises:
        OSError: it cannot be read, is no regular file, is larger, or is not in UTF-8.
    """
    content = drop_mark(read_file(path, max_bytes=max_bytes), path)
    try:
        text = content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        problem = f"it is not text in UTF-8: {error.reason}, byte {error.start + 1}; save it as "
        problem += "UTF-8, which spreadsheets call 'CSV UTF-8'"
        raise OSError(errno.EILSEQ, problem, str(path)) from None
    ended = text.rstrip()
    return text if text == ended else f"{ended}\n"


def drop_mark(content: bytes, path: Path) -> bytes:
    """Leave out the byte order mark that a text begins with.

    Args:
        content: the text, or the first of it.
        path: where it is from.

    Raises:
        OSError: it is in another encoding than UTF-8, by its mark or by its bytes.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise OSError(errno.EILSEQ, "it is in UTF-16, or no text; save it as UTF-8", str(path))
    return content.removeprefix(codecs.BOM_UTF8)


def explain_toml(error: ValueError | RecursionError) -> str:
    """Say what is wrong with a text in TOML; paths of Windows need other quotes."""
    if re.search(r"Unescaped '\\'|hex value|Unicode scalar", str(error)):
        return f"{error}; a path with backslashes stands in single quotes, as 'C:\\kp\\node'"
    return str(error)


def say_trouble(error: OSError) -> str:
    """Say which file is meant, if one is, and what is wrong; without the system's number."""
    place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


def check_regular(path: Path, mode: int) -> None:
    """Refuse what is no regular file.

    Args:
        path: its name.
        mode: its kind and permissions (st_mode of inode(7)).

    Raises:
        OSError: it is something else; says what.
    """
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS.items() if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))


def _check(path: Path, mode: int) -> None:
    is_given = path == _STDIN or path.parent in _DESCRIPTORS
    if not (is_given and stat.S_ISFIFO(mode)):
        check_regular(path, mode)
