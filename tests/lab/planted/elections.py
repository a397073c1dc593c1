"""Planted bugs about terms, votes and who may lead."""

from dataclasses import replace
from typing import Final

from lab.planted.bug import FREQUENT_ELECTIONS, PlantedBug
from lab.simulator.disk import SimDisk
from lab.simulator.node import SimCore

from kpnode.raft import (
    HardState,
    Index,
    Input,
    LogReader,
    PreVoteReply,
    PreVoteRequest,
    RaftConfig,
    Received,
    Recovered,
    Role,
    Term,
    Tick,
    VoteReply,
    VoteRequest,
)
from kpnode.raft.replication import open_term
from kpnode.raft.state import Campaign, Leadership
from kpnode.raft.types import Entry

_FAR = Index(1 << 40)


class _ForgetsVote(SimCore):
    """Keeps its vote in memory only (PySyncObj #84)."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        forgetful = HardState(recovered.hard_state.term, None)
        super().__init__(config, replace(recovered, hard_state=forgetful), log)


class _ForgetsVoteOnStepDown(SimCore):
    """Forgets its vote when it steps down within a term (CCF #5891)."""

    def handle(self, item: Input) -> None:
        before = self.status()
        super().handle(item)
        after = self.status()
        if before.role is not Role.FOLLOWER and after.role is Role.FOLLOWER:
            self._state.voted_for = None


class _SavesNoVote(SimDisk):
    """Writes the hard state only when the term changes, before it is known who gets the vote."""

    def write(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        if hard_state is not None and hard_state.term > self.hard_state.term:
            super().write(HardState(hard_state.term, None), entries)
        else:
            super().write(None, entries)


class _CountsVotesTwice(SimCore):
    """Counts vote messages, not voters (PySyncObj)."""

    _votes = 0

    def handle(self, item: Input) -> None:
        state, before = self._state, self._state.role_state
        super().handle(item)
        role_state = state.role_state
        if not isinstance(role_state, Campaign) or role_state.pre or role_state is not before:
            self._votes = 1
        elif isinstance(item, Received) and isinstance(item.message.body, VoteReply):
            reply = item.message.body
            self._votes += reply.granted and reply.term == state.term
            if self._votes > len(state.membership.newest.voters) // 2:
                open_term(state)


class _VotesForAnyLog(SimCore):
    """Looks at the term of a request, and not at the log behind it."""

    def handle(self, item: Input) -> None:
        if isinstance(item, Received):
            body = item.message.body
            if isinstance(body, PreVoteRequest | VoteRequest):
                body = replace(body, last_term=body.term, last_index=_FAR)
                item = Received(replace(item.message, body=body))
        super().handle(item)


class _PreVoteRaisesTerm(SimCore):
    """Takes the term of a pre-vote for one that has begun."""

    def handle(self, item: Input) -> None:
        if isinstance(item, Received) and isinstance(item.message.body, PreVoteRequest):
            term = item.message.body.term
            if term > self._state.term:
                self._state.follow(term, None)
        super().handle(item)


class _PreVoteResetsTimer(SimCore):
    """Takes the question of a pre-candidate for a sign of life from a leader (hashicorp #609)."""

    def handle(self, item: Input) -> None:
        super().handle(item)
        if isinstance(item, Received) and isinstance(item.message.body, PreVoteRequest):
            self._state.elapsed_ticks = 0


class _IsNotSticky(SimCore):
    """Helps whoever asks, whether there is a leader or not."""

    def handle(self, item: Input) -> None:
        state = self._state
        if (
            isinstance(item, Received)
            and isinstance(item.message.body, PreVoteRequest | VoteRequest)
            and not isinstance(state.role_state, Leadership)
        ):
            term, leader, state.leader = state.term, state.leader, None
            super().handle(item)
            if state.term == term and state.role is Role.FOLLOWER and state.voted_for is None:
                state.leader = leader
        else:
            super().handle(item)


class _CampaignsAfterLoss(SimCore):
    """Stands for election although it knows that its disk lost entries."""

    def handle(self, item: Input) -> None:
        state = self._state
        least, state.least_end = state.least_end, (Term(0), Index(0))
        super().handle(item)
        state.least_end = max(state.least_end, least)


class _ClaimsAllCommitted(SimCore):
    """Tells a pre-candidate the end of its log instead of what is committed of it."""

    def handle(self, item: Input) -> None:
        super().handle(item)
        log = self._state.log
        for place, message in enumerate(self._state.outbox):
            if isinstance(message.body, PreVoteReply):
                body = replace(message.body, commit_index=log.last_index, commit_term=log.last_term)
                self._state.outbox[place] = replace(message, body=body)


class _LeadsWithoutQuorum(SimCore):
    """Leads until somebody says that its time is over."""

    def handle(self, item: Input) -> None:
        role_state = self._state.role_state
        if isinstance(item, Tick) and isinstance(role_state, Leadership):
            for progress in role_state.peers.values():
                progress.recently_active = True
        super().handle(item)


ELECTIONS: Final = {
    "vote-forgotten-at-restart": PlantedBug(core=_ForgetsVote, climate=FREQUENT_ELECTIONS),
    "vote-forgotten-on-step-down": PlantedBug(
        core=_ForgetsVoteOnStepDown, climate=FREQUENT_ELECTIONS
    ),
    "vote-not-saved": PlantedBug(disk=_SavesNoVote),
    "votes-counted-twice": PlantedBug(
        core=_CountsVotesTwice, climate={**FREQUENT_ELECTIONS, "voters": 5, "copies": 600}
    ),
    "vote-for-any-log": PlantedBug(core=_VotesForAnyLog, climate=FREQUENT_ELECTIONS),
    "pre-vote-raises-term": PlantedBug(core=_PreVoteRaisesTerm, climate=FREQUENT_ELECTIONS),
    "pre-vote-resets-timer": PlantedBug(
        core=_PreVoteResetsTimer,
        climate={**FREQUENT_ELECTIONS, "voters": 5, "partition": 20, "heal": 5, "crash": 0},
    ),
    "no-stickiness": PlantedBug(
        core=_IsNotSticky, climate={**FREQUENT_ELECTIONS, "partition": 20, "heal": 20}
    ),
    "pre-vote-claims-commits": PlantedBug(core=_ClaimsAllCommitted, climate=FREQUENT_ELECTIONS),
    "campaign-after-loss": PlantedBug(
        core=_CampaignsAfterLoss,
        climate={**FREQUENT_ELECTIONS, "crash": 5, "lose": 900, "restart": 300, "pause": 10},
    ),
    "no-check-quorum": PlantedBug(
        core=_LeadsWithoutQuorum, climate={**FREQUENT_ELECTIONS, "partition": 20, "crash": 0}
    ),
}
"""By name."""
