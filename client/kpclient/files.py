"""Files that are written: our own, which survive a crash, and those that somebody names.

Keys, the outbox and what was last seen of a ledger are all a few hundred bytes; none of them may be
found half written after a power cut. Nobody but their owner may read them.

A name that is typed may lead anywhere. What is there stays what it is: a device, a named pipe or an
empty file is written through, a link is followed, and what holds something is not overwritten.
"""

import errno
import fcntl
import io
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, ClassVar, Final

from kpclient.errors import ClientError, FileError, UsageError
from kpledger.reading import check_regular, read_file, read_text

PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_STDOUT: Final = frozenset(map(Path, ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")))
_FORMS: Final = frozenset(
    {"csv", "html", "json", "parquet", "sqlite", "svg", "dot", "png", "pdf", "xlsx"}
)
_PIECE_BYTES: Final = 1 << 20


class TooOpenError(FileError):
    """A private file or directory that others may read."""


class UnreadableError(FileError):
    """A file that cannot be read, or is larger than any of its kind."""

    TROUBLE: ClassVar[str] = " cannot be read"


class UnwritableError(FileError):
    """A file that cannot be written."""

    TROUBLE: ClassVar[str] = " cannot be written"


def check_destination(
    option: str, path: Path, *, form: str = "", streams: bool = True, parents: bool = False
) -> None:
    """Refuse a place where nothing can be written, before there is anything to write.

    ``form`` is what is written, such as ``csv``; with ``streams`` a device or a named pipe will do;
    with ``parents`` a directory is wanted, and those above it are made as well.

    Raises:
        UsageError: something is there, nothing can be made, or the name is that of another form.
    """
    if is_stdout(path) and not parents:
        if streams:
            return
        raise UsageError(option, "this cannot be printed", "the name of a new file")
    named = path.suffix.lower().removeprefix(".")
    if form and named != form and named in _FORMS:
        problem = f"{path} is the name of a {named} file, and {form} is written"
        raise UsageError(option, problem, f"a name that ends in .{form}")
    try:
        if os.path.lexists(path) if parents else path.exists():
            if parents or not _is_open_for(path.stat(), streams=streams):
                raise UsageError(option, f"{path} exists already", "a new name")
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        place = _resolve(path)
        above = next(one for one in place.parents if not parents or one.exists())
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror}"
        raise UsageError(option, problem, "a name where files can be made") from None


def is_stdout(path: Path) -> bool:
    """Tell whether a name means standard output."""
    return path in _STDOUT


def expand(option: str, path: Path) -> Path:
    """Put a home directory in the place of ``~``; it is a UsageError if there is none."""
    try:
        return path.expanduser()
    except RuntimeError:
        problem = f"{path} is not known: no such user has a home directory on this machine"
        raise UsageError(option, problem, "a whole path, such as /srv/kpledger") from None


def make_private_directory(directory: Path) -> None:
    """Make a directory, and those above it, for its owner alone; it may not be open already.

    Raises:
        TooOpenError: others may look into it.
    """
    for one in reversed((directory, *directory.parents)):
        if not one.exists():
            one.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
    check_private(directory)


def check_private(path: Path) -> None:
    """Refuse what others may read.

    Raises:
        TooOpenError: they may.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        wanted = PRIVATE_DIRECTORY if path.is_dir() else PRIVATE_FILE
        problem = f"others may read it (mode {mode:o}); close it with: chmod {wanted:o} {path}"
        raise TooOpenError(path, problem)


def lock(file: int, path: Path, *, busy: ClientError) -> None:
    """Lock an open file until it is closed.

    Raises:
        ClientError: ``busy``, if another process has locked it.
        FileError: there are no locks where it lies.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise busy from None
    except OSError as error:
        problem = f"files cannot be locked there ({error.strerror}), so it is not safe to go on"
        raise FileError(path, f"{problem}; put it on a disk of this machine") from None


def write_durably(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a private file in one step: after a crash it is there whole, or as it was before.

    One that is replaced keeps its mode and owner; a link is followed, and stays.

    Raises:
        FileExistsError: it exists, and is not to be replaced.
        UnwritableError: nothing can be made where it is to be.
    """
    try:
        place = _resolve(path)
        # It has mode 0600, so that it is never open to others, not for a moment.
        handle, temporary = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                if replace and place.exists():
                    _keep(place, handle)
                os.fsync(handle)
            if replace:
                Path(temporary).replace(place)
            else:
                _name(Path(temporary), place)
        finally:
            Path(temporary).unlink(missing_ok=True)
        sync_directory(place.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise UnwritableError(path, error.strerror or str(error)) from None


def write_public(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write what a command makes where somebody wants it; a new file, of a mode, whole.

    Raises:
        UnwritableError: it cannot be written, or somebody has made it meanwhile.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".kpledger-", dir=place_for(path)) as directory:
            made = Path(directory) / "new"
            handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
            hand_over(made, path)
    except OSError as error:
        raise UnwritableError(path, error.strerror or str(error)) from None


def place_for(path: Path) -> Path | None:
    """Give the directory to make a file in before it gets a name; None: that of TMPDIR."""
    return None if path.exists() else _resolve(path).parent


def hand_over(made: Path, path: Path) -> None:
    """Move a finished file to where somebody wants it, or write it through what is there."""
    if not path.exists():
        _name(made, _resolve(path))
        return
    # A pipe that nobody reads, or that is put there now, must not make us wait.
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "no program reads it; start that one first") from None
        raise
    with made.open("rb") as content, os.fdopen(handle, "wb", 0) as file:
        _write_through(content, file)


def _write_through(content: BinaryIO, file: io.FileIO) -> None:
    found = os.fstat(file.fileno())
    if not _is_open_for(found, streams=True):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    os.set_blocking(file.fileno(), True)
    try:
        while piece := memoryview(content.read(_PIECE_BYTES)):
            while piece:
                piece = piece[file.write(piece) :]
    except BaseException:
        if stat.S_ISREG(found.st_mode):
            file.truncate(0)  # as it was
        raise


def _is_open_for(found: os.stat_result, *, streams: bool) -> bool:
    """Tell whether something can be written through, and nothing is lost by it."""
    if stat.S_ISREG(found.st_mode):
        return found.st_size == 0
    # No block device: those hold disks.
    return streams and (stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode))


def _name(made: Path, place: Path) -> None:
    """Give a finished file its name too, unless it is taken; then it is a FileExistsError."""
    try:
        os.link(made, place)  # unlike a rename, this fails if the name is taken
    except FileExistsError:
        raise
    except OSError:
        # Where there are no hard links, as on exFAT or SMB, the name is taken first.
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        try:
            made.replace(place)
        except BaseException:
            place.unlink()
            raise


def _keep(place: Path, handle: int) -> None:
    """Give a file that is open the owner and the mode of the one that it replaces."""
    found = place.stat()
    check_regular(place, found.st_mode)
    with suppress(PermissionError):  # only root may
        os.fchown(handle, found.st_uid, found.st_gid)
    os.fchmod(handle, stat.S_IMODE(found.st_mode))


def _resolve(path: Path) -> Path:
    """Follow links, also to what is not there yet."""
    place = Path(os.path.realpath(path))
    if place.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return place


def sync_directory(directory: Path) -> None:
    """Make names that were added to or removed from a directory durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # SMB has no such thing for a directory
            raise
    finally:
        os.close(handle)


def read_bounded(path: Path, *, max_bytes: int) -> bytes:
    """Read a whole file of limited size.

    Raises:
        UnreadableError: it is not there, not readable, no regular file, or too large.
    """
    try:
        return read_file(path, max_bytes=max_bytes)
    except OSError as error:
        raise UnreadableError(path, error.strerror or str(error)) from None


def read_text_bounded(path: Path, *, max_bytes: int) -> str:
    """Read a whole text file of limited size, as :func:`kpledger.reading.read_text` does.

    Raises:
        UnreadableError: it is not there, not readable, no regular file, too large, or no text.
    """
    try:
        return read_text(path, max_bytes=max_bytes)
    except OSError as error:
        raise UnreadableError(path, error.strerror or str(error)) from None
