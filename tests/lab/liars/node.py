"""One voter: the real core and the real notary, a light machine, a disk.

They are driven as :class:`kpnode.engine.Engine` drives them. That one needs the real machine, which
executes a ledger: here a life takes a tenth of a second, and only what is signed matters.
"""

from dataclasses import dataclass, field, replace

from lab.liars.blocks import Block, follow, seal
from lab.liars.disk import ProofDisk
from lab.liars.machine import LightMachine
from lab.liars.roll import Roll

from kpledger.base.errors import LedgerError
from kpledger.base.keys import SigningKey
from kpledger.log.evidence_file import decode_evidence
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.statements import StatementSigner
from kpnode.docket import Docket, Exhibit
from kpnode.engine import PAUSE_ELECTIONS
from kpnode.notary import Notary
from kpnode.notary.records import Unproven
from kpnode.pump import Pumped, pump
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatRequest,
    Input,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Proposed,
    RaftConfig,
    RaftCore,
    Received,
    Recovered,
    Role,
    Term,
    Tick,
    TimeoutNow,
    TransferRequested,
    VoteReply,
    VoteRequest,
)
from kpnode.stalls import StallWatch

_CAMPAIGNING = PreVoteRequest | PreVoteReply | VoteRequest | VoteReply


@dataclass(frozen=True, slots=True)
class Stepped:
    """What came out of one step."""

    outgoing: tuple[Message, ...] = ()
    applied: tuple[Block, ...] = ()
    told: tuple[Block, ...] = ()
    """Of these, the ones whose clients hear of it from this node."""
    refused: tuple[Unproven, ...] = ()
    exhibits: tuple[Exhibit, ...] = ()
    """Evidence that is new to this node."""


@dataclass(slots=True)
class _Running:
    """What a crash takes away."""

    core: RaftCore
    machine: LightMachine
    notary: Notary
    docket: Docket
    stalls: StallWatch
    pumped: list[Pumped[Block]] = field(default_factory=list)
    """In this step."""
    distrusted: dict[NodeId, Term] = field(default_factory=dict)
    """Leaders that sent a bad block, in which term; they are not listened to."""
    proposed: dict[bytes, None] = field(default_factory=dict)
    """Heads of blocks whose clients wait."""


class Voter:
    """One node, running or not.

    Attributes:
        inbox: what it is to handle in its next step.
        submitted: events that clients have sent to it.
        shown: evidence that others have shown to it, encoded.
    """

    def __init__(self, roll: Roll, name: NodeId, disk: ProofDisk, *, seed: int, ticks: int) -> None:
        """Make a node that never ran; ``ticks`` is the shortest election timeout."""
        self.roll = roll
        self.name = name
        self.disk = disk
        self.key: SigningKey = roll.keys[name]
        self.inbox: list[Input] = []
        self.submitted: list[bytes] = []
        self.shown: list[bytes] = []
        self._believed: list[Message] = []
        self._config = RaftConfig(
            node=name, election_ticks=ticks, seed=seed, fixed_voters=True, signed=True
        )
        self._running: _Running | None = None
        self._tickets = 0

    def hurry(self) -> None:
        """Campaign before others do, from the next start on."""
        least = self._config.heartbeat_ticks + 1
        self._config = replace(
            self._config, election_ticks=max(least, self._config.election_ticks // 2)
        )

    @property
    def runs(self) -> bool:
        """Tell whether it runs."""
        return self._running is not None

    @property
    def is_busy(self) -> bool:
        """Tell whether it runs, and has anything to do."""
        has_work = bool(self.inbox or self.submitted or self.shown)
        return self.runs and has_work and not self.is_frozen

    @property
    def running(self) -> _Running:
        """What runs.

        Raises:
            RuntimeError: nothing does.
        """
        if self._running is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._running

    @property
    def core(self) -> RaftCore:
        """The core."""
        return self.running.core

    @property
    def machine(self) -> LightMachine:
        """The chain of the log."""
        return self.running.machine

    @property
    def notary(self) -> Notary:
        """The notary."""
        return self.running.notary

    @property
    def is_frozen(self) -> bool:
        """Tell whether it knows of two histories, and takes part in neither."""
        return self._running is not None and self._running.docket.fork is not None

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """The evidence that it has; none while it does not run."""
        return () if self._running is None else self._running.docket.exhibits

    @property
    def signer(self) -> StatementSigner:
        """Signs as this node, from this start of it."""
        return StatementSigner(self.roll.electorate, self.name, self.key, self.disk.generation)

    @property
    def leads(self) -> bool:
        """Tell whether it runs and believes that it leads."""
        return self._running is not None and self._running.core.role is Role.LEADER

    def start(self, now: int) -> None:
        """Start from the disk, at a time in ticks."""
        self.disk.start(now)
        self.start_again()

    def start_again(self) -> None:
        """Start from the disk, as if it were the start before: only a liar does."""
        machine = LightMachine.recover(self.roll, self.disk, self.disk.applied)
        recovered = Recovered(self.disk.hard_state, self.roll.configuration, machine.applied)
        core = RaftCore(self._config, recovered, self.disk)
        notary = Notary(
            core,
            self.signer,
            machine,
            self.disk,
            election_ticks=self._config.election_ticks,
            check=self.roll.check,
        )
        docket = Docket(self.roll.electorate, self.disk, self.roll.check)
        notary.records.barred = docket.barred
        stalls = StallWatch(self._config.election_ticks)
        self._running = _Running(core, machine, notary, docket, stalls)

    def stop(self) -> None:
        """Lose everything that is not on the disk."""
        self._running = None
        self.disk.power_off()
        self.inbox = []
        self.submitted = []
        self.shown = []
        self._believed = []

    def believe(self, message: Message) -> None:
        """Give a message to the core of a liar in its next step, whatever its notary says."""
        self._believed.append(message)

    def step(self) -> Stepped:
        """Handle what arrived, order what was submitted, and do all that follows.

        Raises:
            SimCrashError: the power failed.
            InvariantError: the core, or the machine, found itself where it cannot be.
        """
        items, self.inbox = self.inbox, []
        events, self.submitted = self.submitted, []
        shown, self.shown = self.shown, []
        running = self.running
        for item in items:
            self._handle(item)
        for message in self._believed:
            self.core.handle(Received(message))
        self._believed = []
        self._pump()
        if events and self._order(events):
            self._pump()
        running.machine.drop_candidates()
        pumped, running.pumped = running.pumped, []
        applied = tuple(block for one in pumped for block in one.applied)
        self.disk.keep_applied(running.machine.applied)
        refused, exhibits = self._take_findings(shown)
        if self.is_frozen:
            return Stepped((), applied, (), refused, exhibits)
        released = self.notary.release(one for each in pumped for one in each.outgoing)
        told = tuple(block for block in applied if block.head in running.proposed)
        return Stepped(released, applied, told, refused, exhibits)

    def _take_findings(
        self, shown: list[bytes]
    ) -> tuple[tuple[Unproven, ...], tuple[Exhibit, ...]]:
        """Keep the evidence that was found, and shown by others; do not count whom it convicts."""
        docket = self.running.docket
        found, unproven = self.notary.drain()
        new = [docket.add(decode_evidence(encoded)) for encoded in shown]
        new += [docket.add(evidence) for evidence in found]
        self.notary.records.barred = docket.barred
        return tuple(unproven), tuple(one for one in new if one is not None)

    def _pump(self) -> None:
        core, notary = self.core, self.notary
        while True:
            notary.enter()
            self.running.pumped.append(pump(core, self.disk, self.machine))
            inputs = notary.inputs()
            if not inputs:
                return
            for item in inputs:
                core.handle(item)

    def _handle(self, item: Input) -> None:
        core, notary = self.core, self.notary
        if isinstance(item, Tick):
            notary.tick()
            stalled = self.running.stalls.tick(core.status(), notary.held, waits=False)
            if stalled is not None:
                notary.records.pause(stalled.leader, stalled.ticks)
        if not isinstance(item, Received):
            core.handle(item)
            return
        if self._must_save_before(item.message.body):
            self._save()
        admitted = notary.admit(item.message)
        message = None if admitted is None else self._check(admitted)
        if message is None:
            return
        message = notary.follow(message)
        end, body = core.last_index, message.body
        core.handle(Received(message))
        if isinstance(body, AppendReply):
            # Before the pump, so that all that follows is one round of work.
            for certified in notary.certify():
                core.handle(certified)
        elif isinstance(body, AppendRequest) and body.entries:
            was_taken = end == body.prev_index < core.last_index
            if not was_taken:
                # It took something out of the log, or was not taken.
                self._save()

    def _must_save_before(self, body: MessageBody) -> bool:
        """Tell whether a message is about what is not saved, and does not simply go on there."""
        last = self.core.last_index
        goes_on = not isinstance(body, AppendRequest) or not body.entries or body.prev_index == last
        return last != self.core.persisted and (isinstance(body, _CAMPAIGNING) or not goes_on)

    def _save(self) -> None:
        """Save what the core has taken, and forget what it has not."""
        self._pump()
        self.machine.drop_candidates()

    def _check(self, message: Message) -> Message | None:
        """Give a message as the core may see it, None if it may not, as the engine does it."""
        sender, body, running = message.sender, message.body, self.running
        follows = (running.core.leader, running.core.term) == (sender, body.term)
        if isinstance(body, TimeoutNow) and not follows:
            return None
        from_leader = isinstance(body, AppendRequest | HeartbeatRequest | TimeoutNow)
        is_paused = running.notary.records.is_paused(sender)
        if from_leader and (is_paused or running.distrusted.get(sender) == body.term):
            return None
        if not isinstance(body, AppendRequest) or body.term < running.core.term:
            return message
        try:
            return replace(message, body=self._check_append(message, body))
        except LedgerError as error:
            running.notary.look(message, error)
            running.distrusted[sender] = body.term
            running.notary.records.pause(sender, PAUSE_ELECTIONS * self._config.election_ticks)
            return None

    def _check_append(self, message: Message, request: AppendRequest) -> AppendRequest:
        """Check what a leader sends against what this node knows; give what is new of it.

        Raises:
            LedgerError: no honest leader sends it.
        """
        core, machine = self.core, self.machine
        claims = [(request.prev_index, request.prev_term)]
        claims += [(entry.index, entry.term) for entry in request.entries]
        for index, claimed in claims:
            if index <= core.commit and core.term_at(index) != claimed:
                raise InvalidBlockError(index, "term", "it contradicts a committed block")
        new = machine.check(request)
        if new.entries and new.entries[0].index <= self.notary.final:
            raise InvalidBlockError(new.entries[0].index, "prev_head", "another block is final")
        if any(map(machine.is_branched, request.entries)):
            self.notary.look(message, None)
        return new

    def _order(self, events: list[bytes]) -> bool:
        """Propose a block of events on top of the log, if this node leads an open term."""
        core, machine = self.core, self.machine
        before = machine.top
        leads = core.role is Role.LEADER and core.transfer_target is None
        if not leads or (core.last_index, core.term) != (machine.end.index, before.header.term):
            return False
        time_ms = before.header.time_ms + 1
        header, tree = follow(before, self.name, core.term, time_ms, tuple(events))
        block = seal(header, tree, tuple(events), self.key)
        machine.propose(block)
        self.running.proposed[block.head] = None
        core.handle(Proposed(self.next_ticket(), block.payload))
        return True

    def hand_over(self, target: NodeId) -> None:
        """Ask the core to let another lead."""
        self.core.handle(TransferRequested(self.next_ticket(), target))

    def next_ticket(self) -> int:
        """Give a number for what is asked of the core."""
        self._tickets += 1
        return self._tickets
