"""A ledger that stands alone, whose final tree can be cosigned."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from single_engine import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give the engine of bw-1 with three final events."""
    world = World(tmp_path / "ledger")
    world.lead()
    yield world
    world.storage.close()
