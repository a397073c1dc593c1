"""What a planted bug is: the part that is wrong, and the climate in which it shows soonest."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.simulator.disk import SimDisk
from lab.simulator.machine import SimMachine
from lab.simulator.node import SimCore, SimNode

FREQUENT_ELECTIONS: Mapping[str, int] = {
    "voters": 3,
    "spares": 0,
    "reconfigure": 0,
    "election_ticks": 5,
    "heartbeat_ticks": 2,
    "crash": 20,
    "crash_in_save": 50,
    "restart": 500,
    "loss": 100,
    "propose": 300,
    "delay_ticks": 3,
}
"""Many leaders, each for a short time."""

DIVERGING_LOGS: Mapping[str, int] = {
    **FREQUENT_ELECTIONS,
    "crash": 5,
    "partition": 30,
    "heal": 60,
    "propose": 900,
    "straggle": 50,
    "copies": 100,
}
"""Leaders that are cut off while they are asked to order things."""

CHANGING_VOTERS: Mapping[str, int] = {
    **FREQUENT_ELECTIONS,
    "voters": 4,
    "spares": 2,
    "crash": 5,
    "loss": 50,
    "partition": 20,
    "heal": 60,
    "reconfigure": 60,
    "lose": 0,
}
"""Other voters all the time."""

READING: Mapping[str, int] = {
    **FREQUENT_ELECTIONS,
    "partition": 30,
    "heal": 60,
    "read": 400,
    "pause": 5,
}
"""Many reads under many leaders."""


@dataclass(frozen=True, slots=True)
class PlantedBug:
    """What a world is built from; by default nothing is wrong with it."""

    core: type[SimCore] = SimCore
    disk: type[SimDisk] = SimDisk
    machine: type[SimMachine] = SimMachine
    node: type[SimNode] = SimNode
    climate: Mapping[str, int] = field(default_factory=dict)
    """Settings of `lab.simulator.options.SimOptions` that replace what the seed drew."""
    by_hash_seed: bool = False
    """It breaks no rule: two runs of one seed differ, under two hash seeds."""
