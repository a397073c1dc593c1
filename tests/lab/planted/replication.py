"""Planted bugs about appends, acknowledgements and commits."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from lab.planted.bug import DIVERGING_LOGS, FREQUENT_ELECTIONS, PlantedBug
from lab.simulator.disk import SimDisk
from lab.simulator.node import SimCore

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    HardState,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Input,
    LogReader,
    Message,
    NodeId,
    RaftConfig,
    Ready,
    Received,
    Recovered,
    Term,
)
from kpnode.raft.log import RaftLog
from kpnode.raft.membership import quorum_value
from kpnode.raft.state import Leadership


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
        if isinstance(state.role_state, Leadership):
            held: dict[NodeId, int] = {p: seen.match for p, seen in state.role_state.peers.items()}
            held[state.node] = state.log.persisted
            state.advance_commit(Index(quorum_value(state.membership.active, held)))


class _CountsItselfUnsaved(SimCore):
    """Counts its own copy as soon as it has it in memory."""

    def handle(self, item: Input) -> None:
        super().handle(item)
        state = self._state
        if isinstance(state.role_state, Leadership):
            held: dict[NodeId, int] = {p: seen.match for p, seen in state.role_state.peers.items()}
            held[state.node] = state.log.last_index
            index = Index(quorum_value(state.membership.active, held))
            if state.log.term_at(index) == state.term:
                state.advance_commit(index)


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
        if isinstance(item, Received) and isinstance(item.message.body, AppendRequest):
            request = item.message.body
            found = self._state.log.term_at(request.prev_index)
            if found is not None and found < request.prev_term:
                body = replace(request, prev_term=found)
                item = Received(replace(item.message, body=body))
        super().handle(item)


class _LogThatTruncates(RaftLog):
    def missing(self, entries: tuple[Entry, ...], *, compared: bool = False) -> tuple[Entry, ...]:
        del compared
        return tuple(entry for entry in entries if entry.index > self.commit)


class _TruncatesWithoutConflict(SimCore):
    """Drops everything after the entries of an append (PySyncObj 0.3.17)."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        super().__init__(config, recovered, log)
        self._state.log = _LogThatTruncates(log, recovered.applied)


class _AcksItsWholeLog(SimCore):
    """Acknowledges up to its own end instead of the end of what it compared (CCF #6001).

    Our leaders begin to compare where the logs part, which hides it; so these begin lower, which is
    sound by itself.
    """

    def handle(self, item: Input) -> None:
        before = self._state.role_state
        super().handle(item)
        role_state = self._state.role_state
        if isinstance(role_state, Leadership) and role_state is not before:
            for progress in role_state.peers.values():
                progress.next = Index(self._state.log.commit + 1)
        end = self._state.log.last_index
        for place, message in enumerate(self._state.outbox):
            if isinstance(message.body, AppendReply) and message.body.accepted:
                body = replace(message.body, index=end)
                self._state.outbox[place] = replace(message, body=body)


class _TakesRefusalForConsent(SimCore):
    """Takes every answer to an append for a copy, and commits by it (CCF, commit on NACK)."""

    def handle(self, item: Input) -> None:
        super().handle(_change_reply(item, lambda reply: replace(reply, accepted=True)))


class _RefusesWhatItHolds(SimCore):
    """Refuses an append that begins below its own end, though the logs agree there."""

    def handle(self, item: Input) -> None:
        if isinstance(item, Received) and isinstance(item.message.body, AppendRequest):
            request, log = item.message.body, self._state.log
            if request.term == self._state.term and 0 < request.prev_index < log.last_index:
                refusal = AppendReply(
                    request.term,
                    accepted=False,
                    index=request.prev_index,
                    hint_index=Index(request.prev_index - 1),
                )
                self._state.send(item.message.sender, refusal)
                return
        super().handle(item)


class _RefusalMovesMatch(SimCore):
    """Takes the hint in a refusal for what the peer certainly holds."""

    def handle(self, item: Input) -> None:
        super().handle(item)
        role_state = self._state.role_state
        if isinstance(item, Received) and isinstance(role_state, Leadership):
            body, peer = item.message.body, role_state.peers.get(item.message.sender)
            if isinstance(body, AppendReply) and not body.accepted and peer is not None:
                peer.match = max(peer.match, body.hint_index)


class _CountsOldAcks(SimCore):
    """Does not look at the term of an acknowledgement."""

    def handle(self, item: Input) -> None:
        term = self._state.term
        if isinstance(item, Received) and item.message.body.term < term:
            item = _change_reply(item, lambda reply: replace(reply, term=term))
        super().handle(item)


class _CarriesMatchOver(SimCore):
    """Begins a term with what it knew about its peers when it led last (hashicorp's commitment)."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        super().__init__(config, recovered, log)
        self._known: dict[NodeId, Index] = {}

    def handle(self, item: Input) -> None:
        before = self._state.role_state
        super().handle(item)
        role_state = self._state.role_state
        if isinstance(role_state, Leadership) and role_state is not before:
            for peer, progress in role_state.peers.items():
                progress.accepted(min(self._known.get(peer, Index(0)), self._state.log.last_index))
        elif isinstance(before, Leadership):
            self._known = {peer: progress.match for peer, progress in before.peers.items()}


class _CommitsUnverified(SimCore):
    """As a follower commits up to the end of its log, not to the end of what it compared."""

    def handle(self, item: Input) -> None:
        super().handle(item)
        state = self._state
        if isinstance(item, Received) and isinstance(item.message.body, AppendRequest):
            request = item.message.body
            if request.term == state.term and state.leader == item.message.sender:
                state.advance_commit(min(request.commit, state.log.last_index))


class _HeartbeatsCommitAll(SimCore):
    """Tells every peer the whole commit index in a heartbeat (etcd raft #138)."""

    def take_ready(self) -> Ready:
        ready = super().take_ready()
        return replace(ready, messages=tuple(map(self._change, ready.messages)))

    def _change(self, message: Message) -> Message:
        body = message.body
        if not isinstance(body, HeartbeatRequest):
            return message
        return replace(message, body=replace(body, commit=self._state.log.commit))


class _ForgetsLostWindow(SimCore):
    """Waits for the answer to a full window for ever, though all of it is lost (etcd #14633)."""

    def handle(self, item: Input) -> None:
        super().handle(item)
        role_state = self._state.role_state
        if isinstance(role_state, Leadership) and isinstance(item, Received):
            progress = role_state.peers.get(item.message.sender)
            if progress is not None and isinstance(item.message.body, HeartbeatReply):
                progress._poked = False


class _CommitsAtStart(SimCore):
    """Takes all that is in its log after a crash for committed."""

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        super().__init__(config, recovered, log)
        self._state.advance_commit(self._state.log.last_index)


class _SendsInSetOrder(SimCore):
    """Sends to its peers in the order of a set, which is another one in every process."""

    def take_ready(self) -> Ready:
        ready = super().take_ready()
        peers = {message.recipient for message in ready.messages}
        ordered = [one for peer in peers for one in ready.messages if one.recipient == peer]
        return replace(ready, messages=tuple(ordered))


def _change_reply(item: Input, change: Callable[[AppendReply], AppendReply]) -> Input:
    if isinstance(item, Received) and isinstance(item.message.body, AppendReply):
        return Received(replace(item.message, body=change(item.message.body)))
    return item


REPLICATION: Final = {
    "ack-before-save": PlantedBug(disk=_SaysItBeforeItIsSaved, climate=FREQUENT_ELECTIONS),
    "commit-of-older-term": PlantedBug(core=_CommitsOlderTerms, climate=DIVERGING_LOGS),
    "leader-counts-unsaved": PlantedBug(
        core=_CountsItselfUnsaved, climate={"voters": 3, "late_report": 990}
    ),
    "persisted-without-term": PlantedBug(
        core=_IgnoresReportTerm, climate={**DIVERGING_LOGS, "late_report": 990, "lose": 0}
    ),
    "no-log-match": PlantedBug(core=_SkipsLogMatch, climate=DIVERGING_LOGS),
    "truncation-without-conflict": PlantedBug(
        core=_TruncatesWithoutConflict, climate={**DIVERGING_LOGS, "max_append_entries": 1}
    ),
    "ack-beyond-verified": PlantedBug(
        core=_AcksItsWholeLog, climate={**DIVERGING_LOGS, "max_append_entries": 1}
    ),
    "commit-from-nack": PlantedBug(core=_TakesRefusalForConsent, climate=DIVERGING_LOGS),
    "nack-of-what-it-holds": PlantedBug(core=_RefusesWhatItHolds, climate=DIVERGING_LOGS),
    "nack-moves-match": PlantedBug(core=_RefusalMovesMatch, climate=DIVERGING_LOGS),
    "ack-of-older-term": PlantedBug(core=_CountsOldAcks, climate=DIVERGING_LOGS),
    "match-of-older-term": PlantedBug(core=_CarriesMatchOver, climate=DIVERGING_LOGS),
    "follower-commits-unverified": PlantedBug(core=_CommitsUnverified, climate=DIVERGING_LOGS),
    "heartbeat-commits-all": PlantedBug(core=_HeartbeatsCommitAll, climate=DIVERGING_LOGS),
    "lost-window": PlantedBug(
        core=_ForgetsLostWindow,
        climate={"voters": 3, "window": 1, "loss": 300, "propose": 300, "reconfigure": 0},
    ),
    "commit-at-start": PlantedBug(core=_CommitsAtStart, climate=DIVERGING_LOGS),
    "set-order": PlantedBug(core=_SendsInSetOrder, climate={"voters": 5}, by_hash_seed=True),
}
"""By name."""
