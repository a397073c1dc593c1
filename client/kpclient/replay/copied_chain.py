"""The blocks of a copied node directory, read without changing it and in spite of damage.

An auditor asks two things of such a copy: what does it say, and where is the first thing wrong
with it. What is stored is handed out as it is, also where LevelDB's checksums do not hold: the
hashes and signatures inside find the exact block, a checksum only the neighbourhood. Nothing is
verified here.

LevelDB writes to a directory as soon as it opens it; therefore it works on a scratch directory,
with copies of the small files and symbolic links to the tables, which LevelDB never changes. That
is opened strictly first, every checksum verified. From where this meets damage, the rest is read
from a second scratch directory, leniently: a table's block is read as it is, whatever its checksum
says; a record of the write-ahead log with a wrong checksum is left out, and the rest of its 32 KiB
with it, so that the first block in it is found missing. LevelDB's own repair is not used: it aborts
the process on some damaged tables (1.22).

What is not seen is the loss of the end alone: a copy from which the last blocks were cut is a
shorter chain, and so is one whose write-ahead log has a wrong length in a last record. That there
was more is known only to who holds a checkpoint or a commit certificate.
"""

import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import plyvel

from kpclient.errors import UsageError
from kpledger.log import layout

_TABLES: Final = ("*.ldb", "*.sst")
_RECORDS: Final = ("CURRENT", "MANIFEST-*", "*.log")


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
        """
        self.source = str(directory)
        nested = directory / layout.DATABASE_DIRECTORY
        for self._database in (nested, directory):
            for pattern in ("CURRENT", "MANIFEST-*", *_TABLES):
                if any(self._database.glob(pattern)):
                    return
        problem = f"there is no database of a node in {nested}, nor in {directory} itself"
        raise UsageError("--copy", problem, "a copy of the directory of a stopped node")

    def __iter__(self) -> Iterator[StoredBlock | UnreadableBlock]:
        """Yield the blocks from height 1 on; last of all an unreadable one, if there is any damage.

        A copy that ends early, without a trace of damage and without later blocks, is a shorter
        chain. If damage was met and yet all blocks could be read, the next one is unreadable:
        whether the copy ended here cannot be told.
        """
        height = 0
        damage = ""
        for strict in (True, False):
            try:
                with closing(_read_blocks(self._database, height + 1, strict=strict)) as found:
                    for stored in found:
                        height += 1
                        yield StoredBlock(height, stored)
            except _DamagedError as error:
                damage = damage or str(error)
            if not damage:
                return
        yield UnreadableBlock(height + 1, damage)


def _read_blocks(directory: Path, first: int, *, strict: bool) -> Generator[bytes]:
    """Yield what is stored under the heights from the first on, without a gap."""
    with _open_scratch(directory, strict=strict) as database:
        if strict and database.get(layout.FORMAT_KEY) is None:
            raise _DamagedError("the format record is missing")
        # Not plyvel's own iterator: it ends without a word where a damaged block is the last one.
        found = database.raw_iterator(verify_checksums=strict, fill_cache=False)
        with closing(found):
            found.seek(layout.block_key(first))
            for height in count(first):
                if not found.valid() or found.key() > layout.LAST_BLOCK_KEY:
                    return
                if found.key() != layout.block_key(height):
                    raise _DamagedError("it is missing, and later ones are there")
                yield found.value()
                found.next()


@contextmanager
def _open_scratch(directory: Path, *, strict: bool) -> Iterator[plyvel.DB]:
    """Open a scratch directory that looks like the database's, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="kpledger-copy-") as scratch:
        for pattern in _RECORDS:
            for record in directory.glob(pattern):
                shutil.copyfile(record, Path(scratch, record.name))
        for pattern in _TABLES:
            for table in directory.glob(pattern):
                Path(scratch, table.name).symlink_to(table.absolute())
        try:
            with closing(plyvel.DB(scratch, paranoid_checks=strict, compression=None)) as database:
                yield database
        except plyvel.Error as error:
            why = b" ".join(error.args).decode(errors="replace")
            raise _DamagedError(why.replace(scratch, str(directory))) from error
