"""The worlds that are explored by default: small enough to be seen whole, each about one thing.

One world with everything in it would be seen to a depth of six moves only. Each of these is
explored to the end: whatever can happen within its bounds is seen.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from kpnode.sim.explore.bounds import Bounds
from kpnode.sim.explore.bugs import NOTHING

WORLDS: Final[Mapping[str, Bounds]] = MappingProxyType(
    {
        "elections": replace(NOTHING, led=0, terms=2, timeouts=3, crashes=1),
        "polls": replace(NOTHING, led=0, terms=2, timeouts=2, polls=0),
        "replication": replace(NOTHING, terms=2, timeouts=1, entries=2, crashes=1),
        "succession": replace(NOTHING, terms=3, timeouts=2, lapses=1),
        "membership": replace(NOTHING, terms=2, timeouts=1, entries=1, configs=1),
        "reads": replace(NOTHING, terms=2, timeouts=1, entries=1, reads=1, beats=1),
        "transfer": replace(NOTHING, terms=2, timeouts=0, entries=1, transfers=1, crashes=1),
        "driver": replace(NOTHING, terms=2, timeouts=1, entries=1, late=1, held=1),
    }
)
QUICK: Final[Mapping[str, Bounds]] = MappingProxyType({})
