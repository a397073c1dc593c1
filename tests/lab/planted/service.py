"""Planted bugs about reads, transfers, and the state machine."""

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from hashlib import sha256
from typing import Final

from lab.planted.bug import FREQUENT_ELECTIONS, READING, PlantedBug
from lab.simulator.machine import Applied, SimMachine
from lab.simulator.node import Answer, SimCore, SimNode

from kpnode.raft import (
    Entry,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Input,
    ReadGrant,
    ReadRequested,
    Ready,
    Received,
    Role,
    Tick,
    TimeoutNow,
    TransferRequested,
)
from kpnode.raft.state import Leadership


class _ReadsWithoutRound(SimCore):
    """Answers reads at once because it leads, as far as it knows."""

    def handle(self, item: Input) -> None:
        status = self.status()
        if isinstance(item, ReadRequested) and status.role is Role.LEADER:
            self._state.reads.append(ReadGrant(item.ticket, status.commit))
        else:
            super().handle(item)


class _ReusesRound(SimCore):
    """Lets a read join the round that is under way (etcd #21399)."""

    def handle(self, item: Input) -> None:
        role_state = self._state.role_state
        rounds = role_state.reads._rounds if isinstance(role_state, Leadership) else None
        if isinstance(item, ReadRequested) and rounds:
            rounds[-1] = replace(rounds[-1], tickets=(*rounds[-1].tickets, item.ticket))
        else:
            super().handle(item)


class _ReadsBeforeItsTermIsOpen(SimCore):
    """Reads at the commit index that it had when it was elected (TiKV #6340)."""

    def take_ready(self) -> Ready:
        role_state = self._state.role_state
        if not isinstance(role_state, Leadership):
            return super().take_ready()
        opened_at, role_state.opened_at = role_state.opened_at, Index(0)
        ready = super().take_ready()
        role_state.opened_at = opened_at
        return ready


class _ConfirmsOldRounds(SimCore):
    """Repeats the round of an earlier term in a reply of this one; the simulator found it here."""

    def handle(self, item: Input) -> None:
        state = self._state
        if not isinstance(item, Received):
            super().handle(item)
            return
        message, body = item.message, item.message.body
        if isinstance(body, HeartbeatReply) and isinstance(state.role_state, Leadership):
            known = replace(body, round=min(body.round, state.role_state.reads.round))
            super().handle(Received(replace(message, body=known)))
        elif isinstance(body, HeartbeatRequest) and body.term < state.term:
            reply = HeartbeatReply(state.term, body.round, state.log.commit)
            state.send(message.sender, reply)
        else:
            super().handle(item)


class _TransferNeverEnds(SimCore):
    """Waits for its successor for ever (hashicorp #696)."""

    def handle(self, item: Input) -> None:
        role_state = self._state.role_state
        if isinstance(item, Tick) and isinstance(role_state, Leadership) and role_state.transfer:
            role_state.transfer.elapsed_ticks = 0
        super().handle(item)


class _TransfersTooEarly(SimCore):
    """Names a successor that does not hold its log yet."""

    def handle(self, item: Input) -> None:
        super().handle(item)
        role_state = self._state.role_state
        if (
            isinstance(item, TransferRequested)
            and isinstance(role_state, Leadership)
            and role_state.transfer
        ):
            self._state.send(item.target, TimeoutNow(self._state.term))


class _ClockInDigest(SimMachine):
    """Lets the wall clock into the state."""

    def digest(self, entry: Entry) -> bytes:
        return sha256(super().digest(entry) + b"%d" % self.now_ms()).digest()


class _AppliesTwice(SimMachine):
    """Saves its position before its state is, so the last entry is applied twice (etcd #13766)."""

    def __init__(
        self,
        start: Applied,
        *,
        book: MutableMapping[bytes, Index],
        persist: Callable[[Applied], None],
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(start, book=book, persist=persist, now_ms=now_ms)
        if start.entry.index:
            self.now = replace(start, digest=self.digest(start.entry))


class _AdmitsAgain(SimMachine):
    """Orders whatever it is sent (Jepsen on jetcd)."""

    def find_applied(self, event: bytes) -> Index | None:
        del event
        return None


class _LooksAtCommittedOnly(SimMachine):
    """Does not look for an event in its own log, where it waits for its commit."""

    def is_staged(self, event: bytes) -> bool:
        del event
        return False


class _AnswersAtOnce(SimNode):
    """Says that an event is recorded when it is in the leader's log."""

    def _order(self, core: SimCore, events: list[bytes]) -> list[Answer]:
        index = Index(core.status().last_index + 1)
        answers = super()._order(core, events)
        if core.status().role is not Role.LEADER:
            return answers
        known = {answer.event for answer in answers}
        return answers + [Answer(event, index) for event in events if event not in known]


SERVICE: Final = {
    "read-without-round": PlantedBug(core=_ReadsWithoutRound, climate=READING),
    "read-round-reused": PlantedBug(core=_ReusesRound, climate=READING),
    "read-round-of-older-term": PlantedBug(
        core=_ConfirmsOldRounds, climate={**READING, "straggle": 200, "crash": 5}
    ),
    "read-before-term-opens": PlantedBug(core=_ReadsBeforeItsTermIsOpen, climate=READING),
    "transfer-never-ends": PlantedBug(
        core=_TransferNeverEnds, climate={**FREQUENT_ELECTIONS, "loss": 300, "transfer": 10}
    ),
    "transfer-to-laggard": PlantedBug(
        core=_TransfersTooEarly, climate={**FREQUENT_ELECTIONS, "transfer": 20}
    ),
    "clock-in-state": PlantedBug(machine=_ClockInDigest, climate={"voters": 3}),
    "applied-twice-at-restart": PlantedBug(machine=_AppliesTwice, climate=FREQUENT_ELECTIONS),
    "event-admitted-again": PlantedBug(machine=_AdmitsAgain, climate=FREQUENT_ELECTIONS),
    "event-twice-in-log": PlantedBug(
        machine=_LooksAtCommittedOnly, climate={**FREQUENT_ELECTIONS, "crash": 2}
    ),
    "answer-before-commit": PlantedBug(node=_AnswersAtOnce, climate=FREQUENT_ELECTIONS),
}
"""By name."""
