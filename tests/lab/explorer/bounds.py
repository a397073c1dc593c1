"""How large the explored world is.

Everything that could go on for ever has a budget. A budget is used up along a run, so that every
run ends; what is left of it is part of the state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Final, Self

from kpnode.raft import Configuration, NodeId, RaftConfig

LARGE: Final = 1 << 20
NODES_MAX: Final = 5
BUDGET_MAX: Final = 255


class Budget(IntEnum):
    """What a step may cost; the value is its place in a state."""

    TIMEOUTS = 0
    ENTRIES = 1
    CRASHES = 2
    CONFIGS = 3
    READS = 4
    BEATS = 5
    LAPSES = 6
    TRANSFERS = 7
    COPIES = 8
    LATE = 9
    HELD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The size of a world; every number is a maximum over one run.

    Raises:
        ValueError: There is no such world.
    """

    nodes: int = 3
    voters: int = 3
    """The first of the nodes vote at the start; the others run and wait."""
    terms: int = 3
    """Highest term."""
    messages: int = 4
    """In flight at the same time; what is too much is lost, in every possible choice."""
    timeouts: int = 2
    """Campaigns begun because no leader was heard."""
    entries: int = 2
    """Blocks proposed; each term adds its NOOP."""
    crashes: int = 1
    configs: int = 1
    """Changes of configuration proposed, each to any other set of voters."""
    reads: int = 1
    beats: int = 1
    """Heartbeats besides those that reads cause."""
    lapses: int = 1
    """Leaders that notice they have lost their quorum."""
    transfers: int = 1
    copies: int = 0
    """Messages that arrive and stay in flight."""
    late: int = 0
    """Reports of durability that come later than the save."""
    held: int = 0
    """Inputs after which the driver takes another one before it saves."""
    append: int = 1
    """Entries in one append."""
    window: int = 1
    """Appends in flight to one peer."""
    led: int = 1
    """1: begin under a leader whose term is open, all at rest; 0: begin with empty disks."""
    forget: int = 1
    """1: drop messages that their recipient will ignore whatever happens; 0: keep them."""
    polls: int = 0
    """1: a pre-vote request is answered within the move that delivers it; 0: two moves."""

    def __post_init__(self) -> None:
        if not 0 < self.voters <= self.nodes <= NODES_MAX:
            raise ValueError(f"0 < voters <= nodes <= {NODES_MAX} does not hold")
        for field in fields(self):
            if not 0 <= getattr(self, field.name) <= BUDGET_MAX:
                raise ValueError(f"{field.name} is not in 0 to {BUDGET_MAX}")
        if min(self.terms, self.append, self.window) < 1:
            raise ValueError("terms, append and window must be at least 1")

    @property
    def names(self) -> tuple[NodeId, ...]:
        """The nodes, ascending."""
        return tuple(NodeId(f"n{number}") for number in range(1, self.nodes + 1))

    @property
    def genesis(self) -> Configuration:
        """The configuration all nodes begin with."""
        return Configuration(self.names[: self.voters])

    @property
    def budget(self) -> bytes:
        """What may be used up, by `Budget`."""
        return bytes(getattr(self, budget.name.lower()) for budget in Budget)

    def with_(self, changes: Mapping[str, int]) -> Self:
        """Return a world that differs in some bounds.

        Raises:
            ValueError: There is no such world.
        """
        return replace(self, **changes)

    def settings(self, node: NodeId) -> RaftConfig:
        """Return the settings of one core; time is not measured here, so ticks are few."""
        return RaftConfig(
            node=node,
            election_ticks=3,
            heartbeat_ticks=2,
            max_append_entries=self.append,
            max_append_bytes=LARGE,
            window=self.window,
            max_uncommitted_bytes=LARGE,
            max_uncommitted_entries=LARGE,
            max_waiting_reads=LARGE,
            max_apply_bytes=LARGE,
        )
