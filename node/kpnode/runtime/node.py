"""One running node. It owns the clock, the queue of inputs and the thread of the core.

One task takes what has arrived (so many inputs, and one block of events), lets the engine make
one step, then sends messages and tells those who wait. A step that takes long or waits for a slow
disk is made in a thread of its own. Whatever arrives during a step shares the next one's fsync.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from kpledger.base.errors import LedgerError
from kpledger.log.certificates import CommitCertificate, LeaderCertificate
from kpledger.log.genesis import Genesis
from kpledger.log.statements import BindingStatement, Electorate
from kpledger.scheme.event import Author, SignedEvent
from kpledger.scheme.outcome import Refusal
from kpnode.engine import Engine
from kpnode.fairness import Slices
from kpnode.ledger import Ledger
from kpnode.ports import Links
from kpnode.raft import (
    Dropped,
    Index,
    Message,
    NodeId,
    ReadRequested,
    Received,
    Role,
    Status,
    Tick,
    TransferRequested,
    Unreachable,
)
from kpnode.runtime.handover import Handover, choose_successor
from kpnode.runtime.health import VoterStatus, explain_early
from kpnode.runtime.inbox import Inbox
from kpnode.runtime.incoming import Incoming
from kpnode.runtime.intake import UNLIMITED, Allowance, Intake
from kpnode.runtime.ordering import Ordering
from kpnode.runtime.pace import Pace
from kpnode.runtime.reads import Reads
from kpnode.runtime.relays import Relays
from kpnode.runtime.rounds import Rounds
from kpnode.runtime.showing import Showing
from kpnode.runtime.trouble import Trouble
from kpnode.runtime.verifier import Verifier
from kpnode.runtime.worker import Worker
from kpnode.standing import STOPPING, Failure, NodeStanding, explain_error
from kpnode.step import EngineInput, Loss, Step
from kpnode.submission import (
    Committed,
    Outcome,
    Refused,
    Retry,
    Submissions,
    Unavailable,
    find_committed,
)

_ROUND_ELECTIONS: Final = 2
"""Election timeouts after which a question for a read index, or its answer, is taken for lost."""
_log = logging.getLogger(__name__)


class Node:
    """One node: submits, orders, replicates; answers what became of an event.

    Attributes:
        genesis: what the ledger was founded on.
        name: this node.
        ledger: the committed ledger, for questions.
        raft: where the core stood after its last step.
        signatures: what was verified, remembered.
        slices: for whatever is long in its event loop.
        incoming: messages of peers on their way to the core.
        ordering: events on their way into a block, also those that peers relay.
    """

    def __init__(
        self,
        genesis: Genesis,
        name: str,
        ledger: Ledger,
        engine: Engine,
        *,
        tick_s: float,
        election_s: float,
        max_block_events: int,
        max_queue: int,
        gather_s: float = 0.0,
        loss: Loss | None = None,
    ) -> None:
        """Prepare; nothing happens before :meth:`start`.

        ``election_s`` is the shortest time without a leader before an election; for ``gather_s``
        after a block events wait for the next one; ``loss`` is what the disk was found to have lost
        already.
        """
        self.genesis = genesis
        self.name = name
        self.ledger = ledger
        self._engine = engine
        self._tick_s, self._election_s = tick_s, election_s
        self._max_block_events = max_block_events
        self._gather_s = gather_s
        self._gathering: asyncio.TimerHandle | None = None
        self._links: Links | None = None
        self._inbox = Inbox(max_queue)
        self._submissions = Submissions(max_queue)
        self._relays = Relays()
        timeout_s = _ROUND_ELECTIONS * election_s
        self._rounds = Rounds(engine.tickets, self._send_question, timeout_s=timeout_s)
        self._reads = Reads(self._rounds.ask, max_queue)
        self.signatures = engine.signatures
        # However much clients send, what peers send is verified at once.
        self._verifier = Verifier(engine.signatures, name="clients")
        self._peers_verifier = Verifier(engine.signatures, name="peers")
        self.slices = Slices()
        self._intake = Intake(ledger, self._verifier, self.catch_up, self.slices)
        self.incoming = Incoming(
            self._peers_verifier,
            Electorate.of(genesis),
            lambda message: self._put(Received(message)),
            find_leader=lambda: self.raft.leader,
            long_verifier=self._verifier,
        )
        self.ordering = Ordering(self._submissions, self._intake, self._peers_verifier, self)
        self._transfer: Handover | None = None
        self._showing = Showing(self._verifier, Electorate.of(genesis), self._put)
        self._wake = asyncio.Event()
        self._pace = Pace(engine.may_save)
        self._worker: Worker[[Sequence[EngineInput], Sequence[SignedEvent]], Step] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.raft = engine.status()
        self._failure: Failure | None = None
        self._trouble = Trouble(engine, loss, election_s)
        self._started = self._current_s = time.monotonic()

    async def start(self, links: Links) -> None:
        """Begin to take part, over these links."""
        self._links = links
        self._started = self._current_s = time.monotonic()
        self._log_alarms()
        worker = self._worker = Worker(self._engine.step, name="core")
        self._verifier.start()
        self._peers_verifier.start()
        self._tasks = [
            asyncio.create_task(self._run(worker), name="core"),
            asyncio.create_task(self._tick(), name="tick"),
            asyncio.create_task(self._reads.run(), name="reads"),
        ]

    async def hand_over(self) -> None:
        """If this node leads, let another one lead, so that stopping it keeps nobody waiting.

        Returns when another node leads, or after about one election timeout: then others elect one.
        """
        links, status = self._links, self.raft
        successor = None if links is None else choose_successor(status, links.connected())
        if successor is None or self._failure is not None:
            return
        self._transfer = Handover(next(self._engine.tickets), successor, asyncio.Event())
        self._put(TransferRequested(self._transfer.ticket, successor))
        await self._transfer.wait(self._election_s)

    async def stop(self) -> None:
        """Finish the step under way and stop; whoever waits hears that the node is stopping."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        # A step cannot be cancelled in the middle; what it did not save is lost as in a crash.
        if self._worker is not None:
            await self._worker.close()
            self._worker = None
            await asyncio.gather(self._verifier.close(), self._peers_verifier.close())
        self._fail(STOPPING)

    def status(self) -> NodeStanding:
        """Say how this node stands at this moment."""
        return self._look().standing

    def _look(self) -> VoterStatus:
        return VoterStatus(
            raft=self.raft,
            peers=self._links.connected() if self._links else (),
            pending=len(self._submissions),
            failure=self._failure,
            trouble=self._trouble,
            exhibits=self._engine.exhibits,
            unreachable=self._links.unreachable() if self._links else (),
            doubled=self._links.doubled() if self._links else (),
            age_s=self.age_s,
            uptime_s=int(time.monotonic() - self._started),
        )

    @property
    def said(self) -> tuple[BindingStatement | LeaderCertificate, ...]:
        """What peers said last in consensus, and who was elected lately."""
        return self._engine.said

    @property
    def age_s(self) -> int:
        """How many seconds ago this node was in touch with its leader."""
        return int(time.monotonic() - self._current_s)

    def receive(self, message: Message) -> None:
        """Take a message from a peer; its sender was authenticated by the link it came over."""
        if self._worker is not None:
            self.incoming.take(message)

    def take_certificates(self, certificates: Sequence[CommitCertificate]) -> None:
        """Hear what is final, from whoever tells: a voter goes by what its peers send."""

    def take_evidence(self, peer: NodeId, encoded: bytes) -> None:
        """Take evidence that a peer shows; it is judged by this node itself."""
        self._showing.take(peer, encoded, self._engine.exhibits)

    def unreachable(self, peer: NodeId) -> None:
        """Note that the link to a peer is gone, and with it perhaps what was in flight."""
        self._put(Unreachable(peer))
        self._submissions.answer_all(self._relays.sent_to(peer), Retry())
        self._rounds.lost(peer)
        if self._transfer is not None and self._transfer.successor == peer:
            self._transfer.ended.set()

    def _put(self, item: EngineInput) -> None:
        if self._failure is None and self._inbox.put(item):
            self._wake.set()

    async def submit(
        self, events: Sequence[SignedEvent], timeout_s: float, allowance: Allowance = UNLIMITED
    ) -> list[Outcome]:
        """Bring events onto the ledger, through the leader wherever it is; outcomes in order.

        Those of strangers, or with bad signatures, go no further and cost ``allowance``.
        """
        return await self.ordering.submit(events, timeout_s, allowance)

    async def verify(self, event: SignedEvent) -> LedgerError | None:
        """Verify the signatures of an event, in a thread; says what is wrong, or None."""
        return await self._verifier.begin_event(event)

    @property
    def stopped(self) -> str | None:
        """Why nothing is ordered here any more."""
        return None if self._failure is None else self._failure.text

    def forget(self, event_id: bytes) -> None:
        """Note that nobody waits for an event any more."""
        self._relays.forget(event_id)

    def begin(self, event: SignedEvent, lane: Author, via: str = "") -> str | None:
        """Start one attempt; what stands in its way if nobody can take the event now."""
        if self.raft.role is Role.LEADER:
            self._submissions.enqueue(event, lane, via)
            self._wake.set()
            return None
        if via:
            return "this node does not lead"
        return self._relays.begin(self._links, self.raft.leader, event, lane)

    def judge(self, event: SignedEvent) -> Refusal | None:
        """Say what the rules say to an event on the committed ledger; it may have moved on."""
        return self._intake.judge(event)

    def relayed(self, event_id: bytes, outcome: Outcome) -> None:
        """Take the leader's answer to a relayed event.

        A commit is believed when this node has seen it itself; until then it is worth waiting.
        """
        if event_id not in self._submissions:
            return
        if isinstance(outcome, Committed):
            own = find_committed(self.ledger, event_id)
            if own is not None:
                own = replace(own, duplicate=outcome.duplicate)
                self._submissions.answer(event_id, own)
        elif isinstance(outcome, Refused):
            self._submissions.answer(event_id, outcome)
        else:
            self._submissions.answer(event_id, self._retry(event_id))

    def _retry(self, event_id: bytes) -> Retry | Unavailable:
        early = self._trouble.early  # until that is over, it would be in vain
        return Retry() if early is None else Unavailable(event_id, explain_early(early))

    async def catch_up(self, timeout_s: float) -> str | None:
        """Wait until the committed ledger holds all that was acknowledged before this call.

        Gives None when it does: what is read then is linearizable; else what stood in the way.
        """
        try:
            async with asyncio.timeout(timeout_s):
                if self._failure is None:
                    index = await self._reads.confirm()
                    height = self.ledger.tip.height
                    if index is not None and await self._reads.reach(index, height):
                        return None
        except TimeoutError:
            if self.raft.leader is None:
                return "there is no leader"
            return f"not confirmed by the leader {self.raft.leader} within {timeout_s:g} s"
        return self._failure.text if self._failure else "too many questions wait for the leader"

    async def reach(self, height: int) -> None:
        """Wait until the committed ledger holds a block: for ever, if it never will."""
        if not await self._reads.reach(Index(height), self.ledger.tip.height):
            await asyncio.get_running_loop().create_future()

    async def answer_index(self, timeout_s: float) -> Index | None:
        """Get a read index for another node, which asks because this node was the leader."""
        if self.raft.role is not Role.LEADER or self._failure is not None:
            return None
        try:
            async with asyncio.timeout(timeout_s):
                return await self._reads.confirm()
        except TimeoutError:
            return None

    def on_index_reply(self, peer: NodeId, ticket: int, index: int | None) -> None:
        """Take a leader's answer to a question for a read index."""
        self._rounds.on_reply(peer, ticket, index)

    def _send_question(self, ticket: int) -> NodeId | None:
        """Ask for a read index: here if this node leads, else its leader; tells whom."""
        leader = self.raft.leader
        if self.raft.role is Role.LEADER:
            self._put(ReadRequested(ticket))
        elif leader is None or self._links is None or not self._links.ask_index(leader, ticket):
            return None
        return leader

    async def _tick(self) -> None:
        while True:
            # One step of logical time at a time, also after a pause of the machine.
            await asyncio.sleep(self._tick_s)
            self._put(Tick())
            self._showing.meet(self._links, self._engine.exhibits)
            if stalled := self._trouble.tick(self.raft, self.ordering.waited_s):
                self._put(stalled)
            if self._look().hears_leader:
                self._current_s = time.monotonic()

    async def _run(
        self, worker: Worker[[Sequence[EngineInput], Sequence[SignedEvent]], Step]
    ) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            items = self._inbox.take()
            gathers = self._gathering is not None
            events = [] if gathers else self._submissions.take(self._max_block_events)
            try:
                if self._pace.is_quick(items, events):
                    started_s = time.monotonic()
                    step = self._engine.step(items, events)
                    self._pace.took(time.monotonic() - started_s)
                else:
                    step = await worker.call(items, events)
                self._finish(step)
            except Exception as error:  # noqa: BLE001 (whatever it is, the node must stop here)
                # Work of the core was not done: going on could break a promise. Reading can go on.
                _log.exception("the node stops taking part")
                self._fail(explain_error(error))
                return
            if self._inbox or (self._submissions and self._gathering is None):
                self._wake.set()

    def _finish(self, step: Step) -> None:
        if self._links is not None:
            self._links.send(step.outgoing)
            self._showing.tell(self._links, step.exhibits)
        if step.status.leader != self.raft.leader or step.status.role is not self.raft.role:
            self._leadership_changed(step.status)
        self.raft = step.status
        if step.proposed is not None:
            self._submissions.propose(*step.proposed)
            if self._gather_s:
                loop = asyncio.get_running_loop()
                self._gathering = loop.call_later(self._gather_s, self._end_gathering)
        for event_id, answer in step.answers:
            again = isinstance(answer, Retry)
            self._submissions.answer(event_id, self._retry(event_id) if again else answer)
        for dropped in step.dropped:
            self._take_dropped(dropped)
        for execution in step.applied:
            self._intake.applied(execution)
            self._submissions.commit(execution)
        self._reads.applied(self.ledger.tip.height)
        for grant in step.reads:
            self._rounds.on_reply(step.status.node, grant.ticket, grant.index)
        self.incoming.note_vain(step.vain)
        if self._trouble.take(step):
            self._log_alarms()

    def _end_gathering(self) -> None:
        self._gathering = None
        self._wake.set()

    def _log_alarms(self) -> None:
        for alarm in self._look().alarms:
            _log.error("%s", alarm)

    def _take_dropped(self, dropped: Dropped) -> None:
        self._submissions.drop(dropped.ticket)
        self._rounds.on_reply(self.raft.node, dropped.ticket, None)
        if self._transfer is not None and self._transfer.ticket == dropped.ticket:
            self._transfer.ended.set()

    def _leadership_changed(self, status: Status) -> None:
        _log.info("%s in term %d, leader %s", status.role.value, status.term, status.leader)
        self._submissions.answer_all(self._relays.not_sent_to(status.leader), Retry())
        self._rounds.led_by(status.leader)
        if self._transfer is not None and status.leader not in (None, status.node):
            self._transfer.ended.set()

    def _fail(self, failure: Failure) -> None:
        self._failure = self._failure or failure
        self._inbox.clear()
        self._reads.give_up()
        for event_id in self._submissions.awaited:
            self._submissions.answer(event_id, Unavailable(event_id, failure.text))
