"""What tests of one node share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from single_engine import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An engine that has led, and whoever else there is speaks to it."""
    world = World(tmp_path / "ledger")
    world.lead()
    yield world
    world.storage.close()
