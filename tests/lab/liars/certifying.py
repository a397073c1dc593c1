"""Lies of leaders about what is final: certificates that are none."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec
from lab.liars.liar import Liar, attach, attached_to

from kpledger.base.codec import encode
from kpledger.log.certificates import CertifiedBy, CommitCertificate
from kpledger.log.statements import StatementSigner
from kpnode.raft import AppendRequest, HeartbeatRequest, Index, Message, NodeId, Term

if TYPE_CHECKING:
    from lab.liars.node import Voter
    from lab.liars.world import World

_LEADS: Final = 25
"""Ticks after which it is silent, so that another leads without what it called final."""
_SILENT: Final = 30


class CertifyAlone(Liar):
    """Gives its blocks to one voter alone, and calls them final.

    It shows no certificate, or one with too few signatures, its own several times, or those that
    the same voters have made on a ledger among other voters.
    """

    leads = True

    def __init__(self, voter: "Voter", world: "World", prng: Random) -> None:
        super().__init__(voter, world, prng)
        self._victim: tuple[Term, NodeId] | None = None
        self._since = 0

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Give blocks to one voter, and tell it that they are final."""
        body, core = message.body, self.voter.core
        if not self.voter.leads or not isinstance(body, AppendRequest | HeartbeatRequest):
            return (message,)
        if self._victim is None or self._victim[0] != core.term:
            self._victim, self._since = (core.term, self.prng.choice(self.peers)), self.world.now
        if _LEADS < self.world.now - self._since < _LEADS + _SILENT:
            return ()
        if message.recipient != self._victim[1]:
            is_block = isinstance(body, AppendRequest) and any(
                block is not None and block.events
                for block in (self.voter.machine.at(entry.index) for entry in body.entries)
            )
            return () if is_block else (message,)
        self.lies += core.last_index > core.commit
        certificate = self._forge()
        attached = msgspec.structs.replace(attached_to(message), commit=certificate)
        body = replace(body, commit=Index(core.last_index))
        return (attach(replace(message, body=body), attached),)

    def _forge(self) -> bytes | None:
        """Make a certificate of the newest block that is none."""
        top, electorate = self.voter.machine.end, self.world.roll.electorate
        own = self.signer.acknowledge(top)
        one = CertifiedBy(voter=self.name, generation=own.generation, signature=own.signature)
        by: tuple[CertifiedBy, ...] = (one,)
        match self.prng.randrange(4):
            case 0:
                return None
            case 1:
                by *= electorate.majority
            case 2:
                by = tuple(map(self._sign_elsewhere, self.world.roll.names))
        certificate = CommitCertificate(term=top.term, index=top.index, head=top.head, by=by)
        return encode(certificate)

    def _sign_elsewhere(self, name: NodeId) -> CertifiedBy:
        """Give what a voter has signed on a ledger that other voters decide as well."""
        roll, generation = self.world.roll, self.world.voters[name].disk.generation
        elsewhere = replace(roll.electorate, config_hash=bytes(32))
        signer = StatementSigner(elsewhere, name, roll.keys[name], generation)
        said = signer.acknowledge(self.voter.machine.end)
        return CertifiedBy(voter=name, generation=generation, signature=said.signature)
