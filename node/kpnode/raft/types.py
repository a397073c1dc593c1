"""The values the consensus core is made of: names, entries, votes, configurations, settings.

Not here: what travels between nodes (`messages`) and what travels between the core and its driver
(`interface`). Everything in this module is frozen; a value that exists is a valid one.
"""

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Final, NewType

NodeId = NewType("NodeId", str)
"""Name of a node; the transport authenticates it before the core sees it."""

Index = NewType("Index", int)
"""Position in the log, 1-based; 0 is the place before the first entry."""

Term = NewType("Term", int)
"""Raft term; 0 is the time before the first election."""

NO_INDEX: Final = Index(0)
"""The place before the first entry."""

NO_TERM: Final = Term(0)
"""The time before the first election."""

MAX_VOTERS: Final = 64
MAX_NODE_ID_BYTES: Final = 255
MAX_ATTACHMENT_BYTES: Final = 1 << 20


class InvariantError(Exception):
    """The core found itself in a state that no correct run reaches; the node must stop."""


class EntryKind(Enum):
    """What an entry's payload is; the core looks inside CONFIG only."""

    NOOP = 0
    """Opens a term: nothing of an earlier term may be committed by counting (Raft thesis 3.6.2)."""
    BLOCK = 1
    CONFIG = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot of the log."""

    index: Index
    term: Term
    """Term of creation; re-replication by a later leader never changes it."""
    kind: EntryKind
    payload: bytes


@dataclass(frozen=True, slots=True)
class HardState:
    """What a node must not forget between two messages (Raft thesis 3.8)."""

    term: Term
    voted_for: NodeId | None
    acknowledged: Index = NO_INDEX
    """Up to here the node has acknowledged the log to the leader of `term`, or leads it itself; 0
    without `RaftConfig.signed`."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The voters from one CONFIG entry on, and bytes the core carries without reading them.

    Raises:
        ValueError: There is no voter, one is repeated or out of order, or a limit is exceeded.
    """

    voters: tuple[NodeId, ...]
    """Ascending, without repeats: one spelling per set of voters."""
    attachment: bytes = b""

    def __post_init__(self) -> None:
        if not self.voters:
            raise ValueError("a configuration needs at least one voter")
        if any(left >= right for left, right in pairwise(self.voters)):
            raise ValueError(f"voters are not ascending without repeats: {self.voters}")
        if len(self.voters) > MAX_VOTERS:
            raise ValueError(f"{len(self.voters)} voters, limit {MAX_VOTERS}")
        for voter in self.voters:
            if not 0 < len(voter.encode()) <= MAX_NODE_ID_BYTES:
                raise ValueError(f"a node id takes 1 to {MAX_NODE_ID_BYTES} bytes: {voter!r}")
        if len(self.attachment) > MAX_ATTACHMENT_BYTES:
            raise ValueError(f"attachment of {len(self.attachment)} bytes is too long")


@dataclass(frozen=True, slots=True)
class RaftConfig:
    """Settings of one core; all waiting is bounded by one of them.

    Raises:
        ValueError: A setting makes no sense.
    """

    node: NodeId
    election_ticks: int = 10
    """Shortest time without a leader before a campaign; the longest is just under twice this."""
    heartbeat_ticks: int = 2
    seed: int = 0
    """Spreads the election timeouts; needs no secrecy, differs between deployments at will."""
    max_append_entries: int = 256
    max_append_bytes: int = 1 << 20
    """Payload bytes in one append; an entry above it travels alone."""
    window: int = 16
    """Appends in flight to one peer."""
    max_uncommitted_bytes: int = 64 << 20
    """Payload bytes a leader holds uncommitted before it drops proposals."""
    max_uncommitted_entries: int = 16384
    max_waiting_reads: int = 4096
    max_apply_bytes: int = 8 << 20
    """Payload bytes of committed entries in one `Ready`."""
    fixed_voters: bool = False
    """The voters never change, so who is none of them is not heard at all. Where they may change, a
    node that lags behind learns from a stranger that it leads by now (thesis 4.2.2)."""
    signed: bool = False
    """The driver signs votes and acknowledgements, and a node may lie: the own vote counts by
    `VoteSigned`, a leader commits by `Certified` alone, and within a term nothing that this node
    acknowledged is overwritten."""

    def __post_init__(self) -> None:
        if not 0 < len(self.node.encode()) <= MAX_NODE_ID_BYTES:
            raise ValueError(f"a node id takes 1 to {MAX_NODE_ID_BYTES} bytes: {self.node!r}")
        # A follower must be able to miss a heartbeat without calling an election.
        if not 0 < self.heartbeat_ticks < self.election_ticks:
            raise ValueError("0 < heartbeat_ticks < election_ticks does not hold")
        for name in (
            "max_append_entries",
            "max_append_bytes",
            "window",
            "max_uncommitted_bytes",
            "max_uncommitted_entries",
            "max_waiting_reads",
            "max_apply_bytes",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a node knows at start besides its log; a new node passes term 0, no vote, applied 0."""

    hard_state: HardState
    configuration: Configuration
    """In force at `configuration_index`: by default the one of the genesis file."""
    applied: Index
    """Where the state machine stands. The commit index restarts here, clamped to the log."""
    configuration_index: Index = NO_INDEX
    """`configuration` reflects the log up to here, so CONFIG entries are searched for after it.

    It must not exceed `applied`: a configuration above it could still be rolled back.
    """
    lost_up_to: Index = NO_INDEX
    """The driver knows that the disk lost entries up to here which the node had acknowledged."""

    def __post_init__(self) -> None:
        if not 0 <= self.configuration_index <= self.applied:
            raise ValueError("0 <= configuration_index <= applied does not hold")
