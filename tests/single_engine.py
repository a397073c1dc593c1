"""An engine without its node: the test says what the other voters say."""

from dataclasses import dataclass
from pathlib import Path

from electing import signer_of
from engines import make_engine
from founding import NOW_MS, make_event, make_genesis, opening_events, signing_key
from voices import Majority, ShownLog, Voice, open_term

from kpledger.log.certificates import CommitCertificate, LeaderCertificate
from kpledger.log.statements import LogEnd
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.governance import KeyAdded
from kpnode.headers import OwnHeaders
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.raft import (
    Configuration,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    RaftConfig,
    RaftCore,
    Received,
    Recovered,
    Role,
    Term,
    Tick,
)
from kpnode.step import Step
from kpnode.storage.leveldb import LevelStorage

VOTERS = tuple(NodeId(name) for name in ("bw-1", "eu-1", "za-1"))
ME, HONEST, LIAR = VOTERS
ELECTION_TICKS = 10
SKEW_MS = 1000
OWN_KEYS = ("BW/root", "BW/recovery")


class World:
    """The engine of bw-1 on real storage; the test speaks for the other two."""

    def __init__(self, directory: Path) -> None:
        genesis = make_genesis()
        self.now_ms = NOW_MS
        self.storage = LevelStorage(directory, chain=genesis.chain, create=True)
        self.ledger = Ledger(genesis, self.storage)
        key = signing_key(f"{ME}/consensus")
        self.machine = Machine(genesis, ME, key, self.ledger, skew_ms=SKEW_MS)
        self.machine.recover(self.storage)
        applied = Index(self.ledger.tip.height)
        recovered = Recovered(self.storage.hard_state, Configuration(VOTERS), applied)
        self.core = RaftCore(
            RaftConfig(ME, ELECTION_TICKS, fixed_voters=True, signed=True), recovered, self.storage
        )
        self.engine = make_engine(
            self.core,
            self.machine,
            self.storage,
            now_ms=lambda: self.now_ms,
            election_ticks=ELECTION_TICKS,
        )
        self.voices = {one: Voice(signer_of(one), ME) for one in (HONEST, LIAR)}
        self.honest = self.voices[HONEST]
        self.others = Majority(tuple(voice.signer for voice in self.voices.values()))

    @property
    def end(self) -> LogEnd:
        """Where the log of the node ends."""
        return self.machine.top.end

    def hear(self, *messages: Message) -> Step:
        """Let the node hear others, in one step."""
        return self.engine.step([Received(one) for one in messages], [])

    def say(self, sender: NodeId, body: MessageBody) -> Received:
        """Let another voter say something without any proof."""
        return Received(Message(sender, ME, body))

    def lead(self) -> None:
        """Win the election of term 1, and commit its NOOP and a block."""
        while self.engine.status().role is not Role.PRE_CANDIDATE:
            self.engine.step([Tick()], [])
        self.hear(self.honest.support(1))
        self.hear(self.honest.vote(1, self.end))
        assert self.engine.status().role is Role.LEADER
        events = [decode_envelope(one) for one in opening_events("BW/gaborone")]
        self.engine.step([Received(self.honest.acknowledge(self.end))], events)
        self.hear(self.honest.acknowledge(self.end))
        assert self.ledger.tip.height == 2

    def confirm(self, step: Step) -> Step:
        """Let another voter answer the newest heartbeat that a step has sent."""
        sent = (one.body for one in step.outgoing)
        newest = max(body.round for body in sent if isinstance(body, HeartbeatRequest))
        reply = HeartbeatReply(Term(1), newest, Index(self.ledger.tip.height))
        return self.engine.step([self.say(HONEST, reply)], [])

    @property
    def log(self) -> ShownLog:
        """The log of the node, as a candidate that has the same shows it."""
        headers = OwnHeaders(self.machine, self.storage)
        return ShownLog(self.end, headers.shown(1, self.end.index) if self.end.index else ())

    def elect(self, leader: NodeId, term: int, base: LogEnd | None = None) -> "Reign":
        """Let the others elect one of them, whose log ends where the node's does, or there."""
        opening = self.others.elect(leader, term=term, base=base or self.end)
        return Reign(self, self.voices[leader], opening)


@dataclass(frozen=True, slots=True)
class Reign:
    """The term of another leader."""

    world: World
    voice: Voice
    opening: LeaderCertificate

    @property
    def noop(self) -> Entry:
        """The block that opens it."""
        return open_term(self.opening)

    def beat(self, *, commit: int = 0, final: CommitCertificate | None = None) -> Received:
        """Give a sign of life of its leader."""
        return Received(self.voice.beat(self.opening, commit=commit, final=final))

    @property
    def opened(self) -> LogEnd:
        """Where the log ends with that block, if it follows what is final."""
        return self._follow(self.noop).top.end

    def append(
        self,
        *entries: Entry,
        previous: LogEnd | None = None,
        final: CommitCertificate | None = None,
    ) -> Received:
        """Give blocks of it; the first follows the log with which its leader was elected."""
        before, commit = previous or self.opening.base, 0 if final is None else final.index
        said = self.voice.append(self.opening, before, *entries, commit=commit, final=final)
        return Received(said)

    def block(self, ahead_ms: int = 0, *, nonce: int = 0) -> Received:
        """Give its next block, sealed by a clock so far ahead of the node's."""
        tip = self.world.ledger.tip
        before = (self.noop,) if tip.term < self.opening.term else ()
        sealed = self.seal(*before, ahead_ms=ahead_ms, nonce=nonce)
        return self.append(*before, sealed, previous=tip.end)

    def seal(self, *before: Entry, ahead_ms: int = 0, nonce: int = 0) -> Entry:
        """Seal a block that follows what is final, and then these."""
        leader = self._follow(*before)
        builder = leader.open_block(self.world.now_ms + ahead_ms)
        builder.add(key_added(nonce))
        payload = leader.seal(builder, Term(self.opening.term))
        index, term = Index(leader.top.height + 1), Term(self.opening.term)
        return Entry(index, term, EntryKind.BLOCK, payload)

    def _follow(self, *entries: Entry) -> Machine:
        """Give a machine of the leader, whose log holds these after what is final."""
        name, world = self.voice.name, self.world
        key = signing_key(f"{name}/consensus")
        leader = Machine(make_genesis(), name, key, world.ledger, skew_ms=SKEW_MS)
        if entries:
            leader.stage(entries)
        return leader


def key_added(number: int, signers: tuple[str, ...] = OWN_KEYS, *, nonce: int = 0) -> SignedEvent:
    """Add a key, new with every number."""
    body = KeyAdded(authority="root", key=signing_key(f"new {number}").public_key, valid_from=0)
    return decode_envelope(make_event("BW/root", body, signers=signers, nonce=nonce))
