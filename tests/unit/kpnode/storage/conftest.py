"""A new, empty storage per test, closed at its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kpnode.storage.leveldb import LevelStorage

CHAIN = bytes(range(32))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def storage(directory: Path) -> Iterator[LevelStorage]:
    storage = LevelStorage(directory, chain=CHAIN, create=True)
    yield storage
    storage.close()
