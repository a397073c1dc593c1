"""Planted bugs about changes of voters."""

from typing import Final

from lab.planted.bug import CHANGING_VOTERS, PlantedBug
from lab.simulator.node import SimCore

from kpnode.raft import (
    ConfigProposed,
    Configuration,
    Index,
    Input,
    LogReader,
    NodeId,
    RaftConfig,
    Recovered,
    TimeoutNow,
)
from kpnode.raft.membership import Membership
from kpnode.raft.state import Leadership


class _NewestOnly(Membership):
    @property
    def active(self) -> tuple[Configuration, ...]:
        return (self.pending[-1][1],) if self.pending else (self.base,)


class _Union(Membership):
    @property
    def active(self) -> tuple[Configuration, ...]:
        every = (self.base, *(configuration for _, configuration in self.pending))
        voters: dict[NodeId, None] = {voter: None for one in every for voter in one.voters}
        return (Configuration(tuple(sorted(voters))),) if self.pending else (self.base,)

    @property
    def newest(self) -> Configuration:
        return self.pending[-1][1] if self.pending else self.base


class _CommittedOnly(Membership):
    @property
    def active(self) -> tuple[Configuration, ...]:
        return (self.base,)


class _NeverRolledBack(Membership):
    def truncate(self, first: Index) -> None:
        del first


class _WithOtherMembership(SimCore):
    membership: type[Membership] = Membership

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        super().__init__(config, recovered, log)
        sound = self._state.membership
        self._state.membership = self.membership(sound.base, sound.pending)


class _ReplacesVotersAtOnce(_WithOtherMembership):
    """Asks only the newest configuration, as if one could switch in one step."""

    membership = _NewestOnly


class _AsksTheUnion(_WithOtherMembership):
    """Asks for a majority of all voters together (CCF, election quorum tally)."""

    membership = _Union


class _ActivatesAtCommit(_WithOtherMembership):
    """Lets a change take effect when it is committed (etcd #11284)."""

    membership = _CommittedOnly


class _RollsNothingBack(_WithOtherMembership):
    """Keeps a configuration whose entry was overwritten (CCF, retirement rollback)."""

    membership = _NeverRolledBack


class _AllowsSecondChange(SimCore):
    """Begins a change while another one is not committed."""

    def handle(self, item: Input) -> None:
        membership = self._state.membership
        pending = membership.pending
        if isinstance(item, ConfigProposed) and pending:
            membership.pending = []
            super().handle(item)
            membership.pending = pending + membership.pending
        else:
            super().handle(item)


class _ChangesBeforeItsTermIsOpen(SimCore):
    """Begins a change before an entry of its own term is committed (Ongaro 2015)."""

    def handle(self, item: Input) -> None:
        role_state = self._state.role_state
        if isinstance(item, ConfigProposed) and isinstance(role_state, Leadership):
            opened_at, role_state.opened_at = role_state.opened_at, Index(0)
            super().handle(item)
            role_state.opened_at = opened_at
        else:
            super().handle(item)


class _LeavesEarly(SimCore):
    """Hands over as soon as its removal is in its log (CCF, premature retirement)."""

    def handle(self, item: Input) -> None:
        super().handle(item)
        state = self._state
        if not isinstance(state.role_state, Leadership) or not isinstance(item, ConfigProposed):
            return
        voters = state.membership.newest.voters
        if state.node not in voters:
            state.send(voters[0], TimeoutNow(state.term))
            state.follow(state.term, None)


_NO_CUTS = {**CHANGING_VOTERS, "partition": 0, "crash": 5}

MEMBERSHIP: Final = {
    "no-joint-quorum": PlantedBug(core=_ReplacesVotersAtOnce, climate=CHANGING_VOTERS),
    "union-quorum": PlantedBug(core=_AsksTheUnion, climate=CHANGING_VOTERS),
    "change-active-at-commit": PlantedBug(core=_ActivatesAtCommit, climate=CHANGING_VOTERS),
    "change-not-rolled-back": PlantedBug(core=_RollsNothingBack, climate=CHANGING_VOTERS),
    "second-change-pending": PlantedBug(core=_AllowsSecondChange, climate=CHANGING_VOTERS),
    "change-before-term-opens": PlantedBug(
        core=_ChangesBeforeItsTermIsOpen, climate=CHANGING_VOTERS
    ),
    "removed-leader-leaves-early": PlantedBug(core=_LeavesEarly, climate=_NO_CUTS),
}
"""By name."""
