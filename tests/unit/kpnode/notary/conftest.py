"""A node as a voter alone, as leader, as follower and as candidate."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from single_engine import HONEST, World

from kpnode.raft import (
    Role,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "ledger")
    yield world
    world.storage.close()


@pytest.fixture
def leader(world: World) -> World:
    """It leads term 1; blocks 1 and 2 are final."""
    world.lead()
    return world


@pytest.fixture
def follower(leader: World) -> World:
    """It follows eu-1 in term 2."""
    leader.engine.step([leader.elect(HONEST, 2).beat()], [])
    return leader


@pytest.fixture
def candidate(follower: World) -> World:
    """It campaigns in term 3."""
    follower.hear(follower.honest.nominate(follower.elect(HONEST, 2).opening))
    assert follower.engine.status().role is Role.CANDIDATE
    return follower
