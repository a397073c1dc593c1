"""What a liar is: what it changes of what a working voter says and hears."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, ClassVar

from kpledger.log.statements import StatementSigner
from kpnode.notary.attachment import Attachment, decode_attachment, encode_attachment
from kpnode.raft import Message, MessageBody, NodeId

if TYPE_CHECKING:
    from lab.liars.node import Voter
    from lab.liars.world import World


class Liar:
    """Changes nothing; each kind of lie overrides what it needs.

    Attributes:
        leads: it lies as a leader, so it campaigns sooner than others.
        voter: the node that it speaks for, with its keys, its log and its notary.
        world: all the rest. A liar knows what it needs to know, as the worst one would.
        lies: how often it has done what its kind does.
    """

    leads: ClassVar[bool] = False

    def __init__(self, voter: "Voter", world: "World", prng: Random) -> None:
        self.voter = voter
        self.world = world
        self.prng = prng
        self.accomplices: frozenset[NodeId] = frozenset()
        self.lies = 0

    @property
    def name(self) -> NodeId:
        """Whose keys it has."""
        return self.voter.name

    @property
    def signer(self) -> StatementSigner:
        """Signs whatever it wants."""
        return self.voter.signer

    @property
    def peers(self) -> list[NodeId]:
        """All the others."""
        return [name for name in self.world.roll.names if name != self.name]

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Give what really leaves."""
        return (message,)

    def incoming(self, message: Message) -> Message | None:
        """Give what the voter hears of a message."""
        return message

    def tick(self) -> Sequence[Message]:
        """Give what it says by itself."""
        return ()

    def say(self, recipient: NodeId, body: MessageBody) -> Message:
        """Make a message of this voter."""
        return Message(self.name, recipient, body)

    def say_all(self, body: MessageBody) -> list[Message]:
        """Make a message to everybody else."""
        return [self.say(peer, body) for peer in self.peers]


def attached_to(message: Message) -> Attachment:
    """Read what is attached to a message."""
    return decode_attachment(message.body.attached)


def attach(message: Message, attachment: Attachment) -> Message:
    """Attach something else."""
    return replace(message, body=replace(message.body, attached=encode_attachment(attachment)))
