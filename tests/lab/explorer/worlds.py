"""The worlds that are explored by default: small enough to be seen whole, each about one thing.

One world with everything in it would be seen to a depth of six moves only. Each of these is
explored to the end: whatever can happen within its bounds is seen.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lab.explorer.bounds import Bounds
from lab.explorer.bugs import NOTHING

_LOSER: Final = {"terms": 2, "timeouts": 1}
"""The leader of the start may lose its office once."""
_TWICE: Final = {"terms": 3, "timeouts": 2, "lapses": 1}
"""There may be two more leaders."""

WORLDS: Final[Mapping[str, Bounds]] = MappingProxyType(
    {
        "elections": NOTHING.with_({"led": 0, "terms": 2, "timeouts": 3, "crashes": 1}),
        "polls": NOTHING.with_({"led": 0, "terms": 2, "timeouts": 2, "crashes": 1, "polls": 0}),
        "replication": NOTHING.with_({**_LOSER, "entries": 2, "crashes": 1}),
        "copies": NOTHING.with_({**_LOSER, "entries": 1, "copies": 1}),
        "succession": NOTHING.with_(_TWICE),
        "membership": NOTHING.with_({**_LOSER, "entries": 1, "configs": 1}),
        "membership-crash": NOTHING.with_({**_LOSER, "configs": 1, "crashes": 1, "messages": 2}),
        "reads": NOTHING.with_({**_LOSER, "entries": 1, "reads": 1, "beats": 1, "messages": 2}),
        "reads-of-two-terms": NOTHING.with_({**_TWICE, "reads": 2, "messages": 2}),
        "transfer": NOTHING.with_({**_LOSER, "entries": 1, "transfers": 1}),
        "driver": NOTHING.with_({**_LOSER, "entries": 1, "late": 1, "held": 1}),
        "driver-crash": NOTHING.with_(
            {**_LOSER, "entries": 1, "held": 1, "crashes": 1, "messages": 2}
        ),
    }
)
"""By name."""
_FEWER: Final[Mapping[str, Mapping[str, int]]] = {
    "elections": {"timeouts": 2},
    "polls": {"crashes": 0},
    "replication": {"entries": 1},
    "membership": {"entries": 0},
    "membership-crash": {"timeouts": 0},
    "reads": {"beats": 0},
    "reads-of-two-terms": {"reads": 1, "timeouts": 1},
    "driver": {"held": 0},
    "driver-crash": {"timeouts": 0},
}
QUICK: Final[Mapping[str, Bounds]] = MappingProxyType(
    {name: world.with_({"messages": 2, **_FEWER.get(name, {})}) for name, world in WORLDS.items()}
)
"""The same with less in them, for the gate."""
