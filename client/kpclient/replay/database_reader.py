"""Reads the entries of a database that somebody else has made, in a process of its own.

LevelDB believes what stands in its files: a length in one of them can ask for any amount of memory,
and some damage ends the process. Here both end this process alone, which may take so much memory
and no more. It writes to standard output what a node streams, MessagePack arrays [height, stored
entry]; in the last one stands, instead of an entry, why there are no more: nothing at the end of
the log, what is damaged at this height, at height 0 what cannot be read, or, at height -1, what of
this machine hindered the reading. Likewise what stands beside the blocks, with a 1.

Whoever starts it says what that is. It imports little: it is started for each reading.
"""

import errno
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Final

import msgpack
import plyvel

from kpclient.replay.children import MEMORY_BYTES, is_memory_limited
from kpclient.replay.database_files import find_highest_block, find_tear
from kpledger.log import layout

_TORN: Final = (
    *("missing files", "create_if_missing", "non-existent file"),
    *("too short to be an sstable", "bad magic number"),
)
"""How LevelDB says that a file is not there, or not whole: a table, CURRENT, or the manifest."""

_FORMATS: Final = (layout.STORE_FORMAT, layout.UNSIGNED_FORMAT)
_SHORTAGES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)

_END: Final = ""
_LOST: Final = "it is missing, and later ones are there"
_ENDS: Final = (_END, _LOST)
"""Why there are no more, where a table that is not there may hold them."""
_MAPPED_BYTES: Final = 64 << 20
"""So much is read before the database is opened anew: LevelDB maps each table into memory that it
reads from, and lets go of none."""

_Frame = tuple[int, bytes | str]


def read_frames(directory: str, first: int, *, strict: bool) -> Iterator[_Frame]:
    """Yield the entries from a height on without a gap, and last why there are no more."""
    height, is_open = first, False
    torn = find_tear(Path(directory))
    # Before LevelDB is there, which puts a log into a table without what is damaged.
    highest = 0 if strict else find_highest_block(Path(directory))
    try:
        while True:
            with closing(plyvel.DB(directory, paranoid_checks=strict, compression=None)) as opened:
                is_open = True
                if strict and opened.get(layout.FORMAT_KEY) not in _FORMATS:
                    torn = "the format record is missing or unknown; this is no whole database"
                for height, found in _read_some(opened, first, highest, strict=strict):
                    if isinstance(found, bytes):
                        yield height, found
                        continue
                    yield (0, torn) if torn and found in _ENDS else (height, found)
                    return
            first = height + 1
    except plyvel.IOError as error:
        yield _fail(error)
    except plyvel.Error as error:
        # A file that is not there contradicts nothing, nor one that only says which others belong,
        # nor damage behind the last block.
        is_torn = any(words in _text(error) for words in _TORN)
        is_open = strict or (is_open and height <= highest)
        yield 0 if is_torn or not is_open else height, _text(error)
    except MemoryError:
        yield _want_memory()


def _read_some(database: plyvel.DB, first: int, highest: int, *, strict: bool) -> Iterator[_Frame]:
    """Yield entries, and last why there are no more, unless there are only too many for once."""
    size = 0
    # Not plyvel's own iterator: it ends without a word where a damaged block is the last.
    with closing(database.raw_iterator(verify_checksums=strict, fill_cache=False)) as found:
        found.seek(layout.block_key(first))
        for height in count(first):
            is_last = not found.valid() or found.key() > layout.LAST_BLOCK_KEY
            if is_last and height > highest:
                yield height, _END
                return
            if is_last or found.key() != layout.block_key(height):
                yield height, _LOST
                return
            stored = found.value()
            if len(stored) > layout.MAX_STORED_BYTES:
                yield height, f"it has {len(stored)} bytes, more than any entry"
                return
            yield height, stored
            size += len(stored)
            if size > _MAPPED_BYTES:
                return
            found.next()


def read_beside(directory: str, prefix: bytes, most_bytes: int) -> Iterator[_Frame]:
    """Yield what stands beside the blocks under a prefix, and last why there is no more."""
    lost = ""
    try:
        with closing(plyvel.DB(directory, paranoid_checks=True, compression=None)) as database:
            found = database.raw_iterator(verify_checksums=True, fill_cache=False)
            with closing(found):
                found.seek(prefix)
                while found.valid() and found.key().startswith(prefix):
                    key, encoded = found.key(), found.value()
                    if len(encoded) > most_bytes:
                        lost = f"the record under {key[:64].hex()} has {len(encoded)} bytes"
                    else:
                        yield 1, encoded
                    found.next()
        yield (0, lost) if lost else (1, "")
    except plyvel.Error as error:
        yield _fail(error)
    except MemoryError:
        yield _want_memory()


def _fail(error: plyvel.Error) -> _Frame:
    is_short = any(_text(error).endswith(os.strerror(code)) for code in _SHORTAGES)
    return -1 if is_short else 0, _text(error)


def _want_memory() -> _Frame:
    why = f"it asks for more memory than the {MEMORY_BYTES >> 20} MiB that it may take"
    return (-1, os.strerror(errno.ENOMEM)) if is_memory_limited() else (0, why)


def _text(error: plyvel.Error) -> str:
    return b" ".join(error.args).decode(errors="replace")


def _main(directory: str, how: str, start: str, most_bytes: str = "") -> None:
    # Files that are only mapped do not count.
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    bound = MEMORY_BYTES if most == resource.RLIM_INFINITY else min(MEMORY_BYTES, most)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(BrokenPipeError):  # nobody listens any more
        if how == "beside":
            frames = read_beside(directory, bytes.fromhex(start), int(most_bytes))
        else:
            frames = read_frames(directory, int(start), strict=how == "strict")
        for frame in frames:
            sys.stdout.buffer.write(msgpack.packb(frame))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
