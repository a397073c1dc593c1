"""An engine without its node: the test says what the other voters say."""

from pathlib import Path

from founding import NOW_MS, make_event, make_genesis, opening_events, signing_key

from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.governance import KeyAdded
from kpnode.engine import Engine, Step
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.raft import (
    AppendReply,
    Configuration,
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
    VoteReply,
)
from kpnode.raft.messages import PreVoteReply
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
        machine = Machine(genesis, ME, signing_key(f"{ME}/consensus"), self.ledger, skew_ms=SKEW_MS)
        recovered = Recovered(self.storage.hard_state, Configuration(VOTERS), Index(0))
        self.engine = Engine(
            RaftCore(RaftConfig(ME), recovered, self.storage),
            self.storage,
            machine,
            now_ms=lambda: self.now_ms,
            election_ticks=ELECTION_TICKS,
            max_block_events=100,
            max_block_bytes=1 << 20,
        )

    def say(self, sender: NodeId, body: MessageBody) -> Received:
        return Received(Message(sender, ME, body))

    def lead(self) -> None:
        """Win the election of term 1, and commit its NOOP and a block."""
        for _ in range(40):
            self.engine.step([Tick()], [])
        self.engine.step([self.say(HONEST, PreVoteReply(Term(1), granted=True))], [])
        self.engine.step([self.say(HONEST, VoteReply(Term(1), granted=True))], [])
        assert self.engine.status().role is Role.LEADER
        events = [decode_envelope(one) for one in opening_events("BW/gaborone")]
        self.engine.step(
            [self.say(HONEST, AppendReply(Term(1), accepted=True, index=Index(1)))], events
        )
        self.engine.step(
            [self.say(HONEST, AppendReply(Term(1), accepted=True, index=Index(2)))], []
        )
        assert self.ledger.tip.height == 2

    def confirm(self, step: Step) -> Step:
        """Let another voter answer the newest heartbeat that a step has sent."""
        sent = (one.body for one in step.outgoing)
        newest = max(body.round for body in sent if isinstance(body, HeartbeatRequest))
        reply = HeartbeatReply(Term(1), newest, Index(self.ledger.tip.height))
        return self.engine.step([self.say(HONEST, reply)], [])


def key_added(number: int, signers: tuple[str, ...] = OWN_KEYS, *, nonce: int = 0) -> SignedEvent:
    """Add a key, new with every number."""
    body = KeyAdded(authority="root", key=signing_key(f"new {number}").public_key, valid_from=0)
    return decode_envelope(make_event("BW/root", body, signers=signers, nonce=nonce))
