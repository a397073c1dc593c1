"""One process at a time has a database open."""

import subprocess
import sys
from pathlib import Path

import pytest

from kpnode.raft import HardState, Term
from kpnode.storage.errors import StorageError
from kpnode.storage.leveldb import LevelStorage

CHAIN = bytes(range(32))
OPEN = """
import sys
from pathlib import Path
from kpnode.storage.errors import StorageError
from kpnode.storage.leveldb import LevelStorage
try:
    LevelStorage(Path(sys.argv[1]), chain=bytes(range(32)), create=False).close()
except StorageError as error:
    print(error)
"""


def open_elsewhere(directory: Path) -> str:
    """Try to open the database in another process; return its complaint."""
    command = [sys.executable, "-c", OPEN, str(directory)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_second_process_is_refused_and_told_who_is_first(
    storage: LevelStorage, directory: Path
) -> None:
    pid = (directory / "kpnode.lock").read_text()
    complaint = f"{directory}: another kpnode is running on {directory} (process {pid})\n"
    assert open_elsewhere(directory) == complaint
    storage.save(HardState(Term(1), None), ())


def test_refused_second_opening_in_the_same_process_does_not_drop_the_lock(
    storage: LevelStorage, directory: Path
) -> None:
    with pytest.raises(StorageError, match="another kpnode is running"):
        LevelStorage(directory, chain=CHAIN, create=False)
    assert open_elsewhere(directory) != ""
    storage.save(HardState(Term(1), None), ())


def test_closing_lets_others_in(storage: LevelStorage, directory: Path) -> None:
    storage.close()
    assert open_elsewhere(directory) == ""
    storage.close()


def test_holder_that_left_no_number_is_still_a_holder(
    storage: LevelStorage, directory: Path
) -> None:
    (directory / "kpnode.lock").write_text("")
    with pytest.raises(StorageError) as caught:
        LevelStorage(directory, chain=CHAIN, create=False)
    assert str(caught.value) == f"{directory}: another kpnode is running on {directory}"
    assert storage.failed is None
