"""A voter that lies: the product itself, on its own links, with somebody between the two.

It follows, votes, campaigns and leads as any node does, until a test says what leaves, or is heard,
instead. What is signed anew in its name is signed with its real key.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from msgspec.structs import replace as replace_fields
from network import NodeSeen
from ports import FOR_PEERS

from attacks.voting import Founded, wait_until
from kpledger.base.codec import encode
from kpledger.base.keys import SigningKey
from kpledger.log.statements import Electorate, StatementSigner, VoterStatement
from kpnode.config import NodeConfig, load_config
from kpnode.engine import Engine
from kpnode.keyring import NodeKeys, load_keys
from kpnode.machine import Machine
from kpnode.notary import Notary
from kpnode.notary.attachment import Attachment, decode_attachment, encode_attachment
from kpnode.raft import (
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    RaftCore,
    Role,
    VoteReply,
)
from kpnode.runtime import Node
from kpnode.transport.relay import PeerLinks
from kpnode.transport.wire import EvidenceShown, Frame
from kpnode.voter import VoterService

_HEARD = 20_000

Twist = Callable[[Message], Iterable[Message]]
"""What leaves in the place of a message."""
Ear = Callable[[NodeId, Frame], bool]
"""Tells whether the node behind gets to hear a frame."""


def say_it(message: Message) -> Iterable[Message]:
    """Let a message leave as it is."""
    return (message,)


def hold_back(_: Message) -> Iterable[Message]:
    """Let nothing leave."""
    return ()


def hear_it(_peer: NodeId, _frame: Frame) -> bool:
    """Hear everything."""
    return True


@dataclass(slots=True)
class Mouth:
    """What a liar has decided."""

    twist: Twist = say_it
    hears: Ear = hear_it
    campaigns: bool = False
    """Whether it stands for election, and votes for nobody else."""
    heard: deque[Message] = field(default_factory=lambda: deque(maxlen=_HEARD))
    said: deque[Message] = field(default_factory=lambda: deque(maxlen=_HEARD))


class LyingLinks(PeerLinks):
    """Links over which something else is said than the node wants to say."""

    def __init__(self, node: Node, keys: NodeKeys, mouth: Mouth) -> None:
        super().__init__(node, keys.tls)
        self._mouth = mouth

    def send(self, messages: tuple[Message, ...]) -> None:
        for message in messages:
            body = message.body
            if isinstance(body, PreVoteRequest) and not self._mouth.campaigns:
                continue
            if isinstance(body, PreVoteReply | VoteReply) and self._mouth.campaigns:
                continue
            for said in self._mouth.twist(message):
                self.say(said)

    def say(self, message: Message) -> None:
        """Say it, whatever it is."""
        self._mouth.said.append(message)
        self.transport.send_frame(message.recipient, message)

    def _take_frame(self, peer: NodeId, frame: Frame) -> float:
        if isinstance(frame, Message):
            self._mouth.heard.append(frame)
        return super()._take_frame(peer, frame) if self._mouth.hears(peer, frame) else 0


class Liar(VoterService):
    """A node in this process whose keys somebody else holds."""

    def __init__(self, config: NodeConfig, network: Founded, keys: NodeKeys) -> None:
        super().__init__(config, network.genesis, keys)
        self.mouth = Mouth()
        self.key: SigningKey = keys.consensus
        self.name = config.node.name
        self._links = self.links = LyingLinks(self.node, keys, self.mouth)
        electorate = Electorate.of(network.genesis)
        generation = self._storage.generation
        self.signer = StatementSigner(electorate, self.name, keys.consensus, generation)

    @property
    def engine(self) -> Engine:
        return self.node._engine

    @property
    def notary(self) -> Notary:
        return self.engine._notary

    @property
    def core(self) -> RaftCore:
        return self.engine._core

    @property
    def machine(self) -> Machine:
        return self.engine._machine

    @property
    def leads(self) -> bool:
        return self.core.role is Role.LEADER

    def tell(self, peers: Iterable[str], body: MessageBody) -> None:
        """Say something to some."""
        for peer in peers:
            self.links.say(Message(NodeId(self.name), NodeId(peer), body))

    def show(self, peers: Iterable[str], evidence: bytes) -> None:
        for peer in peers:
            self.links.transport.send_frame(NodeId(peer), EvidenceShown(evidence=evidence))

    def heard(self, kind: type[MessageBody]) -> list[Message]:
        """Give what was said to it of one kind."""
        return [one for one in self.mouth.heard if isinstance(one.body, kind)]


def attach(statement: VoterStatement) -> bytes:
    """Attach a statement and nothing else."""
    return encode_attachment(Attachment(statement=encode(statement)))


def attach_to(message: Message, **fields: object) -> Message:
    """Put other things beside a message than what its node has put there."""
    attached = replace_fields(decode_attachment(message.body.attached), **fields)
    return replace(message, body=replace(message.body, attached=encode_attachment(attached)))


@asynccontextmanager
async def lying(network: Founded, node: NodeSeen) -> AsyncIterator[Liar]:
    """Run a node in this process; its directory stays as it leaves it."""
    config = load_config(node.config)
    liar = Liar(config, network, load_keys(config, network.genesis))
    try:
        await liar.start(FOR_PEERS)
        yield liar
    finally:
        await liar.stop()


async def wait_until_met(liar: Liar, peers: int) -> None:
    """Wait until it has links to so many."""
    await wait_until(lambda: len(liar.links.connected()) >= peers)
