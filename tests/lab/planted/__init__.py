"""Bugs that real systems had, to see whether the simulator would have found them.

Each is a core, a disk, a machine or a node that differs from the sound one in a single decision.
Nothing outside the simulator and its tests knows of this package.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from lab.planted.bug import PlantedBug
from lab.planted.elections import ELECTIONS
from lab.planted.membership import MEMBERSHIP
from lab.planted.replication import REPLICATION
from lab.planted.service import SERVICE

__all__ = ["PLANTED", "PlantedBug"]

PLANTED: Mapping[str, PlantedBug] = MappingProxyType(
    {
        # Each is a bug of a core, or of what the simulator has around it.
        name: replace(bug, climate={**bug.climate, "ledger": 0})
        for name, bug in (ELECTIONS | REPLICATION | MEMBERSHIP | SERVICE).items()
    }
)
"""By name, for `--planted`, `--planted-bugs` and the tests."""
