"""A process that may open no more files: what LevelDB then says, and what it is taken for."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from kpnode.standing import Cause, explain_error
from kpnode.storage.errors import StorageFailedError

CHAIN = bytes(range(32))
FILL = """
import os, resource, sys
from pathlib import Path
from kpnode.raft import Entry, EntryKind, Index, Term
from kpnode.storage.errors import StorageFailedError, is_shortage
from kpnode.storage.leveldb import LevelStorage

storage = LevelStorage(Path(sys.argv[1]), chain=bytes(range(32)), create=True)
lowest = os.open("/dev/null", os.O_RDONLY)
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, lowest + 1))
try:
    for index in range(1, 100):
        entry = Entry(Index(index), Term(1), EntryKind.BLOCK, bytes(1 << 20))
        storage.save(None, (entry,))
except StorageFailedError as error:
    print(is_shortage(error), error.why)
"""


def test_leveldb_without_a_descriptor_is_short_of_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL, str(tmp_path / "ledger")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("True storage has failed"), done
    assert done.stdout.endswith("Too many open files\n")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.ENFILE, "Too many open files in system"), Cause.SHORTAGE),
        (MemoryError(), Cause.SHORTAGE),
        (
            StorageFailedError(Path("/x"), "IO error: /x/1.ldb: Cannot allocate memory"),
            Cause.SHORTAGE,
        ),
        (
            StorageFailedError(Path("/x"), "IO error: /x/1.log: No space left on device"),
            Cause.STORAGE,
        ),
        (StorageFailedError(Path("/x"), "IO error: /x/1.log: Input/output error"), Cause.STORAGE),
        (OSError(errno.EIO, "Input/output error"), Cause.INTERNAL),
    ],
)
def test_a_shortage_is_told_from_a_broken_disk(error: Exception, cause: Cause) -> None:
    assert explain_error(error).cause is cause
