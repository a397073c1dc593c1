"""One step of a node: inputs and submissions in, effects done on disk, results out.

Runs in the one thread that owns the core, the machine and the storage; knows no event loop and no
sockets. What must be true before a message leaves is done when :meth:`Engine.step` returns.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.base.state import read_record
from kpledger.log.chain import BlockExecutor, ExecutedBlock
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.records import EventRecord
from kpnode.machine import Machine, MistimedBlockError
from kpnode.ports import Storage
from kpnode.pump import Pumped, pump
from kpnode.punctuality import ClockDoubt, Punctuality
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Dropped,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Input,
    Message,
    MessageBody,
    NodeId,
    Proposed,
    RaftCore,
    ReadGrant,
    ReadRequested,
    Received,
    Role,
    Status,
    Term,
    Tick,
    TimeoutNow,
    TransferRequested,
    Unreachable,
    VoteRequest,
)
from kpnode.refusals import HeldRefusals
from kpnode.signatures import Signatures
from kpnode.submission import Committed, Refused, Retry, find_committed, refuse_signature

MAX_REFUSED_BLOCKS = 100
_MAX_FIRST_TICKET = 1 << 52
MAX_TERM_STEP = 1_000_000
"""How far ahead of the own term a message may be. Terms rise by about one an election, and pre-vote
keeps a node that is cut off from raising them; only a liar jumps, to use the terms up."""
TRANSFER_ELECTIONS = 10
"""Election timeouts from one campaign that sets aside a live leader to the next one."""


PAUSE_ELECTIONS = 3
"""For how many shortest election timeouts a leader is not listened to whose block was mistimed:
long enough for a majority that found the same to elect another, whose clock is right."""
MAX_CLAIMS = 100
"""How many claims about commits are remembered, so that each is told once."""


@dataclass(frozen=True, slots=True)
class RefusedBlock:
    """A block that this node would not let in, and who sent it."""

    leader: NodeId
    term: Term
    problem: str


@dataclass(frozen=True, slots=True)
class _Distrust:
    """A leader that is not listened to: in one term, or for a while."""

    term: Term
    until_tick: int | None
    """When this ends, in whichever term; None if it lasts as long as the term."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Entries that this node had acknowledged, and that its disk does not hold any more."""

    last_index: Index
    """Where the log ended when that was noticed."""
    lost_up_to: Index


@dataclass(frozen=True, slots=True)
class Step:
    """What one step came to."""

    outgoing: tuple[Message, ...]
    """May be sent now: what they promise is durable."""
    applied: tuple[ExecutedBlock, ...]
    reads: tuple[ReadGrant, ...]
    dropped: tuple[Dropped, ...]
    answers: tuple[tuple[bytes, Committed | Refused | Retry], ...]
    """Event ids and what is known about them; a refusal among them is final."""
    proposed: tuple[int, tuple[bytes, ...]] | None
    """The ticket of a block that was proposed, and its events."""
    refused: tuple[RefusedBlock, ...]
    loss: Loss | None
    """News that the disk has lost something."""
    doubt: ClockDoubt | None
    """What the newest block says about clocks, if it is nothing good."""
    newest_ms: int
    """The time of the newest block that this node knows of, taken or not."""
    status: Status


@dataclass(slots=True)
class _Results:
    pumped: list[Pumped[ExecutedBlock]] = field(default_factory=list)
    answers: list[tuple[bytes, Committed | Refused | Retry]] = field(default_factory=list)
    refused: list[RefusedBlock] = field(default_factory=list)
    loss: Loss | None = None
    proposed: tuple[int, tuple[bytes, ...]] | None = None


class Engine:
    """The core, the machine and the storage of one node, moved together.

    Attributes:
        tickets: numbers for whatever is asked of the core. They travel to other nodes as well, so
            they begin anywhere: an answer that outlives a restart must fit no later question.
        find_early: tells whether a block time is ahead of this node's clock.
    """

    def __init__(
        self,
        core: RaftCore,
        storage: Storage,
        machine: Machine,
        *,
        now_ms: Callable[[], int],
        election_ticks: int,
        max_block_events: int,
        max_block_bytes: int,
    ) -> None:
        """Take over the three; ``now_ms`` is this node's clock, ``election_ticks`` the core's."""
        self._core = core
        self._storage = storage
        self._machine = machine
        self._now_ms = now_ms
        self._max_block_events = max_block_events
        self._max_block_bytes = max_block_bytes
        self._distrusted: dict[NodeId, _Distrust] = {}
        self._claims: dict[tuple[NodeId, Term], None] = {}
        self._refusals = HeldRefusals()
        self._punctuality = Punctuality(
            now_ms, skew_ms=machine.skew_ms, election_ticks=election_ticks
        )
        self.find_early = self._punctuality.find_early
        self._pause_ticks = PAUSE_ELECTIONS * election_ticks
        self._ticks = 0
        self._transfer_pause_ticks = TRANSFER_ELECTIONS * election_ticks
        self._calm_ticks = self._transfer_pause_ticks
        self._noticed = Index(0)
        self._offered_ms: int | None = None
        self.tickets = count(secrets.randbelow(_MAX_FIRST_TICKET))

    @property
    def signatures(self) -> Signatures:
        """What was verified: no step computes what is known there."""
        return self._machine.signatures

    def status(self) -> Status:
        """Give a picture of the core."""
        return self._core.status()

    @property
    def newest_ms(self) -> int:
        """The time of the newest block that this node knows of; not to be asked during a step."""
        return max(self._machine.top.time_ms, self._punctuality.early_ms)

    def step(self, items: Sequence[Input], events: Sequence[SignedEvent]) -> Step:
        """Handle inputs, then try to order events; every effect on disk is done at return.

        Raises:
            Exception: any error is final for the node: work that the core has handed out was not
                done.
        """
        results = _Results()
        for item in items:
            self._handle(item, results)
        if events:
            if self._core.last_index != self._machine.top.height:
                # A block goes on top of the log, which the machine knows after the pump alone.
                results.pumped.append(pump(self._core, self._storage, self._machine))
            self._order(events, results)
        results.pumped.append(pump(self._core, self._storage, self._machine))
        self._machine.drop_candidates()
        reads = [one for pumped in results.pumped for one in pumped.reads]
        dropped = [one for pumped in results.pumped for one in pumped.dropped]
        own = self._refusals.tickets
        leads_in = self._core.term if self._core.role is Role.LEADER else None
        applied = Index(self._machine.ledger.tip.height)
        results.answers += self._refusals.settle(reads, dropped, leads_in, applied)
        return Step(
            outgoing=tuple(one for pumped in results.pumped for one in pumped.outgoing),
            applied=tuple(one for pumped in results.pumped for one in pumped.applied),
            reads=tuple(one for one in reads if one.ticket not in own),
            dropped=tuple(one for one in dropped if one.ticket not in own),
            answers=tuple(results.answers),
            proposed=results.proposed,
            refused=tuple(results.refused),
            loss=results.loss,
            doubt=self._punctuality.doubt,
            newest_ms=self.newest_ms,
            status=self._core.status(),
        )

    def may_save(self, item: Input) -> bool:
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

    def _handle(self, item: Input, results: _Results) -> None:
        """Give one input to the core, if it may reach it: nothing that only a liar would send."""
        if isinstance(item, Tick):
            self._ticks += 1
            self._calm_ticks += 1
            self._punctuality.tick()
            if self._core.role is Role.LEADER:
                self._punctuality.hear(self._core.node)
        if not isinstance(item, Received):
            self._core.handle(item)
            return
        message = item.message
        if not self._admits(message, results):
            return
        if isinstance(message.body, VoteRequest) and message.body.transfer:
            body = self._limit_transfer(message.sender, message.body)
            item = Received(replace(message, body=body))
        self._core.handle(item)
        if isinstance(message.body, AppendRequest | HeartbeatRequest):
            if self._follows(message.sender, message.body.term):
                self._punctuality.hear(message.sender)
            if isinstance(message.body, HeartbeatRequest):
                results.loss = self._notice_loss() or results.loss
                self._note_claim(message.sender, message.body, results)

    def _admits(self, message: Message, results: _Results) -> bool:
        """Tell whether a message may reach the core.

        After one bad block nothing else is taken from its leader in that term, not even a
        heartbeat. So an honest majority stops following it and elects another. A block from the
        future or the past proves less, since the wrong clock may be this node's: its leader gets
        another hearing after a while, or this node would be left behind for good.
        """
        sender, body = message.sender, message.body
        if isinstance(body, TimeoutNow) and not self._follows(sender, body.term):
            return False
        from_leader = isinstance(body, AppendRequest | HeartbeatRequest | TimeoutNow)
        if from_leader and self._distrusts(sender, body.term):
            return False
        try:
            self._check_message(sender, body)
        except LedgerError as error:
            if isinstance(body, AppendRequest) and not self._distrust(sender, body.term, error):
                return False
            results.refused.append(RefusedBlock(sender, body.term, str(error)))
            return False
        return True

    def _distrust(self, leader: NodeId, term: Term, error: LedgerError) -> bool:
        """Stop listening to a leader for a block that it answers for; others come again."""
        until_tick = None
        if isinstance(error, MistimedBlockError):
            until_tick = self._ticks + self._pause_ticks
            if not self._punctuality.refuse(leader, error.time_ms, self._machine.top.time_ms):
                return False
        self._distrusted[leader] = _Distrust(term, until_tick)
        return True

    def _distrusts(self, leader: NodeId, term: Term) -> bool:
        found = self._distrusted.get(leader)
        if found is None:
            return False
        return found.term == term if found.until_tick is None else self._ticks < found.until_tick

    def _note_claim(self, leader: NodeId, beat: HeartbeatRequest, results: _Results) -> None:
        """Tell, once in a term, of a leader that speaks of a commit that nothing else speaks for.

        Either it lies, or what this node knows of itself is wrong; nothing follows from it.
        """
        known = max(self._core.last_index, self._core.lost_up_to)
        claim = leader, beat.term
        if beat.commit <= known or beat.term < self._core.term or claim in self._claims:
            return
        if len(self._claims) >= MAX_CLAIMS:
            self._claims.clear()
        self._claims[claim] = None
        problem = (
            f"it claims that block {beat.commit} is committed and was acknowledged by this node,"
            f" which knows of none after {known}"
        )
        results.refused.append(RefusedBlock(leader, beat.term, problem))

    def _follows(self, leader: NodeId, term: Term) -> bool:
        """Tell whether a node is the leader of the current term, and not this one."""
        core = self._core
        return (core.leader, core.term) == (leader, term) and core.role is Role.FOLLOWER

    def _limit_transfer(self, sender: NodeId, request: VoteRequest) -> VoteRequest:
        """Let a campaign set aside a live leader only if it asked for it, as far as one can know.

        The leader itself knows whom it asked. The others know only that it does not happen often:
        a liar that claims it again and again would have one election after the other. Beyond the
        limit the request counts as any other, and whoever hears a leader passes it over.
        """
        if self._core.role is Role.LEADER:
            return replace(request, transfer=self._core.transfer_target == sender)
        if request.term <= self._core.term:
            return request
        if self._calm_ticks < self._transfer_pause_ticks:
            return replace(request, transfer=False)
        self._calm_ticks = 0
        return request

    def _notice_loss(self) -> Loss | None:
        """See whether the core has just learnt that the disk lost what it had acknowledged."""
        lost_up_to = self._core.lost_up_to
        if lost_up_to <= self._noticed:
            return None
        self._noticed = lost_up_to
        return Loss(self._core.last_index, lost_up_to)

    def _check_message(self, sender: NodeId, body: MessageBody) -> None:
        """Check what a message claims against what this node knows.

        Raises:
            LedgerError: no honest node can have sent it.
        """
        term = self._core.term
        if body.term > term + MAX_TERM_STEP:
            raise LedgerError(f"a message of term {body.term}, far beyond {term}")
        if isinstance(body, AppendRequest) and body.term >= term:
            self._check_committed(body)
            blocks = self._machine.check_append(
                body, self._now_ms(), misses_none=self._punctuality.refuses_late(sender)
            )
            self._punctuality.take(sender, body, blocks)

    def _check_committed(self, request: AppendRequest) -> None:
        """Refuse an append that contradicts a committed block; an honest leader holds them all."""
        # Several messages are taken in one step: the core knows of commits before the ledger does.
        committed = self._core.commit
        claims = [(request.prev_index, request.prev_term)]
        claims += [(entry.index, entry.term) for entry in request.entries]
        for index, claimed in claims:
            if index <= committed and self._core.term_at(index) != claimed:
                raise InvalidBlockError(index, "term", f"{claimed} contradicts a committed block")

    def _order(self, events: Sequence[SignedEvent], results: _Results) -> None:
        """Admit events by the rules and propose what passes as one block."""
        core = self._core
        leads = core.role is Role.LEADER and core.last_index == self._machine.top.height
        if not leads or self._waits_for_time():
            results.answers += [(event.event_id, Retry()) for event in events]
            return
        executor = self._machine.open_block(self._now_ms())
        refused: list[Refused] = []
        size = 0
        for position, event in enumerate(events):
            size += len(event.encoded)
            full = len(executor.events) >= self._max_block_events or size > self._max_block_bytes
            if full and executor.events:
                results.answers += [(left.event_id, Retry()) for left in events[position:]]
                break
            answer = self._admit(executor, event)
            if isinstance(answer, Refused) and not answer.bad_signature:
                refused.append(answer)
            elif answer is not None:
                results.answers.append((event.event_id, answer))
        grounds = Index(self._machine.top.height + bool(executor.events))
        proposal = None
        if executor.events:
            proposal = next(self.tickets)
            payload = self._machine.seal(executor, core.term)
            passed = tuple(event.event_id for event in executor.events)
            self._refusals.withdraw(passed)
            results.proposed = proposal, passed
            core.handle(Proposed(proposal, payload))
        if refused:
            ticket = next(self.tickets)
            self._refusals.hold(ticket, refused, term=core.term, grounds=grounds, proposal=proposal)
            core.handle(ReadRequested(ticket))

    def _waits_for_time(self) -> bool:
        """Tell whether nothing is to be sealed now, since the last block is ahead of the clock.

        Once another voter is asked to lead, whose clock may be right; then one block is tried.
        """
        top_ms = self._machine.top.time_ms
        if not self.find_early(top_ms) or not (peers := self._core.status().peers):
            return False
        is_held = self._core.commit < self._core.last_index
        if is_held or self._offered_ms == top_ms:
            return is_held
        self._offered_ms = top_ms
        successor = max(peers, key=lambda peer: (peer.recently_active, peer.match)).node
        self._core.handle(TransferRequested(next(self.tickets), successor))
        return True

    def _admit(self, executor: BlockExecutor, event: SignedEvent) -> Committed | Refused | None:
        """Add an event to the block; an answer if that is all that will happen to it.

        An event that is on the way in an earlier block gets no answer now: its commit will be one.
        """
        record = read_record(executor.changes, EventRecord.key_for(event.event_id), EventRecord)
        if record is not None:
            return find_committed(self._machine.ledger, event.event_id)
        refusal = None
        if not self.signatures.knows(event):
            # Verified where it came in, unless the memory of that is full: then here, last.
            refusal = executor.may_sign(event)
            try:
                if refusal is None:
                    self.signatures.check(event)
            except BadSignatureError as error:
                return refuse_signature(event.event_id, error)
        refusal = refusal or executor.add(event)
        return None if refusal is None else Refused(event.event_id, refusal, bad_signature=False)
