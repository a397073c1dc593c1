"""Rounds of gossip: every few seconds with one of those whom this node knows, and at once on news.

Both sides of an exchange end with the same: whoever asks says what it has, is told what it lacks,
and tells what the other one lacks. Where two nodes were shown two ledgers, the first exchange that
one of them takes part in shows it to both.
"""

import asyncio
import logging
import random
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Final, Protocol

from kpledger.api.gossip import MAX_GOSSIP_BYTES, GossipMessage, decode_gossip, encode_gossip
from kpledger.api.routes import GOSSIP, MSGPACK_TYPE
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import CommitCertificate, LeaderCertificate
from kpledger.log.genesis import Genesis
from kpledger.log.note import Note
from kpledger.log.statements import BindingStatement
from kpnode.contacts import PostingLine, UnansweredError
from kpnode.docket import Exhibit
from kpnode.fairness import Buckets
from kpnode.gossip.addresses import AddressBook
from kpnode.gossip.notes import OwnTree
from kpnode.gossip.rumours import OwnHistory, OwnWord, Rumours, Taken
from kpnode.incident import Incident
from kpnode.raft import NodeId
from kpnode.signatures import Signatures

_ROUND_S: Final = 4.0
_AT_ONCE_S: Final = 0.1
"""After news that cannot wait, so that what comes together is told together."""
_EXCHANGE_S: Final = 10.0
_BURST_BYTES: Final = 2 << 20
"""What one site may tell at once."""
_BYTES_PER_S: Final = 64 << 10
_MESSAGE_BYTES: Final = 2 << 10
"""As which a shorter message counts."""
_VAIN_BYTES: Final = 32 << 10
"""As which a rumour counts that does not hold."""

_log = logging.getLogger(__name__)


class HoldsEvidence(Protocol):
    """How a node stands, as far as gossip tells it on."""

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        """The evidence that it has."""


class GossipingNode(Protocol):
    """What gossip needs of a node."""

    @property
    def genesis(self) -> Genesis:
        """What the ledger was founded on."""

    @property
    def name(self) -> str:
        """What the node is called."""

    @property
    def said(self) -> tuple[BindingStatement | LeaderCertificate, ...]:
        """What it has heard in consensus, if it votes."""

    def status(self) -> HoldsEvidence:
        """Say how it stands at this moment."""

    def take_evidence(self, peer: NodeId, encoded: bytes) -> None:
        """Take evidence that somebody shows; it is judged by the node itself."""

    def take_certificates(self, certificates: Sequence[CommitCertificate]) -> None:
        """Hear of blocks that are final, and not here yet."""


class HandsOut(Protocol):
    """The checkpoints that the node hands out.

    A :class:`kpnode.sealing.published.PublishedCheckpoints`.
    """

    @property
    def best(self) -> Note | None:
        """The newest that is sealed, or else the newest that is signed."""

    def take(self, note: Note) -> bool:
        """Take in one with whatever signatures it has; tells whether anything is new.

        Raises:
            LedgerError: it is not of this tree, or a signature is wrong.
        """


class Gossip:
    """What one node tells and hears; belongs to one event loop.

    Attributes:
        addresses: where nodes are.
    """

    def __init__(
        self,
        node: GossipingNode,
        history: OwnHistory,
        tree: OwnTree,
        published: HandsOut,
        lines: Sequence[PostingLine] = (),
        *,
        addresses: AddressBook,
        round_s: float = _ROUND_S,
        chance: random.Random | None = None,
    ) -> None:
        """Know what the node knows; ``lines`` lead to those with whom it talks by itself."""
        self._node = node
        self._published = published
        self.addresses = addresses
        self._lines = lines
        self._round_s = round_s
        self._chance = chance or random.SystemRandom()
        self._exhibits: tuple[Exhibit, ...] = ()
        check = Signatures().check_statement
        self._rumours = Rumours(
            node.genesis, history, tree, lambda: self._exhibits, check, addresses=addresses
        )
        self._lock = asyncio.Lock()
        self._urgent = asyncio.Event()
        self._told = Buckets(_BURST_BYTES, _BYTES_PER_S)
        self._troubles = Incident(_log, "gossip was not understood")

    def is_tired_of(self, site: object) -> bool:
        """Tell whether somebody has told so much lately that nothing more is taken."""
        return self._told.is_full(str(site))

    async def answer(self, site: object, encoded: bytes) -> bytes:
        """Answer somebody's message with what it lacks.

        Raises:
            LedgerError: it is no message about this ledger.
        """
        self._told.fill(str(site), max(len(encoded), _MESSAGE_BYTES))
        asked = decode_gossip(encoded, self._node.genesis)
        taken = await self._take(asked.rumours)
        self._told.fill(str(site), _VAIN_BYTES * len(taken.problems))
        return encode_gossip(await self._message(asked.has))

    async def tell(self) -> bytes:
        """Tell all that this node has, as much as there is room for."""
        return encode_gossip(await self._message(()))

    async def run(self) -> None:
        """Talk to others, until the node cannot read its ledger any more."""
        try:
            await self._go_round()
        except Exception:  # noqa: BLE001 (the node goes on without)
            _log.exception("this node does not gossip any more")

    async def _go_round(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._round_s * (0.5 + self._chance.random())):
                    await self._urgent.wait()
                    await asyncio.sleep(_AT_ONCE_S)
            self._urgent.clear()
            if self._lines:
                await self._meet(self._chance.choice(self._lines))

    async def _meet(self, line: PostingLine) -> None:
        """Exchange with another node."""
        await self._take(())
        try:
            heard = await self._ask(line, await self._message(None))
            await self._take(heard.rumours)
            told = await self._message(heard.has)
            if told.rumours:
                heard = await self._ask(line, told)
                await self._take(heard.rumours)
        except UnansweredError:
            # Whoever needs it to answer says so; gossip asks another one next time.
            return
        except LedgerError as error:
            self._troubles.note(f"from {line.name}: {error}")

    async def _ask(self, line: PostingLine, message: GossipMessage) -> GossipMessage:
        headers = {"Content-Type": MSGPACK_TYPE}
        body = encode_gossip(message)
        said = await line.post(
            GOSSIP.path, body, headers, timeout_s=_EXCHANGE_S, max_bytes=MAX_GOSSIP_BYTES
        )
        if said.status != HTTPStatus.OK:
            raise UnansweredError(f"answers {said.status} to gossip")
        return decode_gossip(said.body, self._node.genesis)

    async def _message(self, known: Sequence[bytes] | None) -> GossipMessage:
        async with self._lock:
            return await asyncio.to_thread(self._rumours.message, known)

    async def _take(self, rumours: Sequence[bytes]) -> Taken:
        """Take what somebody tells, and give the node what convicts anybody."""
        async with self._lock:
            self._exhibits = self._node.status().exhibits
            own = OwnWord(self._node.said, self._published.best)
            taken = await asyncio.to_thread(self._rumours.take, rumours, own)
        for note in taken.checkpoints:
            # Most are of one signer, and beyond what is sealed already.
            with suppress(LedgerError):
                self._published.take(note)
        if taken.ahead:
            self._node.take_certificates(taken.ahead)
        for evidence in taken.evidence:
            self._node.take_evidence(NodeId(self._node.name), evidence)
            self._urgent.set()
        return taken
