"""What the rules look at in one node."""

from dataclasses import dataclass
from typing import Self

from lab.explorer.bounds import LARGE
from lab.explorer.local import Local

from kpnode.raft import Configuration, Entry, HardState, Index, NodeId, Role, Term


@dataclass(frozen=True, slots=True)
class View:
    """One node, read from its core and its disk."""

    node: NodeId
    term: Term
    leads: bool
    campaigns: bool
    held: bool
    kept: int
    commit: Index
    applied: Index
    log: tuple[Entry, ...]
    durable: HardState
    disk: tuple[Entry, ...]
    """The log that would be found after a crash."""
    match: tuple[tuple[NodeId, Index], ...]
    """How far a leader believes its peers to be."""
    transfers: bool
    base: Configuration
    """In force at the commit index, as the core keeps it."""
    pending: tuple[tuple[Index, Configuration], ...]
    """Above the commit index, as the core keeps it."""
    lost_up_to: Index

    @classmethod
    def of(cls, local: Local) -> Self:
        """Look at a node."""
        status, state = local.core.status(), local.core._state
        log, membership = state.log, state.membership
        durable, disk = local.disk.after_crash()
        found: list[Entry] = []
        while page := log.entries(Index(len(found) + 1), log.last_index, LARGE):
            found += page
        return cls(
            node=status.node,
            term=status.term,
            leads=status.role is Role.LEADER,
            campaigns=status.role is Role.CANDIDATE,
            held=local.held,
            kept=len(local.kept),
            commit=status.commit,
            applied=status.applied,
            log=tuple(found),
            durable=durable,
            disk=disk,
            match=tuple((peer.node, peer.match) for peer in status.peers),
            transfers=status.transfer_target is not None,
            base=membership.base,
            pending=tuple(membership.pending),
            lost_up_to=status.lost_up_to,
        )
