"""The blocks of a copied node directory, read without changing it and in spite of damage.

What is stored is handed out as it is, also where LevelDB's checksums do not hold: the hashes and
signatures inside find the exact block, a checksum only the neighbourhood. Nothing is verified here.

LevelDB writes to a directory as soon as it opens it; therefore it works on a scratch directory,
with copies of the small files and symbolic links to the tables, which LevelDB never changes. That
is opened strictly first, every checksum verified. From where this meets damage, the rest is read
leniently, from a second one: a table's block as it is; without a record of the write-ahead log that
has a wrong checksum, and the rest of its 32 KiB, so that the first block in it is found missing.
LevelDB's own repair aborts the process on some damaged tables (1.22). All of it runs in another
process (:mod:`kpclient.replay.database_reader`), since the files may have been made to do harm.

For the same reason a copy is made of regular files that are no larger than a node makes them, and
nothing is followed: no link, no pipe, no device. What is refused, missing or unreadable contradicts
nothing, and so is no finding about the chain.

What is not seen is the loss of the end alone: a copy from which the last blocks were cut is a
shorter chain, and so is one whose write-ahead log has a wrong length in a last record. That there
was more is known only to who holds a checkpoint or a commit certificate; a node keeps the latter
beside its blocks.
"""

import os
import re
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final, TypeVar, cast

import msgpack

from kpclient.errors import ClientError, UsageError
from kpclient.replay.children import fail, is_memory_limited, started
from kpledger.base.errors import LedgerError
from kpledger.log import layout
from kpledger.log.certificates import (
    MAX_CERTIFICATE_BYTES,
    CommitCertificate,
    decode_commit_certificate,
)
from kpledger.log.evidence import Evidence
from kpledger.log.evidence_file import MAX_EVIDENCE_BYTES, decode_evidence
from kpledger.reading import open_file, say_trouble

_ReadT = TypeVar("_ReadT")
_READER: Final = "kpclient.replay.database_reader"
_LACKING: Final = (
    "to read a copy takes LevelDB, which is not installed: pip install '.[copy]' in a clone of the"
    " project (from Python 3.13 on with a C++ compiler and libleveldb-dev)"
)
_CRASHES: Final = (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV)
_TABLE: Final = re.compile(r"\d+\.(ldb|sst)")
_RECORD: Final = re.compile(r"CURRENT|MANIFEST-\d+|\d+\.log")
LARGEST_FILE_BYTES: Final = 64 << 20
"""A node's tables and write-ahead logs have some 16 MiB, and a batch more."""
_MAX_COPIED_BYTES: Final = 4 * LARGEST_FILE_BYTES
"""Of all small files together."""
_MAX_FILES: Final = 100_000
"""That many tables hold more than a terabyte."""
_PIECE_BYTES: Final = 1 << 20


class ChainUnavailableError(ClientError):
    """The blocks cannot be had, or not all of them."""


class _DamagedError(Exception):
    """The database cannot be read, or what can be read cannot be all."""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """One entry of the log as it stands in the copy; `layout.decode_stored_entry` reads it."""

    height: int
    stored: bytes


@dataclass(frozen=True, slots=True)
class UnreadableBlock:
    """The first height that cannot be read; what comes after it hangs in the air."""

    height: int
    why: str


class CopiedChain:
    """The blocks of a copied directory, to be iterated over, any number of times.

    Attributes:
        source: the directory.
        height: None: how many blocks there are is not known before they are read.
    """

    height = None

    def __init__(self, directory: Path) -> None:
        """Find the database.

        Args:
            directory: the copy of the node's directory, or of the database's directory in it. The
                node must not have been running while it was copied.

        Raises:
            UsageError: there is no database.
            ChainUnavailableError: it cannot be looked for, or is only linked, or nothing that could
                read it is installed.
        """
        if find_spec("plyvel") is None:
            raise ChainUnavailableError(_LACKING)
        self.source = str(directory)
        nested = directory / layout.DATABASE_DIRECTORY
        for self._database in (nested, directory):
            if any(
                _TABLE.fullmatch(one) or _RECORD.fullmatch(one) for one in _names(self._database)
            ):
                return
        problem = f"there is no database of a node in {nested}, nor in {directory} itself"
        raise UsageError("--copy", problem, "a copy of the directory of a stopped node")

    def __iter__(self) -> Iterator[StoredBlock | UnreadableBlock]:
        """Yield all blocks, as :meth:`blocks` does."""
        return self.blocks(1)

    def blocks(self, first: int) -> Iterator[StoredBlock | UnreadableBlock]:
        """Yield the blocks from a height on; last of all an unreadable one, if there is any damage.

        A copy that ends early, without a trace of damage and without later blocks, is a shorter
        chain. If damage was met and no trace of a later block, it is in what a node keeps beside
        its blocks: that contradicts nothing in the chain.

        Raises:
            ChainUnavailableError: a file or a block is missing, cannot be read, or is none that a
                node writes: it was not copied whole, or while the node went on.
        """
        height = first - 1
        damage = ""
        for strict in (True, False):
            try:
                how = "strict" if strict else "lenient"
                with closing(_read(self._database, how, str(height + 1))) as found:
                    for stored in found:
                        height += 1
                        yield StoredBlock(height, stored)
            except _DamagedError as error:
                damage = damage or str(error)
            else:
                if damage:
                    raise _refuse(self._database, damage)
                return
        yield UnreadableBlock(height + 1, damage)

    def certificates(self) -> Iterator[CommitCertificate]:
        """Yield the commit certificates that stand beside the blocks, unverified, by their terms.

        Raises:
            ChainUnavailableError: they cannot be read, or one is none; after all others.
        """
        return _read_beside(
            self._database,
            layout.CERTIFICATE_PREFIX,
            MAX_CERTIFICATE_BYTES,
            decode_commit_certificate,
        )

    def evidence(self) -> Iterator[Evidence]:
        """Yield the evidence against voters that stands beside the blocks, unverified.

        Raises:
            ChainUnavailableError: it cannot be read, or some of it is none; after all that is.
        """
        return _read_beside(
            self._database, layout.EVIDENCE_PREFIX, MAX_EVIDENCE_BYTES, decode_evidence
        )


def _names(directory: Path) -> list[str]:
    """Name the files in a directory; none if there is no such directory."""
    try:
        if directory.name == layout.DATABASE_DIRECTORY and directory.is_symlink():
            raise _refuse(directory, "it is a link")
        return sorted(one.name for one in directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _refuse(directory, error.strerror or str(error)) from None


def _read_beside(
    directory: Path, prefix: bytes, most_bytes: int, decode: Callable[[bytes], _ReadT]
) -> Iterator[_ReadT]:
    """Yield what is stored under a prefix, and say last what of it is none or too large."""
    problem = ""
    with closing(_read(directory, "beside", prefix.hex(), str(most_bytes))) as found:
        for encoded in found:
            try:
                yield decode(encoded)
            except LedgerError as error:
                problem = problem or str(error)
    if problem:
        raise _refuse(directory, problem)


def _read(directory: Path, *what: str) -> Generator[bytes]:
    """Yield what the process that reads finds (:mod:`kpclient.replay.database_reader`)."""
    with _fill_scratch(directory) as scratch, started(_READER, str(scratch), *what) as child:
        unpacker = msgpack.Unpacker(max_buffer_size=layout.MAX_STORED_BYTES + _PIECE_BYTES)
        output = cast("IO[bytes]", child.stdout).fileno()
        while piece := os.read(output, _PIECE_BYTES):
            unpacker.feed(piece)
            for height, found in unpacker:
                if isinstance(found, bytes):
                    yield found
                    continue
                why = found.replace(str(scratch), str(directory))
                if height == 0:
                    raise _refuse(directory, why)
                if height < 0:
                    raise OSError(found)
                if why:
                    raise _DamagedError(why)
                return
        ended = fail(child, f"reads {directory}")
        if -child.wait() in _CRASHES and not is_memory_limited():
            raise _refuse(directory, str(ended))
        raise ended


_ADVICE: Final = "copy the whole directory again, of a stopped node, as somebody who may read it"


@contextmanager
def _fill_scratch(directory: Path) -> Iterator[Path]:
    """Make a scratch directory that looks like the database's, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="kpledger-copy-") as made:
        scratch = Path(made)
        names = _names(directory)
        if len(names) > _MAX_FILES:
            raise _refuse(directory, f"it holds {len(names)} files, more than {_MAX_FILES}")
        records = [directory / name for name in names if _RECORD.fullmatch(name)]
        if not any(record.suffix == ".log" for record in records):
            raise _refuse(directory, "there is no write-ahead log, which every database has")
        try:
            size = sum(one.lstat().st_size for one in records)
        except OSError as error:
            raise _refuse(directory, say_trouble(error)) from None
        if size > _MAX_COPIED_BYTES:
            raise _refuse(directory, f"there are more than {_MAX_COPIED_BYTES} bytes to copy")
        for record in records:
            with _open_regular(record) as (file, size):
                (scratch / record.name).write_bytes(file.read(size))
        for table in (directory / name for name in names if _TABLE.fullmatch(name)):
            with _open_regular(table) as (_, size):
                if not size:
                    raise _refuse(table, "it is empty")
            (scratch / table.name).symlink_to(table.absolute())
        current = scratch / "CURRENT"
        if not current.exists():
            raise _refuse(directory, f"its file {current.name} is missing")
        if b"/" in current.read_bytes():
            raise _refuse(directory / current.name, "it names a file in another directory")
        yield scratch


@contextmanager
def _open_regular(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """Open a file; gives it and the size that it has now."""
    try:
        # A link leads to whatever its maker wanted.
        opened = open_file(path, follow=False)
    except OSError as error:
        raise _refuse(path, error.strerror or str(error)) from None
    with opened as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_FILE_BYTES:
            problem = f"it has {size} bytes; no node writes more than {LARGEST_FILE_BYTES}"
            raise _refuse(path, problem)
        yield file, size


def _refuse(path: Path, problem: str) -> ChainUnavailableError:
    return ChainUnavailableError(f"{path} cannot be read: {problem}; {_ADVICE}")
