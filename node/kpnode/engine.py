"""One step of a node: inputs and submissions in, effects done on disk, results out.

Runs in the one thread that owns the core, the machine and the storage; knows no event loop and no
sockets. What must be true before a message leaves is done when :meth:`Engine.step` returns.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from kpledger.base.errors import LedgerError
from kpledger.log.certificates import LeaderCertificate
from kpledger.log.chain import ExecutedBlock
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.statements import BindingStatement
from kpledger.scheme.event import SignedEvent
from kpnode.docket import Docket, Exhibit, ForkedError
from kpnode.machine import Machine, MistimedBlockError
from kpnode.notary import Notary
from kpnode.ports import Storage
from kpnode.proposing import Proposer
from kpnode.pump import Pumped, pump
from kpnode.punctuality import Punctuality
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    RaftCore,
    ReadRequested,
    Received,
    Role,
    Status,
    Term,
    Tick,
    TimeoutNow,
    Unreachable,
    VoteReply,
    VoteRequest,
)
from kpnode.refusals import HeldRefusals
from kpnode.signatures import Signatures
from kpnode.step import EngineInput, LeaderStalled, Loss, RefusedBlock, ShownEvidence, Step
from kpnode.submission import Committed, Refused, Retry

_MAX_FIRST_TICKET = 1 << 52

PAUSE_ELECTIONS = 3
"""For how many shortest election timeouts a leader is set aside whose block was refused: long
enough for a majority that found the same to elect another, also if it is the first to stand."""


@dataclass(slots=True)
class _Results:
    pumped: list[Pumped[ExecutedBlock]] = field(default_factory=list)
    answers: list[tuple[bytes, Committed | Refused | Retry]] = field(default_factory=list)
    refused: list[RefusedBlock] = field(default_factory=list)
    vain: list[NodeId] = field(default_factory=list)
    exhibits: list[Exhibit] = field(default_factory=list)
    loss: Loss | None = None
    proposed: tuple[int, tuple[bytes, ...]] | None = None


class Engine:
    """The core, the machine and the storage of one node, moved together.

    Attributes:
        tickets: numbers for whatever is asked of the core. They travel to other nodes as well, so
            they begin anywhere: an answer that outlives a restart must fit no later question.
        find_early: tells whether a block time is ahead of this node's clock.
        election_ticks: the shortest election timeout.
    """

    def __init__(
        self,
        core: RaftCore,
        storage: Storage,
        machine: Machine,
        notary: Notary,
        docket: Docket,
        *,
        now_ms: Callable[[], int],
        election_ticks: int,
        max_block_events: int,
        max_block_bytes: int,
    ) -> None:
        """Take over the four; ``now_ms`` is this node's clock, ``election_ticks`` the core's."""
        self._core = core
        self._storage = storage
        self._machine = machine
        self._notary = notary
        self._docket = docket
        notary.records.barred = docket.barred
        self._now_ms = now_ms
        self._distrusted: dict[NodeId, Term] = {}
        self._punctuality = Punctuality(
            now_ms, skew_ms=machine.skew_ms, election_ticks=election_ticks
        )
        self.find_early = self._punctuality.find_early
        self.election_ticks = election_ticks
        self._noticed = Index(0)
        self.tickets = count(secrets.randbelow(_MAX_FIRST_TICKET))
        self._refusals = HeldRefusals()
        self._proposer = Proposer(
            core,
            machine,
            self._refusals,
            self.tickets,
            now_ms=now_ms,
            find_early=self.find_early,
            max_block_events=max_block_events,
            max_block_bytes=max_block_bytes,
        )

    @property
    def signatures(self) -> Signatures:
        """What was verified: no step computes what is known there."""
        return self._machine.signatures

    @property
    def said(self) -> tuple[BindingStatement | LeaderCertificate, ...]:
        """What peers said last in consensus, and who was elected lately; for any thread."""
        return self._notary.said

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """All evidence that this node has; for any thread."""
        return self._docket.exhibits

    def status(self) -> Status:
        """Give a picture of the core."""
        return self._core.status()

    @property
    def newest_ms(self) -> int:
        """The time of the newest block that this node knows of; not to be asked during a step."""
        return max(self._machine.top.time_ms, self._punctuality.early_ms)

    def step(self, items: Sequence[EngineInput], events: Sequence[SignedEvent]) -> Step:
        """Handle inputs, then try to order events; every effect on disk is done at return.

        Raises:
            ForkedError: the ledger has two histories that are both final.
            Exception: any error is final for the node: work that the core has handed out was not
                done.
        """
        results = _Results()
        self._stop_at_fork()
        for item in items:
            self._handle(item, results)
        if events:
            if self._core.last_index != self._machine.top.height:
                # A block goes on top of the log, which the machine knows after the pump alone.
                self._pump(results)
            ordered = self._proposer.order(events)
            results.answers += ordered.answers
            results.proposed = ordered.proposed
        self._save(results)
        self._take_findings(results)
        reads = [one for pumped in results.pumped for one in pumped.reads]
        dropped = [one for pumped in results.pumped for one in pumped.dropped]
        own = self._refusals.tickets
        leads_in = self._core.term if self._core.role is Role.LEADER else None
        applied = Index(self._machine.ledger.tip.height)
        results.answers += self._refusals.settle(reads, dropped, leads_in, applied)
        return Step(
            outgoing=self._notary.release(
                one for pumped in results.pumped for one in pumped.outgoing
            ),
            applied=tuple(one for pumped in results.pumped for one in pumped.applied),
            reads=tuple(one for one in reads if one.ticket not in own),
            dropped=tuple(one for one in dropped if one.ticket not in own),
            answers=tuple(results.answers),
            proposed=results.proposed,
            refused=tuple(results.refused),
            loss=results.loss,
            doubt=self._punctuality.doubt,
            newest_ms=self.newest_ms,
            held=self._notary.held,
            exhibits=tuple(results.exhibits),
            vain=tuple(results.vain),
            status=self._core.status(),
        )

    def _stop_at_fork(self) -> None:
        if (fork := self._docket.fork) is not None:
            raise ForkedError(fork.words)

    def _take_findings(self, results: _Results) -> None:
        """Keep what the notary has found, and stop counting whom it convicts."""
        found, unproven = self._notary.drain()
        results.vain += (one.sender for one in unproven)
        results.refused += (
            RefusedBlock(one.sender, one.term, one.problem) for one in unproven if one.problem
        )
        new = (self._docket.add(evidence) for evidence in found)
        results.exhibits += (exhibit for exhibit in new if exhibit is not None)
        if results.exhibits:
            # After a fork the next step stops; this one still tells the others of it.
            self._notary.records.barred = self._docket.barred

    def _pump(self, results: _Results) -> None:
        """Do all work of the core, and what follows from what is saved by then."""
        while True:
            self._notary.enter()
            results.pumped.append(pump(self._core, self._storage, self._machine))
            inputs = self._notary.inputs()
            if not inputs:
                return
            for item in inputs:
                self._core.handle(item)

    def may_save(self, item: EngineInput) -> bool:
        """Tell whether handling an input may have to wait for the disk.

        What comes in the current term and neither brings entries nor may win an election saves
        nothing; nor does a tick, after which a node that has peers begins by asking for pre-votes.
        A step that saves after all is as right as any other, only others have to wait for it.
        """
        if not isinstance(item, Received):
            return not isinstance(item, Tick | ReadRequested | Unreachable)
        body = item.message.body
        saves_nothing = (
            isinstance(body, HeartbeatRequest | HeartbeatReply)
            or (isinstance(body, AppendReply) and body.accepted)
            or (isinstance(body, AppendRequest) and not body.entries)
        )
        return body.term != self._core.term or not saves_nothing

    def _handle(self, item: EngineInput, results: _Results) -> None:
        """Give one input to the core, if it may reach it: nothing that only a liar would send."""
        match item:
            case ShownEvidence():
                exhibit = self._docket.take(item.exhibit)
                results.exhibits += () if exhibit is None else (exhibit,)
            case LeaderStalled():
                if self._follows(item.leader, item.term):
                    self._notary.records.pause(item.leader, item.ticks)
            case Received():
                self._receive(item.message, results)
            case Tick():
                self._tick()
                self._core.handle(item)
            case _:
                self._core.handle(item)

    def _tick(self) -> None:
        self._notary.tick()
        self._punctuality.tick()
        if self._core.role is Role.LEADER:
            self._punctuality.hear(self._core.node)

    def _receive(self, received: Message, results: _Results) -> None:
        if self._must_save_before(received.body):
            self._save(results)
        admitted = self._notary.admit(received)
        message = None if admitted is None else self._check(admitted, results)
        if message is None:
            return
        message = self._notary.follow(message)
        end, body = self._core.last_index, message.body
        self._core.handle(Received(message))
        if isinstance(body, AppendReply):
            # Before the pump, so that all that follows is one round of work.
            for item in self._notary.certify():
                self._core.handle(item)
        elif isinstance(body, AppendRequest | HeartbeatRequest):
            if self._follows(message.sender, body.term):
                self._punctuality.hear(message.sender)
            if isinstance(body, HeartbeatRequest):
                results.loss = self._notice_loss() or results.loss
            elif body.entries and not end == body.prev_index < self._core.last_index:
                # It took something out of the log, or was not taken.
                self._save(results)

    def _must_save_before(self, body: MessageBody) -> bool:
        """Tell whether a message is about what is not saved, and does not simply go on there."""
        last = self._core.last_index
        goes_on = not isinstance(body, AppendRequest) or not body.entries or body.prev_index == last
        is_campaign = isinstance(body, PreVoteRequest | PreVoteReply | VoteRequest | VoteReply)
        return last != self._core.persisted and (is_campaign or not goes_on)

    def _save(self, results: _Results) -> None:
        """Save what the core has taken, and forget what it has not."""
        self._pump(results)
        self._machine.drop_candidates()

    def _check(self, message: Message, results: _Results) -> Message | None:
        """Give a message as the core may see it, None if it may not.

        After one bad block nothing else is taken from its leader in that term, not even a
        heartbeat, and no candidacy for a while. So an honest majority stops following it and elects
        another. A block from the future or the past proves less, since the wrong clock may be this
        node's: its leader gets another hearing after that while, or this node would be left behind
        for good.
        """
        sender, body = message.sender, message.body
        if isinstance(body, TimeoutNow) and not self._follows(sender, body.term):
            return None
        from_leader = isinstance(body, AppendRequest | HeartbeatRequest | TimeoutNow)
        if from_leader and self._distrusts(sender, body.term):
            return None
        if not isinstance(body, AppendRequest) or body.term < self._core.term:
            return message
        try:
            return replace(message, body=self._check_append(message, body))
        except LedgerError as error:
            self._notary.look(message, error)
            if self._distrust(sender, body.term, error):
                results.refused.append(RefusedBlock(sender, body.term, str(error)))
            return None

    def _distrust(self, leader: NodeId, term: Term, error: LedgerError) -> bool:
        """Stop listening to a leader for a block that it answers for; others come again."""
        if not isinstance(error, MistimedBlockError):
            self._distrusted[leader] = term
        elif not self._punctuality.refuse(leader, error.time_ms, self._machine.top.time_ms):
            return False
        self._notary.records.pause(leader, PAUSE_ELECTIONS * self.election_ticks)
        return True

    def _distrusts(self, leader: NodeId, term: Term) -> bool:
        return self._distrusted.get(leader) == term or self._notary.records.is_paused(leader)

    def _follows(self, leader: NodeId, term: Term) -> bool:
        """Tell whether a node is the leader of the current term, and not this one."""
        core = self._core
        return (core.leader, core.term) == (leader, term) and core.role is Role.FOLLOWER

    def _notice_loss(self) -> Loss | None:
        """See whether the core has just learnt that the disk lost what it had acknowledged."""
        lost_up_to = self._core.lost_up_to
        if lost_up_to <= self._noticed:
            return None
        self._noticed = lost_up_to
        return Loss(self._core.last_index, lost_up_to)

    def _check_append(self, message: Message, request: AppendRequest) -> AppendRequest:
        """Check what a leader sends against what this node knows; give what is new of it.

        Raises:
            LedgerError: no honest node can have sent it.
        """
        self._check_committed(request)
        new, blocks = self._machine.check_append(
            request, self._now_ms(), misses_none=self._punctuality.refuses_late(message.sender)
        )
        if new.entries and new.entries[0].index <= self._notary.final:
            raise InvalidBlockError(new.entries[0].index, "prev_head", "another block is final")
        self._punctuality.take(message.sender, request, blocks)
        if any(map(self._machine.is_branched, request.entries)):
            self._notary.look(message, None)
        return new

    def _check_committed(self, request: AppendRequest) -> None:
        """Refuse an append that contradicts a committed block; an honest leader holds them all."""
        # Several messages are taken in one step: the core knows of commits before the ledger does.
        committed = self._core.commit
        claims = [(request.prev_index, request.prev_term)]
        claims += [(entry.index, entry.term) for entry in request.entries]
        for index, claimed in claims:
            if index <= committed and self._core.term_at(index) != claimed:
                raise InvalidBlockError(index, "term", f"{claimed} contradicts a committed block")
