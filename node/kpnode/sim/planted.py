"""Bugs that real systems had, to see whether the simulator would have found them.

Each is a core or a disk that differs from the sound one in a single decision. Nothing outside the
simulator and its tests knows of this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from kpnode.raft import (
    AppendRequest,
    Configuration,
    Entry,
    HardState,
    Index,
    Input,
    LogReader,
    NodeId,
    RaftConfig,
    ReadGrant,
    ReadRequested,
    Received,
    Recovered,
    Role,
    Term,
)
from kpnode.raft.log import RaftLog
from kpnode.raft.membership import Membership
from kpnode.raft.quorum import quorum_value
from kpnode.raft.state import Leadership
from kpnode.sim.disk import SimDisk
from kpnode.sim.node import SimCore


class _ForgetsVote(SimCore):
    """Keeps its vote in memory only (PySyncObj #84)."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        forgetful = HardState(recovered.hard_state.term, None)
        super().__init__(config, replace(recovered, hard_state=forgetful), log)


class _ForgetsVoteOnStepDown(SimCore):
    """Forgets its vote when it loses its seat within a term (CCF #5891)."""

    def handle(self, item: Input) -> None:
        before = self.status()
        super().handle(item)
        after = self.status()
        if before.role is not Role.FOLLOWER and after.role is Role.FOLLOWER:
            self._state.voted_for = None


class _SaysItBeforeItIsSaved(SimDisk):
    """Syncs each save with the next one (NATS 2.12.1 with its two-minute flush)."""

    _unsynced: tuple[HardState, list[Entry], list[bytes]] | None = None

    def write(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        self._unsynced = (self.hard_state, list(self.log), list(self.links))
        super().write(hard_state, entries)

    def power_off(self) -> None:
        if self._unsynced is not None:
            self.hard_state, self.log, self.links = self._unsynced
            self._unsynced = None


class _CommitsOlderTerms(SimCore):
    """Counts replicas of entries of any term (the case of Raft figure 8; CCF #3950)."""

    def handle(self, item: Input) -> None:
        super().handle(item)
        state = self._state
        if isinstance(state.seat, Leadership):
            held: dict[NodeId, int] = {p: seen.match for p, seen in state.seat.peers.items()}
            held[state.node] = state.log.persisted
            state.advance_commit(Index(quorum_value(state.membership.active, held)))


class _LogWithoutReportTerm(RaftLog):
    def mark_persisted(self, index: Index, term: Term) -> None:
        del term
        durable = min(index, self.last_index)
        if durable > self.persisted:
            del self._tail[: durable - self.persisted]
            self.persisted = durable
            self._handed_out = max(self._handed_out, durable)


class _IgnoresReportTerm(SimCore):
    """Takes a report of durability for whatever is in the slot now (etcd's ABA)."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        super().__init__(config, recovered, log)
        self._state.log = _LogWithoutReportTerm(log, recovered.applied)


class _SkipsLogMatch(SimCore):
    """Appends wherever there is no gap, whatever comes before it."""

    def handle(self, item: Input) -> None:
        if isinstance(item, Received) and isinstance(item.envelope.message, AppendRequest):
            request = item.envelope.message
            found = self._state.log.term_at(request.prev_index)
            if found is not None and found < request.prev_term:
                message = replace(request, prev_term=found)
                item = Received(replace(item.envelope, message=message))
        super().handle(item)


class _LogThatTruncates(RaftLog):
    def missing(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return tuple(entry for entry in entries if entry.index > self.commit)


class _TruncatesWithoutConflict(SimCore):
    """Drops everything after the entries of an append (PySyncObj 0.3.17)."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        super().__init__(config, recovered, log)
        self._state.log = _LogThatTruncates(log, recovered.applied)


class _ReadsWithoutRound(SimCore):
    """Answers reads at once because it leads, as far as it knows."""

    def handle(self, item: Input) -> None:
        status = self.status()
        if isinstance(item, ReadRequested) and status.role is Role.LEADER:
            self._state.reads.append(ReadGrant(item.ticket, status.commit))
        else:
            super().handle(item)


class _NewestOnly(Membership):
    @property
    def active(self) -> tuple[Configuration, ...]:
        return (self.pending[-1][1],) if self.pending else (self.base,)


class _ReplacesVotersAtOnce(SimCore):
    """Asks only the newest configuration, as if one could switch in one step."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        super().__init__(config, recovered, log)
        sound = self._state.membership
        self._state.membership = _NewestOnly(sound.base, sound.pending)


@dataclass(frozen=True, slots=True)
class PlantedBug:
    """What a world is built from; by default nothing is wrong with it."""

    core: type[SimCore] = SimCore
    disk: type[SimDisk] = SimDisk


PLANTED: Mapping[str, PlantedBug] = MappingProxyType(
    {
        "vote-forgotten-at-restart": PlantedBug(core=_ForgetsVote),
        "vote-forgotten-on-step-down": PlantedBug(core=_ForgetsVoteOnStepDown),
        "ack-before-save": PlantedBug(disk=_SaysItBeforeItIsSaved),
        "commit-of-older-term": PlantedBug(core=_CommitsOlderTerms),
        "persisted-without-term": PlantedBug(core=_IgnoresReportTerm),
        "no-log-match": PlantedBug(core=_SkipsLogMatch),
        "truncation-without-conflict": PlantedBug(core=_TruncatesWithoutConflict),
        "read-without-round": PlantedBug(core=_ReadsWithoutRound),
        "no-joint-quorum": PlantedBug(core=_ReplacesVotersAtOnce),
    }
)
"""By name, for `--planted` and the tests."""
